//! Live database → [`Schema`]: ten queries over `pg_catalog`, whatever the number of objects.
//!
//! They run in one read-only snapshot with an empty `search_path`, so that PostgreSQL prints every name with its schema.
//! What belongs to an extension is left out, and what PostgreSQL makes by itself for a partition or a constraint.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::schema::{
    Attached, Attribute, Body, Column, Constraint, Demands, Domain, DomainCheck, Generated, Grant, Identity, Index,
    Kind, Need, Numbers, Object, ObjectId, Policy, Rights, Routine, Schema, Sequence, Table, Toggled, View,
};
use super::settings::{PRINTING, making};
use crate::error::{Code, Error, Result};
use crate::run::{Connection, Row, Value};

/// The oldest server that is read: from here on generated columns, procedures and `REINDEX CONCURRENTLY` are there.
pub const OLDEST_SERVER: u32 = 120_000;

/// Reads the schema in a transaction of its own, or in the one that is open.
///
/// # Errors
/// [`Code::Database`] where the server refuses a query, or is older than PostgreSQL 12.
pub async fn read_schema<C: Connection>(conn: &mut C) -> Result<Schema> {
    // What Whimbrel keeps for itself is declared by nobody.
    Ok(read_all(conn).await?.without(crate::history::record::is_own))
}

async fn read_all<C: Connection>(conn: &mut C) -> Result<Schema> {
    let failed = |f: crate::run::Failure| f.error(Code::Database, "the schema cannot be read");
    if conn.in_transaction().await.map_err(failed)? {
        let rows = conn.query(&making(&printing(), true)).await.map_err(failed)?;
        let former: Vec<(String, String)> = rows.iter().map(|row| (Cells(row).text(0), Cells(row).text(1))).collect();
        let schema = read_here(conn).await?;
        let former: Vec<(&str, &str)> = former.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if !former.is_empty() {
            conn.query(&making(&former, true)).await.map_err(failed)?;
        }
        return Ok(schema);
    }
    match read_once(conn).await {
        // The functions that print definitions look at the catalogue as it is now: somebody has dropped one meanwhile.
        Err(e) if e.report().cause.as_deref().is_some_and(|cause| cause.contains("cache lookup failed")) => {
            read_once(conn).await
        }
        outcome => outcome,
    }
}

/// By these settings every name is printed with its schema, and every constant in one form. To compile the queries would
/// take several times as long as to answer them: PostgreSQL thinks that with many objects they are expensive.
fn printing() -> Vec<(&'static str, &'static str)> {
    [("search_path", ""), ("jit", "off")].into_iter().chain(PRINTING).collect()
}

async fn read_once<C: Connection>(conn: &mut C) -> Result<Schema> {
    let failed = |f: crate::run::Failure| f.error(Code::Database, "the schema cannot be read");
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", making(&printing(), true));
    let outcome = match conn.execute(&begin).await.map_err(failed) {
        Ok(_) => read_here(conn).await,
        Err(e) => Err(e),
    };
    let ended = conn.execute("ROLLBACK").await.map_err(failed);
    let schema = outcome?;
    ended?;
    Ok(schema)
}

/// What PostgreSQL calls its catalogues: their object ids are the same in every version.
mod catalogue {
    pub const TYPE: u32 = 1247;
    pub const PROC: u32 = 1255;
    pub const CLASS: u32 = 1259;
    pub const ATTRDEF: u32 = 2604;
    pub const CONSTRAINT: u32 = 2606;
    pub const NAMESPACE: u32 = 2615;
    pub const REWRITE: u32 = 2618;
    pub const TRIGGER: u32 = 2620;
    pub const EXTENSION: u32 = 3079;
    pub const POLICY: u32 = 3256;
    pub const STATISTICS: u32 = 3381;
    pub const COLLATION: u32 = 3456;
}

/// A row whose values all came as text.
struct Cells<'r>(&'r Row);

impl Cells<'_> {
    fn raw(&self, at: usize) -> Option<Cow<'_, str>> {
        match self.0.get(at)? {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            Value::Integer(n) => Some(Cow::Owned(n.to_string())),
            Value::Real(n) => Some(Cow::Owned(n.to_string())),
            Value::Null | Value::Blob(_) => None,
        }
    }

    fn maybe(&self, at: usize) -> Option<String> {
        self.raw(at).map(Cow::into_owned)
    }

    fn text(&self, at: usize) -> String {
        self.maybe(at).unwrap_or_default()
    }

    fn number<T: std::str::FromStr + Default>(&self, at: usize) -> T {
        self.raw(at).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    fn is(&self, at: usize) -> bool {
        matches!(self.raw(at).as_deref(), Some("t" | "true" | "1"))
    }

    fn letter(&self, at: usize) -> char {
        self.raw(at).and_then(|text| text.chars().next()).unwrap_or(' ')
    }

    /// A JSON array of numbers.
    fn numbers<T: serde::de::DeserializeOwned>(&self, at: usize) -> Vec<T> {
        self.raw(at).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// A JSON array of texts.
    fn list(&self, at: usize) -> Vec<String> {
        let list: Option<Vec<Option<String>>> = self.raw(at).and_then(|text| serde_json::from_str(&text).ok());
        list.unwrap_or_default().into_iter().flatten().collect()
    }
}

/// What stands between the queries: which object has which number.
#[derive(Default)]
struct Reading {
    version: u32,
    /// In no order: names that begin alike, as those of a schema do, are compared slowly.
    objects: HashMap<ObjectId, Object>,
    /// By catalogue and object id.
    ids: HashMap<(u32, u32), ObjectId>,
    /// The columns of tables by number.
    columns: HashMap<(u32, i32), String>,
    /// Defaults: the table and the column they are of.
    defaults: HashMap<u32, (u32, i32)>,
}

impl Reading {
    fn add(&mut self, catalogue: u32, oid: u32, id: ObjectId, comment: Option<String>, body: Body) {
        self.ids.insert((catalogue, oid), id.clone());
        let object = Object { id: id.clone(), comment, rights: Rights::default(), needs: Vec::new(), body };
        self.objects.insert(id, object);
    }

    /// What is read as a whole statement, and what is only seen.
    fn add_whole(&mut self, cells: &Cells<'_>) {
        let (oid, schema, name, comment) = (cells.number(1), cells.text(7), cells.text(3), cells.maybe(6));
        match cells.letter(0) {
            's' => {
                let id = ObjectId::new(Kind::Statistics, schema, name);
                self.add(catalogue::STATISTICS, oid, id, comment, Body::Whole { definition: cells.text(4) });
            }
            'c' => {
                let id = ObjectId::new(Kind::Collation, schema, name);
                let definition = format!("CREATE COLLATION {} ({})", id.sql(), cells.text(4));
                self.add(catalogue::COLLATION, oid, id, comment, Body::Whole { definition });
            }
            _ => {
                let id = ObjectId { arguments: cells.text(5), ..ObjectId::new(Kind::Other, schema, name) };
                let body = Body::Other { kind: cells.text(5) };
                let object =
                    Object { id: id.clone(), comment: None, rights: Rights::default(), needs: Vec::new(), body };
                self.objects.insert(id, object);
            }
        }
    }

    fn class(&self, oid: u32) -> Option<&ObjectId> {
        self.ids.get(&(catalogue::CLASS, oid))
    }

    /// The columns of these numbers.
    fn names(&self, table: u32, numbers: impl IntoIterator<Item = i32>) -> Vec<String> {
        numbers.into_iter().filter_map(|number| self.columns.get(&(table, number)).cloned()).collect()
    }

    fn table_mut(&mut self, oid: u32) -> Option<&mut Table> {
        let id = self.ids.get(&(catalogue::CLASS, oid))?;
        match &mut self.objects.get_mut(id)?.body {
            Body::Table(table) => Some(table),
            _ => None,
        }
    }
}

/// Whether a schema is a user's: names with `pg_` are the system's own, and one is Whimbrel's.
const OURS: &str = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> '_whimbrel'";

/// Whether an object of `catalogue` belongs to no extension.
fn no_member(catalogue: u32, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.classid = {catalogue} AND e.objid = {oid} \
         AND e.deptype = 'e')"
    )
}

/// The comment of an object, as a join with the alias `d`.
fn comment(catalogue: u32, oid: &str) -> String {
    format!("LEFT JOIN pg_catalog.pg_description d ON d.classoid = {catalogue} AND d.objoid = {oid} AND d.objsubid = 0")
}

/// A collation where it is not the type's own; `c` is the column that holds it, `t` the type.
fn collation(own: &str, of_type: &str) -> String {
    format!(
        "CASE WHEN {own} <> 0 AND {own} <> {of_type} THEN (SELECT pg_catalog.quote_ident(cn.nspname) || '.' || \
         pg_catalog.quote_ident(co.collname) FROM pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn \
         ON cn.oid = co.collnamespace WHERE co.oid = {own}) END"
    )
}

async fn ask<C: Connection>(conn: &mut C, what: &str, sql: &str) -> Result<Vec<Row>> {
    conn.query(sql).await.map_err(|f| f.error(Code::Database, format!("the {what} cannot be read")))
}

async fn read_here<C: Connection>(conn: &mut C) -> Result<Schema> {
    let mut reading = Reading::default();
    namespaces(conn, &mut reading).await?;
    types(conn, &mut reading).await?;
    routines(conn, &mut reading).await?;
    let parents = classes(conn, &mut reading).await?;
    columns(conn, &mut reading).await?;
    constraints(conn, &mut reading).await?;
    indexes(conn, &mut reading).await?;
    others(conn, &mut reading).await?;
    for (oid, (list, bound)) in parents {
        let parents: Vec<ObjectId> = list.iter().filter_map(|parent| reading.class(*parent).cloned()).collect();
        if let Some(table) = reading.table_mut(oid) {
            match (bound, parents.first()) {
                (Some(bound), Some(parent)) => table.partition_of = Some((parent.clone(), bound)),
                _ => table.inherits = parents,
            }
        }
    }
    rights(conn, &mut reading).await?;
    needs(conn, &mut reading).await?;
    Ok(Schema { objects: reading.objects.into_iter().collect(), version: reading.version })
}

async fn namespaces<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let (schemas, extensions) = (catalogue::NAMESPACE, catalogue::EXTENSION);
    let sql = format!(
        "SELECT 'n', n.oid, n.nspname, '', d.description, pg_catalog.current_setting('server_version_num') \
         FROM pg_catalog.pg_namespace n {} WHERE {OURS} AND {} \
         UNION ALL \
         SELECT 'e', x.oid, x.extname, n.nspname, d.description, pg_catalog.current_setting('server_version_num') \
         FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace {} \
         WHERE x.extname <> 'plpgsql' \
         UNION ALL \
         SELECT 'v', 0, '', '', NULL, pg_catalog.current_setting('server_version_num')",
        comment(schemas, "n.oid"),
        no_member(schemas, "n.oid"),
        comment(extensions, "x.oid"),
    );
    for row in ask(conn, "schemas", &sql).await? {
        let cells = Cells(&row);
        let (oid, name) = (cells.number(1), cells.text(2));
        reading.version = cells.number(5);
        match cells.letter(0) {
            'n' => {
                // `public` has this comment from the start, and dumps leave it out.
                let comment = cells.maybe(4).filter(|text| name != "public" || text != "standard public schema");
                reading.add(schemas, oid, ObjectId::new(Kind::Namespace, "", name), comment, Body::Namespace);
            }
            // An extension's comment comes from its own files.
            'e' => {
                let body = Body::Extension { schema: cells.text(3) };
                reading.add(extensions, oid, ObjectId::new(Kind::Extension, "", name), None, body);
            }
            _ => {}
        }
    }
    if reading.version < OLDEST_SERVER {
        let version = reading.version / 10_000;
        return Err(Error::new(Code::Database, format!("the server is PostgreSQL {version}, which is too old"))
            .help("PostgreSQL 12 and later are supported"));
    }
    Ok(())
}

async fn types<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let (multirange, name) = match reading.version {
        140_000.. => (
            "CASE WHEN t.typtype = 'r' THEN (SELECT pg_catalog.json_build_array(m.oid::bigint, m.typarray::bigint) \
             FROM pg_catalog.pg_range r JOIN pg_catalog.pg_type m ON m.oid = r.rngmultitypid WHERE r.rngtypid = t.oid) END",
            "(SELECT 'multirange_type_name = ' || pg_catalog.quote_ident(mn.nspname) || '.' || \
             pg_catalog.quote_ident(m.typname) FROM pg_catalog.pg_type m JOIN pg_catalog.pg_namespace mn \
             ON mn.oid = m.typnamespace WHERE m.oid = r.rngmultitypid)",
        ),
        _ => ("NULL", "NULL"),
    };
    let sql = format!(
        "SELECT t.oid, n.nspname, t.typname, t.typtype, t.typrelid, t.typarray, c.relkind, \
         (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e \
          WHERE e.enumtypid = t.oid), \
         CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END, \
         t.typnotnull, pg_catalog.pg_get_expr(t.typdefaultbin, 0), {}, d.description, \
         (SELECT pg_catalog.json_agg(x) FROM (SELECT con.conname, con.oid::text AS oid, pg_catalog.pg_get_constraintdef(con.oid) AS definition \
          FROM pg_catalog.pg_constraint con WHERE con.contypid = t.oid AND con.contype = 'c' ORDER BY con.conname) x), \
         CASE WHEN t.typtype = 'r' THEN (SELECT pg_catalog.concat_ws(', ', \
          'subtype = ' || pg_catalog.format_type(r.rngsubtype, NULL), \
          'subtype_opclass = ' || pg_catalog.quote_ident(opn.nspname) || '.' || pg_catalog.quote_ident(op.opcname), \
          CASE WHEN r.rngcollation <> 0 THEN 'collation = ' || r.rngcollation::pg_catalog.regcollation::text END, \
          CASE WHEN r.rngcanonical <> 0 THEN 'canonical = ' || r.rngcanonical::pg_catalog.regproc::text END, \
          CASE WHEN r.rngsubdiff <> 0 THEN 'subtype_diff = ' || r.rngsubdiff::pg_catalog.regproc::text END, {name}) \
          FROM pg_catalog.pg_range r JOIN pg_catalog.pg_opclass op ON op.oid = r.rngsubopc \
          JOIN pg_catalog.pg_namespace opn ON opn.oid = op.opcnamespace WHERE r.rngtypid = t.oid) END, {multirange} \
         FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
         LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid \
         LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype {} \
         WHERE {OURS} AND t.typtype IN ('e', 'd', 'r', 'c') AND {}",
        collation("t.typcollation", "coalesce(b.typcollation, t.typcollation)"),
        comment(catalogue::TYPE, "t.oid"),
        no_member(catalogue::TYPE, "t.oid"),
    );
    for row in ask(conn, "types", &sql).await? {
        let cells = Cells(&row);
        let (oid, schema, name): (u32, _, _) = (cells.number(0), cells.text(1), cells.text(2));
        let comment = cells.maybe(12);
        let (kind, body) = match (cells.letter(3), cells.letter(6)) {
            ('e', _) => (Kind::Enum, Body::Enum(cells.list(7))),
            ('d', _) => {
                let checks: Vec<serde_json::Value> =
                    cells.maybe(13).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
                let text = |check: &serde_json::Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
                let own = ObjectId::new(Kind::Domain, schema.clone(), name.clone());
                let oids = checks.iter().filter_map(|check| text(check, "oid").parse().ok());
                reading.ids.extend(oids.map(|oid: u32| ((catalogue::CONSTRAINT, oid), own.clone())));
                let domain = Domain {
                    data_type: cells.text(8),
                    collation: cells.maybe(11),
                    default: cells.maybe(10),
                    not_null: cells.is(9),
                    checks: checks
                        .iter()
                        .map(|c| DomainCheck { name: text(c, "conname"), definition: text(c, "definition") })
                        .collect(),
                };
                (Kind::Domain, Body::Domain(domain))
            }
            ('r', _) => {
                let id = ObjectId::new(Kind::Range, schema.clone(), name.clone());
                // The type of several ranges, and its array, are made with it.
                reading
                    .ids
                    .extend(cells.numbers::<u32>(15).into_iter().map(|oid| ((catalogue::TYPE, oid), id.clone())));
                let definition = format!("CREATE TYPE {} AS RANGE ({})", id.sql(), cells.text(14));
                (Kind::Range, Body::Whole { definition })
            }
            ('c', 'c') => (Kind::Composite, Body::Composite(Vec::new())),
            // The row type of a table or view is known by that.
            _ => {
                let kind = match cells.letter(6) {
                    'v' => Kind::View,
                    'm' => Kind::MaterializedView,
                    _ => Kind::Table,
                };
                let id = ObjectId::new(kind, schema, name);
                let array = cells.number(5);
                reading.ids.insert((catalogue::TYPE, oid), id.clone());
                reading.ids.insert((catalogue::TYPE, array), id);
                continue;
            }
        };
        let id = ObjectId::new(kind, schema, name);
        reading.ids.insert((catalogue::TYPE, cells.number(5)), id.clone());
        if kind == Kind::Composite {
            reading.ids.insert((catalogue::CLASS, cells.number(4)), id.clone());
        }
        reading.add(catalogue::TYPE, oid, id, comment, body);
    }
    Ok(())
}

async fn routines<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let sql = format!(
        "SELECT p.oid, n.nspname, p.proname, p.prokind, \
         coalesce((SELECT pg_catalog.string_agg(pg_catalog.format_type(a.t, NULL), ', ' ORDER BY a.o) \
          FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY a(t, o)), ''), \
         CASE WHEN p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) ELSE (\
          SELECT pg_catalog.concat_ws(', ', 'SFUNC = ' || g.aggtransfn::pg_catalog.regproc::text, \
          'STYPE = ' || pg_catalog.format_type(g.aggtranstype, NULL), \
          CASE WHEN g.aggtransspace <> 0 THEN 'SSPACE = ' || g.aggtransspace END, \
          CASE WHEN g.aggfinalfn <> 0 THEN 'FINALFUNC = ' || g.aggfinalfn::pg_catalog.regproc::text END, \
          CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END, \
          CASE WHEN g.aggcombinefn <> 0 THEN 'COMBINEFUNC = ' || g.aggcombinefn::pg_catalog.regproc::text END, \
          CASE WHEN g.aggserialfn <> 0 THEN 'SERIALFUNC = ' || g.aggserialfn::pg_catalog.regproc::text END, \
          CASE WHEN g.aggdeserialfn <> 0 THEN 'DESERIALFUNC = ' || g.aggdeserialfn::pg_catalog.regproc::text END, \
          'INITCOND = ' || pg_catalog.quote_literal(g.agginitval), \
          CASE WHEN g.aggmtransfn <> 0 THEN 'MSFUNC = ' || g.aggmtransfn::pg_catalog.regproc::text END, \
          CASE WHEN g.aggminvtransfn <> 0 THEN 'MINVFUNC = ' || g.aggminvtransfn::pg_catalog.regproc::text END, \
          CASE WHEN g.aggmtranstype <> 0 THEN 'MSTYPE = ' || pg_catalog.format_type(g.aggmtranstype, NULL) END, \
          CASE WHEN g.aggmfinalfn <> 0 THEN 'MFINALFUNC = ' || g.aggmfinalfn::pg_catalog.regproc::text END, \
          'MINITCOND = ' || pg_catalog.quote_literal(g.aggminitval), \
          CASE WHEN g.aggsortop <> 0 THEN 'SORTOP = ' || g.aggsortop::pg_catalog.regoperator::text END, \
          CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END) \
          FROM pg_catalog.pg_aggregate g WHERE g.aggfnoid = p.oid) END, \
         coalesce(pg_catalog.pg_get_function_result(p.oid), '') || ' ' || \
         pg_catalog.pg_get_function_identity_arguments(p.oid), d.description, \
         pg_catalog.pg_get_function_arguments(p.oid) \
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace {} \
         WHERE {OURS} AND {} \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend i WHERE i.classid = {} AND i.objid = p.oid \
          AND i.deptype = 'i')",
        comment(catalogue::PROC, "p.oid"),
        no_member(catalogue::PROC, "p.oid"),
        catalogue::PROC,
    );
    for row in ask(conn, "functions", &sql).await? {
        let cells = Cells(&row);
        let kind = if cells.letter(3) == 'a' { Kind::Aggregate } else { Kind::Routine };
        let mut id = ObjectId::new(kind, cells.text(1), cells.text(2));
        id.arguments = cells.text(4);
        let definition = cells.text(5);
        let body = match kind {
            Kind::Aggregate => {
                let arguments = if cells.text(8).is_empty() { "*".to_owned() } else { cells.text(8) };
                Body::Whole { definition: format!("CREATE AGGREGATE {}({arguments}) ({definition})", id.sql()) }
            }
            _ => Body::Routine(Routine {
                definition: definition.trim_end().to_owned(),
                procedure: cells.letter(3) == 'p',
                signature: cells.text(6),
            }),
        };
        reading.add(catalogue::PROC, cells.number(0), id, cells.maybe(7), body);
    }
    Ok(())
}

/// The tables that each table inherits from, with the bound where it is a partition.
type Parents = BTreeMap<u32, (Vec<u32>, Option<String>)>;

async fn classes<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<Parents> {
    let sql = format!(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, \
         CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END, \
         CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END, \
         (SELECT pg_catalog.json_agg(i.inhparent::text ORDER BY i.inhseqno) FROM pg_catalog.pg_inherits i \
          WHERE i.inhrelid = c.oid), \
         pg_catalog.to_json(c.reloptions || (SELECT pg_catalog.array_agg('toast.' || o) \
          FROM pg_catalog.pg_class tc, pg_catalog.unnest(tc.reloptions) o WHERE tc.oid = c.reltoastrelid)), \
         CASE WHEN c.relkind IN ('r', 'm') AND am.amname <> 'heap' THEN am.amname END, \
         ts.spcname, CASE WHEN c.reloftype <> 0 THEN pg_catalog.format_type(c.reloftype, NULL) END, \
         c.relrowsecurity, c.relforcerowsecurity, \
         CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' WHEN 'i' THEN 'USING INDEX ' || \
          (SELECT pg_catalog.quote_ident(ic.relname) FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class ic \
           ON ic.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident) END, \
         CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END, c.relispopulated, d.description, \
         pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, \
         s.seqcycle, \
         (SELECT ic.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class ic ON ic.oid = x.indexrelid \
          WHERE x.indrelid = c.oid AND x.indisclustered) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam \
         LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = c.reltablespace \
         LEFT JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid {} \
         WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {}",
        comment(catalogue::CLASS, "c.oid"),
        no_member(catalogue::CLASS, "c.oid"),
    );
    let mut parents = Parents::new();
    for row in ask(conn, "tables", &sql).await? {
        let cells = Cells(&row);
        let (oid, schema, name): (u32, _, _) = (cells.number(0), cells.text(1), cells.text(2));
        let unlogged = cells.letter(4) == 'u';
        if cells.letter(4) == 't' {
            continue;
        }
        let mut options = cells.list(8);
        options.sort();
        let (kind, body) = match cells.letter(3) {
            'S' => {
                let numbers = numbers(&cells, 18);
                (Kind::Sequence, Body::Sequence(Sequence { numbers, unlogged, owned_by: None }))
            }
            letter @ ('v' | 'm') => {
                let materialized = letter == 'm';
                let query = cells.text(15).trim().trim_end_matches(';').to_owned();
                let view = View {
                    query,
                    columns: Vec::new(),
                    options,
                    materialized,
                    populated: cells.is(16),
                    comments: Vec::new(),
                    defaults: Vec::new(),
                    tablespace: cells.maybe(10),
                };
                (if materialized { Kind::MaterializedView } else { Kind::View }, Body::View(view))
            }
            'f' => (Kind::Other, Body::Other { kind: "foreign table".to_owned() }),
            _ => {
                let list: Vec<u32> = cells.list(7).iter().filter_map(|oid| oid.parse().ok()).collect();
                if !list.is_empty() {
                    parents.insert(oid, (list, cells.maybe(6)));
                }
                let table = Table {
                    unlogged,
                    partition_by: cells.maybe(5),
                    options,
                    access_method: cells.maybe(9),
                    tablespace: cells.maybe(10),
                    of_type: cells.maybe(11),
                    row_security: cells.is(12),
                    force_row_security: cells.is(13),
                    replica_identity: cells.maybe(14),
                    clustered_on: cells.maybe(25),
                    ..Table::default()
                };
                (Kind::Table, Body::Table(Box::new(table)))
            }
        };
        reading.add(catalogue::CLASS, oid, ObjectId::new(kind, schema, name), cells.maybe(17), body);
    }
    Ok(parents)
}

fn numbers(cells: &Cells<'_>, at: usize) -> Numbers {
    Numbers {
        data_type: cells.text(at),
        start: cells.number(at + 1),
        increment: cells.number(at + 2),
        min: cells.number(at + 3),
        max: cells.number(at + 4),
        cache: cells.number(at + 5),
        cycle: cells.is(at + 6),
    }
}

async fn columns<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let compression = match reading.version >= 140_000 {
        true => "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END",
        false => "NULL",
    };
    let sql = format!(
        "SELECT a.attrelid, a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), {}, a.attnotnull, \
         pg_catalog.pg_get_expr(ad.adbin, ad.adrelid), a.attgenerated, a.attidentity, \
         CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' \
          WHEN 'm' THEN 'MAIN' WHEN 'x' THEN 'EXTENDED' END END, \
         {compression}, CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END, pg_catalog.to_json(a.attoptions), \
         d.description, a.attislocal, ad.oid, c.relkind \
         FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_attrdef ad ON ad.adrelid = a.attrelid AND ad.adnum = a.attnum \
         LEFT JOIN pg_catalog.pg_description d ON d.classoid = {} AND d.objoid = a.attrelid AND d.objsubid = a.attnum \
         WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm', 'c') AND a.attnum > 0 AND NOT a.attisdropped \
         ORDER BY a.attrelid, a.attnum",
        collation("a.attcollation", "t.typcollation"),
        catalogue::CLASS,
    );
    for row in ask(conn, "columns", &sql).await? {
        let cells = Cells(&row);
        let (oid, number, name): (u32, i32, _) = (cells.number(0), cells.number(1), cells.text(2));
        let Some(id) = reading.class(oid).cloned() else { continue };
        reading.columns.insert((oid, number), name.clone());
        if let Some(default) = cells.maybe(15).and_then(|oid| oid.parse().ok()) {
            reading.defaults.insert(default, (oid, number));
        }
        let Some(object) = reading.objects.get_mut(&id) else { continue };
        let expression = cells.maybe(6);
        match &mut object.body {
            Body::View(view) => {
                view.comments.extend(cells.maybe(13).map(|comment| (name.clone(), comment)));
                view.defaults.extend(expression.map(|default| (name.clone(), default)));
                view.columns.push((name, cells.text(3)));
            }
            Body::Composite(attributes) => {
                attributes.push(Attribute { name, data_type: cells.text(3), collation: cells.maybe(4) });
            }
            Body::Table(table) => {
                let generated = cells.letter(7);
                let is_generated = matches!(generated, 's' | 'v');
                let identity = cells.letter(8);
                let mut options = cells.list(12);
                options.sort();
                table.columns.push(Column {
                    name,
                    data_type: cells.text(3),
                    collation: cells.maybe(4),
                    not_null: cells.is(5),
                    default: expression.clone().filter(|_| !is_generated),
                    generated: expression
                        .filter(|_| is_generated)
                        .map(|expression| Generated { expression, stored: generated == 's' }),
                    // How it counts is known when its sequence is found among the dependencies.
                    identity: matches!(identity, 'a' | 'd').then(|| Identity {
                        always: identity == 'a',
                        numbers: Numbers {
                            data_type: "bigint".to_owned(),
                            start: 1,
                            increment: 1,
                            min: 1,
                            max: i64::MAX,
                            cache: 1,
                            cycle: false,
                        },
                        sequence: String::new(),
                        rights: Rights::default(),
                    }),
                    storage: cells.maybe(9),
                    compression: cells.maybe(10),
                    statistics: cells.maybe(11).and_then(|n| n.parse().ok()),
                    options,
                    comment: cells.maybe(13),
                    local: cells.is(14),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

async fn constraints<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let sql = format!(
        "SELECT con.oid, con.conrelid, con.conname, con.contype, pg_catalog.pg_get_constraintdef(con.oid), \
         con.convalidated AND (con.contype NOT IN ('p', 'u', 'x') OR (SELECT x.indisvalid FROM pg_catalog.pg_index x \
          WHERE x.indexrelid = con.conindid)), pg_catalog.to_json(con.conkey), con.confrelid, pg_catalog.to_json(con.confkey), d.description, \
         con.conindid, con.conparentid, con.conislocal, CASE WHEN con.contype IN ('p', 'u', 'x') THEN \
         (SELECT pg_catalog.string_agg(o, ', ') FROM pg_catalog.pg_class ic, pg_catalog.unnest(ic.reloptions) o \
          WHERE ic.oid = con.conindid) END \
         FROM pg_catalog.pg_constraint con JOIN pg_catalog.pg_namespace n ON n.oid = con.connamespace {} \
         WHERE {OURS} AND con.conrelid <> 0 AND con.contype IN ('p', 'u', 'c', 'f', 'x') ORDER BY con.oid",
        comment(catalogue::CONSTRAINT, "con.oid"),
    );
    for row in ask(conn, "constraints", &sql).await? {
        let cells = Cells(&row);
        let Some(table) = reading.class(cells.number(1)).cloned() else { continue };
        let id = ObjectId::of_table(Kind::Constraint, &table, cells.text(2));
        let demands = match cells.letter(3) {
            'p' => Demands::PrimaryKey,
            'u' => Demands::Unique,
            'f' => Demands::ForeignKey,
            'x' => Demands::Exclusion,
            _ => Demands::Check,
        };
        let index: u32 = cells.number(10);
        if index != 0 && demands != Demands::ForeignKey {
            reading.ids.insert((catalogue::CLASS, index), id.clone());
        }
        let oid: u32 = cells.number(0);
        // Its parent has it too, and gives it to every partition and child.
        if cells.number::<u32>(11) != 0 || !cells.is(12) {
            reading.ids.insert((catalogue::CONSTRAINT, oid), id);
            continue;
        }
        let definition = cells.text(4);
        let mut definition = definition.strip_suffix(" NOT VALID").unwrap_or(&definition).to_owned();
        if let Some(options) = cells.maybe(13) {
            // Storage parameters of the index stand behind the columns and before DEFERRABLE.
            let at = definition.find(" DEFERRABLE").unwrap_or(definition.len());
            definition.insert_str(at, &format!(" WITH ({options})"));
        }
        let constraint = Constraint {
            demands,
            definition,
            valid: cells.is(5),
            columns: reading.names(cells.number(1), cells.numbers(6)),
            references: reading.class(cells.number(7)).cloned(),
            referenced_columns: reading.names(cells.number(7), cells.numbers(8)),
        };
        reading.add(catalogue::CONSTRAINT, oid, id, cells.maybe(9), Body::Constraint(constraint));
    }
    Ok(())
}

async fn indexes<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let sql = format!(
        "SELECT i.oid, n.nspname, i.relname, x.indrelid, pg_catalog.pg_get_indexdef(i.oid), x.indisunique, \
         x.indisvalid, i.relkind, d.description, ts.spcname, \
         pg_catalog.to_json(x.indkey::pg_catalog.int2[] || ARRAY (SELECT p.refobjsubid::pg_catalog.int2 \
          FROM pg_catalog.pg_depend p WHERE p.classid = {} AND p.objid = i.oid AND p.refclassid = {} \
          AND p.refobjid = x.indrelid)), \
         (SELECT pg_catalog.json_agg(a.attnum || ' ' || a.attstattarget) FROM pg_catalog.pg_attribute a \
          WHERE a.attrelid = i.oid AND a.attstattarget >= 0), \
         CASE WHEN i.relkind = 'I' THEN (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(cn.nspname, c.relname, \
           ci.relname, pn.nspname, p.relname, ci.relkind::text) ORDER BY part.level, cn.nspname, c.relname) \
          FROM pg_catalog.pg_partition_tree(i.oid) part JOIN pg_catalog.pg_class ci ON ci.oid = part.relid \
          JOIN pg_catalog.pg_index cx ON cx.indexrelid = ci.oid JOIN pg_catalog.pg_class c ON c.oid = cx.indrelid \
          JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace JOIN pg_catalog.pg_class p ON p.oid = part.parentrelid \
          JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace WHERE part.level > 0) END \
         FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace \
         LEFT JOIN pg_catalog.pg_tablespace ts ON ts.oid = i.reltablespace {} \
         WHERE {OURS} AND NOT i.relispartition AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint con \
          WHERE con.conindid = i.oid AND con.conrelid = x.indrelid AND con.contype IN ('p', 'u', 'x'))",
        catalogue::CLASS,
        catalogue::CLASS,
        comment(catalogue::CLASS, "i.oid"),
    );
    for row in ask(conn, "indexes", &sql).await? {
        let cells = Cells(&row);
        let Some(table) = reading.class(cells.number(3)).cloned() else { continue };
        let id = ObjectId::new(Kind::Index, cells.text(1), cells.text(2));
        let mut definition = cells.text(4);
        if let Some(tablespace) = cells.maybe(9) {
            let clause = format!(" TABLESPACE {}", super::token::quote_name(&tablespace));
            let at = definition.find(" WHERE ").unwrap_or(definition.len());
            definition.insert_str(at, &clause);
        }
        // Those of expressions too, in the order of the table.
        let columns: BTreeSet<i32> = cells.numbers(10).into_iter().collect();
        let targets = cells.list(11);
        let statistics = targets.iter().filter_map(|text| {
            let (at, target) = text.split_once(' ')?;
            Some((at.parse().ok()?, target.parse().ok()?))
        });
        let attached: Vec<Vec<String>> =
            cells.maybe(12).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let attached = attached.iter().filter_map(|part| {
            let [schema, table, name, parent_schema, parent, kind] = part.as_slice() else { return None };
            Some(Attached {
                table: ObjectId::new(Kind::Table, schema, table),
                name: name.clone(),
                to: ObjectId::new(Kind::Index, parent_schema, parent),
                partitioned: kind == "I",
            })
        });
        let attached = attached.collect();
        let index = Index {
            attached,
            table,
            definition,
            unique: cells.is(5),
            valid: cells.is(6),
            columns: reading.names(cells.number(3), columns),
            partitioned: cells.letter(7) == 'I',
            statistics: statistics.collect(),
        };
        reading.add(catalogue::CLASS, cells.number(0), id, cells.maybe(8), Body::Index(index));
    }
    Ok(())
}

/// Triggers, rules and policies; and what no table is asked about.
async fn others<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let parent = if reading.version >= 130_000 { "t.tgparentid = 0" } else { "true" };
    let sql = format!(
        "SELECT 't', t.oid, t.tgrelid, t.tgname, pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled::text, d.description, \
         NULL, NULL, NULL, NULL FROM pg_catalog.pg_trigger t {} WHERE NOT t.tgisinternal AND {parent} \
         AND t.tgfoid NOT IN (SELECT f.oid FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_namespace n \
          ON n.oid = f.pronamespace WHERE n.nspname = '_whimbrel') \
         UNION ALL \
         SELECT 'r', r.oid, r.ev_class, r.rulename, CASE WHEN r.rulename <> '_RETURN' THEN \
         pg_catalog.pg_get_ruledef(r.oid) END, r.ev_enabled::text, d.description, NULL, NULL, NULL, NULL \
         FROM pg_catalog.pg_rewrite r {} WHERE r.ev_class >= 16384 \
         UNION ALL \
         SELECT 'p', p.oid, p.polrelid, p.polname, NULL, p.polcmd::text, d.description, \
         pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), \
         (SELECT pg_catalog.json_agg(CASE WHEN m.r = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(m.r)::text END \
          ORDER BY 1)::text FROM pg_catalog.unnest(p.polroles) m(r)), p.polpermissive::text \
         FROM pg_catalog.pg_policy p {} \
         UNION ALL {}",
        comment(catalogue::TRIGGER, "t.oid"),
        comment(catalogue::REWRITE, "r.oid"),
        comment(catalogue::POLICY, "p.oid"),
        whole(reading.version),
    );
    for row in ask(conn, "triggers and other objects", &sql).await? {
        let cells = Cells(&row);
        if matches!(cells.letter(0), 's' | 'c' | 'o') {
            reading.add_whole(&cells);
            continue;
        }
        let Some(table) = reading.class(cells.number(2)).cloned() else { continue };
        let (oid, name, comment) = (cells.number(1), cells.text(3), cells.maybe(6));
        let toggled = Toggled { definition: cells.text(4).trim_end_matches(';').to_owned(), enabled: cells.letter(5) };
        match cells.letter(0) {
            't' => {
                let id = ObjectId::of_table(Kind::Trigger, &table, name);
                reading.add(catalogue::TRIGGER, oid, id, comment, Body::Trigger(toggled));
            }
            'r' if name == "_RETURN" => {
                reading.ids.insert((catalogue::REWRITE, oid), table);
            }
            'r' => {
                let id = ObjectId::of_table(Kind::Rule, &table, name);
                reading.add(catalogue::REWRITE, oid, id, comment, Body::Rule(toggled));
            }
            _ => {
                let command = match cells.letter(5) {
                    'r' => "SELECT",
                    'a' => "INSERT",
                    'w' => "UPDATE",
                    'd' => "DELETE",
                    _ => "ALL",
                };
                let policy = Policy {
                    permissive: cells.is(10),
                    command: command.to_owned(),
                    roles: cells.list(9),
                    using: cells.maybe(7),
                    check: cells.maybe(8),
                };
                let id = ObjectId::of_table(Kind::Policy, &table, name);
                reading.add(catalogue::POLICY, oid, id, comment, Body::Policy(policy));
            }
        }
    }
    Ok(())
}

/// The query for what is read as a whole statement, and for what is only seen.
fn whole(version: u32) -> String {
    let provider = match version {
        170_000.. => "CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END",
        _ => "CASE c.collprovider WHEN 'i' THEN 'icu' ELSE 'libc' END",
    };
    let locale = match version {
        170_000.. => {
            "coalesce('locale = ' || quote_literal(c.colllocale), 'lc_collate = ' || \
                      quote_literal(c.collcollate) || ', lc_ctype = ' || quote_literal(c.collctype))"
        }
        150_000.. => {
            "coalesce('locale = ' || quote_literal(c.colliculocale), 'lc_collate = ' || \
                      quote_literal(c.collcollate) || ', lc_ctype = ' || quote_literal(c.collctype))"
        }
        _ => "'lc_collate = ' || quote_literal(c.collcollate) || ', lc_ctype = ' || quote_literal(c.collctype)",
    };
    let mut parts = vec![
        format!(
            "SELECT 's', s.oid, 0, s.stxname, pg_catalog.pg_get_statisticsobjdef(s.oid), '', d.description, n.nspname::text, \
             NULL, NULL, NULL FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace {} WHERE {OURS}",
            comment(catalogue::STATISTICS, "s.oid")
        ),
        format!(
            "SELECT 'c', c.oid, 0, c.collname, 'provider = ' || {provider} || ', ' || {locale} || \
             CASE WHEN NOT c.collisdeterministic THEN ', deterministic = false' ELSE '' END, '', d.description, \
             n.nspname::text, NULL, NULL, NULL FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace {} \
             WHERE {OURS} AND {}",
            comment(catalogue::COLLATION, "c.oid"),
            no_member(catalogue::COLLATION, "c.oid")
        ),
    ];
    for (kind, table, name, schema) in [
        ("operator", "pg_operator", "oid::pg_catalog.regoperator::text", "o.oprnamespace"),
        ("operator class", "pg_opclass", "o.opcname::text", "o.opcnamespace"),
        ("operator family", "pg_opfamily", "o.opfname::text", "o.opfnamespace"),
        ("conversion", "pg_conversion", "o.conname::text", "o.connamespace"),
        ("text search configuration", "pg_ts_config", "o.cfgname::text", "o.cfgnamespace"),
        ("text search dictionary", "pg_ts_dict", "o.dictname::text", "o.dictnamespace"),
        (
            "cast",
            "pg_cast",
            "pg_catalog.format_type(o.castsource, NULL) || ' to ' || pg_catalog.format_type(o.casttarget, NULL)",
            "NULL",
        ),
        ("event trigger", "pg_event_trigger", "o.evtname::text", "NULL"),
        ("foreign server", "pg_foreign_server", "o.srvname::text", "NULL"),
        ("publication", "pg_publication", "o.pubname::text", "NULL"),
        ("language", "pg_language", "o.lanname::text", "NULL"),
    ] {
        parts.push(format!(
            "SELECT 'o', o.oid, 0, {name}, NULL, '{kind}', NULL, coalesce((SELECT n.nspname::text \
             FROM pg_catalog.pg_namespace n WHERE n.oid = {schema}), ''), NULL, NULL, NULL FROM pg_catalog.{table} o WHERE o.oid >= 16384 AND NOT EXISTS \
             (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.{table}'::pg_catalog.regclass \
             AND e.objid = o.oid AND e.deptype IN ('e', 'i'))"
        ));
    }
    parts.join(" UNION ALL ")
}

/// Owners and rights of what may have to be made anew.
async fn rights<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let entries = |acl: &str, more: &str| {
        format!(
            "SELECT pg_catalog.json_agg(pg_catalog.json_build_array(CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE \
             pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(x.grantee)) END, x.privilege_type, \
             x.is_grantable::text{more})) FROM pg_catalog.aclexplode({acl}) x"
        )
    };
    let sql = format!(
        "WITH o AS (SELECT {} AS class, c.oid, c.relowner AS owner, c.relacl AS acl FROM pg_catalog.pg_class c \
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {OURS} AND c.relkind IN ('v', 'm', 'r', 'p', 'S') \
         UNION ALL SELECT {}, p.oid, p.proowner, p.proacl FROM pg_catalog.pg_proc p \
          JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE {OURS} \
         UNION ALL SELECT {}, t.oid, t.typowner, t.typacl FROM pg_catalog.pg_type t \
          JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE {OURS} AND t.typtype IN ('e', 'd', 'r')) \
         SELECT o.class, o.oid, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(o.owner)), \
         pg_catalog.pg_get_userbyid(o.owner) = current_user, o.acl IS NOT NULL, ({}), \
         (SELECT pg_catalog.json_agg(e) FROM (SELECT pg_catalog.json_array_elements(({})) AS e \
          FROM pg_catalog.pg_attribute a WHERE a.attrelid = o.oid AND o.class = {} AND a.attacl IS NOT NULL) cols) FROM o",
        catalogue::CLASS,
        catalogue::PROC,
        catalogue::TYPE,
        entries("o.acl", ""),
        entries("a.attacl", ", a.attname"),
        catalogue::CLASS,
    );
    for row in ask(conn, "rights", &sql).await? {
        let cells = Cells(&row);
        let Some(id) = reading.ids.get(&(cells.number(0), cells.number(1))) else { continue };
        let Some(object) = reading.objects.get_mut(id) else { continue };
        let mut rights =
            Rights { owner: (!cells.is(3)).then(|| cells.text(2)), is_set: cells.is(4), grants: Vec::new() };
        for at in [5, 6] {
            let list: Vec<Vec<String>> =
                cells.maybe(at).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            for entry in list {
                let [role, right, grantable, column @ ..] = entry.as_slice() else { continue };
                rights.grants.push(Grant {
                    right: right.clone(),
                    column: column.first().cloned(),
                    role: role.clone(),
                    grantable: grantable == "true",
                });
            }
        }
        object.rights = rights;
    }
    Ok(())
}

/// What needs what. Sequences find their columns here.
async fn needs<C: Connection>(conn: &mut C, reading: &mut Reading) -> Result<()> {
    let sql = "SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype \
               FROM pg_catalog.pg_depend d WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype IN ('n', 'a', 'i')";
    let mut identities: Vec<(ObjectId, ObjectId, String)> = Vec::new();
    let mut owned: Vec<(ObjectId, ObjectId, String)> = Vec::new();
    let mut found: HashMap<&ObjectId, Vec<Need>> = HashMap::new();
    for row in ask(conn, "dependencies", sql).await? {
        let cells = Cells(&row);
        let (class, oid, sub): (u32, u32, i32) = (cells.number(0), cells.number(1), cells.number(2));
        let (on_class, on_oid, on_sub): (u32, u32, i32) = (cells.number(3), cells.number(4), cells.number(5));
        let kind = cells.letter(6);
        let (object, of) = match class {
            catalogue::ATTRDEF => {
                let Some((table, number)) = reading.defaults.get(&oid) else { continue };
                (reading.ids.get(&(catalogue::CLASS, *table)), reading.columns.get(&(*table, *number)))
            }
            _ => {
                (reading.ids.get(&(class, oid)), reading.columns.get(&(oid, sub)).filter(|_| class == catalogue::CLASS))
            }
        };
        let (Some(object), Some(on)) = (object, reading.ids.get(&(on_class, on_oid))) else { continue };
        let column = reading.columns.get(&(on_oid, on_sub)).filter(|_| on_class == catalogue::CLASS);
        if object.kind == Kind::Sequence && on.kind == Kind::Table && class == catalogue::CLASS {
            let Some(column) = column else { continue };
            let list = if kind == 'i' { &mut identities } else { &mut owned };
            list.push((object.clone(), on.clone(), column.clone()));
            continue;
        }
        // A generated column needs other columns of its own table.
        if (object == on && (of.is_none() || column.is_none() || of == column)) || on.kind == Kind::Extension {
            continue;
        }
        found.entry(object).or_default().push(Need { on: on.clone(), column: column.cloned(), of: of.cloned() });
    }
    for (sequence, table, column) in owned {
        if let Some(Body::Sequence(sequence)) = reading.objects.get_mut(&sequence).map(|o| &mut o.body) {
            sequence.owned_by = Some((table, column));
        }
    }
    for (sequence, table, column) in identities {
        let Some(Object { body: Body::Sequence(sequence), id, rights, .. }) = reading.objects.remove(&sequence) else {
            continue;
        };
        if let Some(Body::Table(table)) = reading.objects.get_mut(&table).map(|o| &mut o.body)
            && let Some(column) = table.columns.iter_mut().find(|c| c.name == column)
            && let Some(identity) = &mut column.identity
        {
            identity.numbers = sequence.numbers;
            identity.sequence = id.name;
            identity.rights = rights;
        }
    }
    for (id, mut needs) in found {
        if let Some(object) = reading.objects.get_mut(id) {
            needs.sort_unstable();
            needs.dedup();
            object.needs = needs;
        }
    }
    // Whatever stands in a schema needs it, and whatever belongs to a table needs that.
    let namespaces: HashSet<String> =
        reading.objects.keys().filter(|id| id.kind == Kind::Namespace).map(|id| id.name.clone()).collect();
    for object in reading.objects.values_mut() {
        let namespace = ObjectId::new(Kind::Namespace, "", object.id.schema.clone());
        let mut add = |on: ObjectId| {
            if !object.needs.iter().any(|need| need.on == on) {
                object.needs.push(Need { on, column: None, of: None });
            }
        };
        if namespaces.contains(&namespace.name) {
            add(namespace);
        }
    }
    Ok(())
}
