//! A database looked over: what is wrong with it, or may become so, as far as the server knows.
//!
//! Each `Rule` is one query of the catalogue that gives objects, what is wrong with each, and what to do. Only one look
//! goes into tables: whether the next number of a sequence is already taken, which an index answers. Nothing is written,
//! and nobody is kept waiting.

use super::host::Host;
use super::scratch::{refuse_transaction, text};
use super::settings::make;
use crate::error::{Code, Result, State};
use crate::run::{Finding, Severity};

/// Something to look for.
struct Rule {
    code: &'static str,
    severity: Severity,
    /// What it is about, for the error where it cannot be asked.
    about: &'static str,
    /// From which version on the server can be asked.
    since: u32,
    /// Gives the object, what is wrong, and what to do.
    sql: &'static str,
}

/// Prepares the names: `n` is the schema, `c` the table.
macro_rules! objects {
    ($($part:literal),+ $(,)?) => {
        concat!(
            "WITH o AS (SELECT c.*, pg_catalog.format('%I.%I', n.nspname, c.relname) AS whole, \
             CASE n.nspname WHEN 'public' THEN pg_catalog.quote_ident(c.relname) \
             ELSE pg_catalog.format('%I.%I', n.nspname, c.relname) END AS shown \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> '_whimbrel' \
             AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.classid = 1259 AND e.objid = c.oid \
             AND e.deptype = 'e')) ",
            $($part),+
        )
    };
}

const RULES: [Rule; 13] = [
    Rule {
        code: "D01",
        severity: Severity::Error,
        about: "checksums",
        since: 120_000,
        sql: "SELECT '', s.checksum_failures || ' pages had a wrong checksum when they were read', \
              'look at the server''s log for which; then restore a backup' FROM pg_catalog.pg_stat_database s \
              WHERE s.datname = pg_catalog.current_database() AND s.checksum_failures > 0",
    },
    Rule {
        code: "D09",
        severity: Severity::Warning,
        about: "settings",
        since: 0,
        sql: "SELECT '', s.name || ' is ' || s.setting || CASE WHEN s.name IN ('fsync', 'full_page_writes') \
              THEN ': power loss can damage the database' ELSE ': damage is read over' END, \
              'set it to ' || s.boot_val FROM pg_catalog.pg_settings s WHERE (s.name IN ('fsync', 'full_page_writes') \
              AND s.setting = 'off') OR (s.name IN ('zero_damaged_pages', 'ignore_checksum_failure', \
              'ignore_system_indexes') AND s.setting = 'on') ORDER BY s.name",
    },
    Rule {
        code: "D11",
        severity: Severity::Warning,
        about: "foreign keys",
        since: 0,
        sql: objects!(
            "SELECT o.shown, pg_catalog.format('foreign key %I (%s) has no index', k.conname, \
             (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY x.n) \
             FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY x(attnum, n) JOIN pg_catalog.pg_attribute a \
             ON a.attrelid = k.conrelid AND a.attnum = x.attnum)), \
             'create one: without it, every change of a parent''s key reads the whole table' \
             FROM pg_catalog.pg_constraint k JOIN o ON o.oid = k.conrelid \
             WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i \
             WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = ANY (k.conkey)) \
             ORDER BY o.whole, k.conname"
        ),
    },
    Rule {
        code: "D12",
        severity: Severity::Error,
        about: "indexes",
        since: 120_000,
        sql: objects!(
            "SELECT o.shown, pg_catalog.format('its index %I is not valid: no query uses it, and writing pays for it', \
             x.relname), CASE WHEN x.relkind = 'I' THEN 'attach an index of each partition to it' \
             ELSE pg_catalog.format('build it again: REINDEX INDEX CONCURRENTLY %I.%I; or drop it', \
             xn.nspname, x.relname) END \
             FROM pg_catalog.pg_index i JOIN o ON o.oid = i.indrelid JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
             JOIN pg_catalog.pg_namespace xn ON xn.oid = x.relnamespace WHERE NOT i.indisvalid AND NOT EXISTS \
             (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid) \
             ORDER BY o.whole, x.relname"
        ),
    },
    Rule {
        code: "D13",
        severity: Severity::Warning,
        about: "constraints",
        since: 0,
        sql: objects!(
            "SELECT o.shown, pg_catalog.format('%s was never checked for the rows that were there before it', \
             k.conname), pg_catalog.format('check them: ALTER TABLE %s VALIDATE CONSTRAINT %I', o.whole, k.conname) \
             FROM pg_catalog.pg_constraint k JOIN o ON o.oid = k.conrelid \
             WHERE NOT k.convalidated AND k.conparentid = 0 AND k.conname !~ '^_whimbrel_(not_null|fill)_' \
             ORDER BY o.whole, k.conname"
        ),
    },
    Rule {
        code: "D14",
        severity: Severity::Warning,
        about: "primary keys",
        since: 0,
        sql: objects!(
            "SELECT o.shown, 'it has no primary key', \
             'give it one: without it, replication refuses to change its rows, and no row can be named' \
             FROM o WHERE o.relkind IN ('r', 'p') AND NOT o.relispartition AND NOT EXISTS \
             (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = o.oid AND i.indisprimary) ORDER BY o.whole"
        ),
    },
    Rule {
        code: "D17",
        severity: Severity::Error,
        about: "triggers",
        since: 0,
        sql: objects!(
            "SELECT o.shown, pg_catalog.format('%s %I is not kept: its triggers on %s are disabled', \
             CASE k.contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END, k.conname, p.shown), \
             pg_catalog.format('look for rows %s; then ALTER TABLE %s ENABLE TRIGGER ALL', \
             CASE k.contype WHEN 'f' THEN 'without a parent' ELSE 'that break it' END, p.whole) \
             FROM pg_catalog.pg_constraint k JOIN o ON o.oid = k.conrelid JOIN (SELECT DISTINCT t.tgconstraint, t.tgrelid \
             FROM pg_catalog.pg_trigger t WHERE t.tgisinternal AND t.tgenabled = 'D') t ON t.tgconstraint = k.oid \
             JOIN o p ON p.oid = t.tgrelid ORDER BY o.whole, k.conname, p.whole"
        ),
    },
    Rule {
        code: "D17",
        severity: Severity::Warning,
        about: "triggers",
        since: 0,
        sql: objects!(
            "SELECT o.shown, pg_catalog.format('trigger %I is disabled', t.tgname), \
             pg_catalog.format('drop it, or ALTER TABLE %s ENABLE TRIGGER %I', o.whole, t.tgname) \
             FROM pg_catalog.pg_trigger t JOIN o ON o.oid = t.tgrelid \
             WHERE NOT t.tgisinternal AND t.tgenabled = 'D' ORDER BY o.whole, t.tgname"
        ),
    },
    Rule {
        code: "D18",
        severity: Severity::Error,
        about: "collation of the database",
        since: 150_000,
        sql: "SELECT '', pg_catalog.format('its collation was version %s and is %s now: indexes of texts may be in \
              another order', d.datcollversion, pg_catalog.pg_database_collation_actual_version(d.oid)), \
              pg_catalog.format('REINDEX DATABASE %1$I; then ALTER DATABASE %1$I REFRESH COLLATION VERSION', d.datname) \
              FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database() \
              AND d.datcollversion <> pg_catalog.pg_database_collation_actual_version(d.oid)",
    },
    Rule {
        code: "D18",
        severity: Severity::Error,
        about: "collations",
        since: 100_000,
        sql: "SELECT pg_catalog.quote_ident(l.collname), pg_catalog.format('this collation was version %s and is %s now: \
              indexes with it may be in another order', l.collversion, \
              pg_catalog.pg_collation_actual_version(l.oid)), \
              pg_catalog.format('REINDEX what uses it; then ALTER COLLATION %I.%I REFRESH VERSION', n.nspname, \
              l.collname) FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace \
              WHERE l.collversion IS NOT NULL AND l.oid IN (SELECT x FROM pg_catalog.pg_index i, \
              pg_catalog.unnest(i.indcollation::oid[]) x) \
              AND l.collversion <> pg_catalog.pg_collation_actual_version(l.oid) ORDER BY 1",
    },
    Rule {
        code: "D19",
        severity: Severity::Warning,
        about: "leftovers",
        since: 0,
        sql: objects!(
            "SELECT o.shown, pg_catalog.format('%s was left by a run that was stopped, unless one is at work', l.what), \
             'run it again: what is left is used or taken away' FROM o JOIN LATERAL (SELECT i.indrelid AS id, \
             pg_catalog.format('its index %I', x.relname) AS what FROM pg_catalog.pg_index i \
             JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE x.relname ~ '^_whimbrel_new_' \
             UNION ALL SELECT k.conrelid, pg_catalog.format('its check %I', k.conname) FROM pg_catalog.pg_constraint k \
             WHERE k.conname ~ '^_whimbrel_(not_null|fill)_' AND k.conislocal) l \
             ON l.id = o.oid ORDER BY o.whole, l.what"
        ),
    },
    Rule {
        code: "D20",
        severity: Severity::Warning,
        about: "prepared transactions",
        since: 0,
        sql: "SELECT '', pg_catalog.format('the prepared transaction %L is open since %s: a change of what it has \
              locked waits for it', p.gid, p.prepared), pg_catalog.format('COMMIT PREPARED %1$L, or ROLLBACK PREPARED \
              %1$L', p.gid) FROM pg_catalog.pg_prepared_xacts p WHERE p.database = pg_catalog.current_database() \
              AND p.prepared < pg_catalog.now() - '10 min'::interval ORDER BY p.prepared",
    },
    Rule {
        code: "D21",
        severity: Severity::Warning,
        about: "age",
        since: 0,
        sql: "SELECT '', pg_catalog.format('its oldest rows are %s million transactions old, and at about 2100 million \
              it stops', pg_catalog.age(d.datfrozenxid) / 1000000), 'find out what keeps VACUUM from freezing: an old \
              transaction, a replication slot; then VACUUM (FREEZE)' FROM pg_catalog.pg_database d \
              WHERE d.datname = pg_catalog.current_database() AND pg_catalog.age(d.datfrozenxid) > 1000000000",
    },
];

/// The sequences of columns: the table, the column, how many hundredths of the numbers are used, a query for whether the
/// next number is there already, the statement that mends it, the column's type, and whether the sequence ends before that. Only rising ones that do not begin anew; and only where
/// an index knows.
const SEQUENCES: &str = objects!(
    "SELECT o.shown, a.attname, \
     pg_catalog.div(v.last::numeric * 100, LEAST(q.seqmax, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 \
     ELSE 9223372036854775807 END)), \
     CASE WHEN i.has AND NOT pg_catalog.row_security_active(o.oid) \
     AND pg_catalog.has_column_privilege(o.oid, a.attnum, 'SELECT') THEN \
     pg_catalog.format('(SELECT pg_catalog.max(%I) >= %s FROM %s)', a.attname, \
     COALESCE(v.last + q.seqincrement, q.seqstart), o.whole) END, \
     pg_catalog.format('SELECT setval(%L, (SELECT max(%I) FROM %s))', s.whole, a.attname, o.whole), \
     pg_catalog.format_type(a.atttypid, NULL), q.seqmax < CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 \
     ELSE 9223372036854775807 END \
     FROM pg_catalog.pg_depend d JOIN o ON o.oid = d.refobjid JOIN o s ON s.oid = d.objid AND s.relkind = 'S' \
     JOIN pg_catalog.pg_sequence q ON q.seqrelid = d.objid \
     JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
     CROSS JOIN LATERAL (SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_index x WHERE x.indrelid = o.oid AND x.indisvalid \
     AND x.indpred IS NULL AND x.indkey[0] = a.attnum) AS has) i \
     CROSS JOIN LATERAL (SELECT CASE WHEN pg_catalog.has_sequence_privilege(d.objid, 'USAGE, SELECT') \
     THEN pg_catalog.pg_sequence_last_value(d.objid) END AS last) v \
     WHERE d.classid = 1259 AND d.refclassid = 1259 AND d.deptype IN ('a', 'i') AND q.seqincrement > 0 \
     AND NOT q.seqcycle \
     AND a.atttypid IN (20, 21, 23) AND pg_catalog.has_sequence_privilege(d.objid, 'USAGE, SELECT') \
     ORDER BY o.whole, a.attnum"
);

/// From how many hundredths on it is told that numbers come to an end.
const NEARLY_ALL: u32 = 75;

/// How many tables one request asks about.
const TOGETHER: usize = 100;

/// Looks a database over. Nothing is written.
///
/// # Errors
/// Where the catalogue cannot be read, or a transaction is open.
pub async fn doctor<H: Host>(host: &mut H) -> Result<Vec<Finding>> {
    refuse_transaction(host).await?;
    let found = make(host).await?;
    let outcome = look(host).await;
    found.put_back(host, outcome, State::Unchanged).await
}

async fn look<H: Host>(host: &mut H) -> Result<Vec<Finding>> {
    let ask = |about: &'static str| {
        move |f: crate::run::Failure| f.error(Code::Database, format!("the {about} cannot be looked at"))
    };
    let version = "SELECT pg_catalog.current_setting('server_version_num')";
    let rows = host.query(version).await.map_err(ask("version"))?;
    let version: u32 = rows.first().and_then(|row| text(row, 0).parse().ok()).unwrap_or_default();
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.since <= version) {
        for row in host.query(rule.sql).await.map_err(ask(rule.about))? {
            findings.push(Finding {
                code: rule.code,
                severity: rule.severity,
                object: text(&row, 0),
                message: text(&row, 1),
                help: text(&row, 2),
            });
        }
    }
    sequences(host, &mut findings).await.map_err(ask("sequences"))?;
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.code));
    Ok(findings)
}

async fn sequences<H: Host>(host: &mut H, findings: &mut Vec<Finding>) -> Result<(), crate::run::Failure> {
    let sequences = host.query(SEQUENCES).await?;
    for row in &sequences {
        if let Some(used) = text(row, 2).parse().ok().filter(|used: &u32| *used >= NEARLY_ALL) {
            let (of, help) = match text(row, 6) == "t" {
                true => ("its sequence".to_owned(), "raise the MAXVALUE of the sequence before there is none left"),
                false => (
                    text(row, 5),
                    "make the column and its sequence bigint before there is none left; that writes all rows again",
                ),
            };
            findings.push(Finding {
                code: "D16",
                severity: Severity::Warning,
                object: text(row, 0),
                message: format!("{} has used {used} % of the numbers that {of} has", text(row, 1)),
                help: help.to_owned(),
            });
        }
    }
    let asked: Vec<_> = sequences.iter().filter(|row| !text(row, 3).is_empty()).collect();
    for some in asked.chunks(TOGETHER) {
        let questions: Vec<String> = some.iter().map(|row| text(row, 3)).collect();
        let answers = host.query(&format!("SELECT {}", questions.join(", "))).await?;
        let Some(answers) = answers.first() else { continue };
        for (row, _) in some.iter().zip(answers).filter(|(_, is_taken)| is_taken.text() == Some("t")) {
            findings.push(Finding {
                code: "D15",
                severity: Severity::Error,
                object: text(row, 0),
                message: format!("the sequence of {} is behind: its next numbers may be taken", text(row, 1)),
                help: text(row, 4),
            });
        }
    }
    Ok(())
}
