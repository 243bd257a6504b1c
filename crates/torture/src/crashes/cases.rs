//! The databases and starts that crashes and faults are tried on: one for each way in which the engine changes a table,
//! and one for each way in which an app keeps its database.
//!
//! What a database has to hold after is written by hand, as a script that makes it from nothing. The texts of its objects
//! are taken from a run that nothing disturbed, as SQLite writes them when it alters a table, and so are the shadow tables
//! of full-text search, which depend on the order of insertions; that the objects are the wanted ones is tried elsewhere.

use std::sync::OnceLock;

use rusqlite::Connection;
use whimbrel::Error;
use whimbrel_oracle::Image;

use crate::case::{Case, Start};

/// Numbers from 1 to 60, for filling tables.
const N: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)";

/// All of them.
///
/// # Errors
/// Where a case is wrong: nothing is tried then.
pub fn cases() -> Result<&'static [Case], String> {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    if let Some(cases) = CASES.get() {
        return Ok(cases);
    }
    // SQLite takes the memory that can be made scarce only before anything else.
    crate::vfs::memory();
    let made: Vec<Case> = drafts().into_iter().map(Draft::case).collect::<Result<_, _>>()?;
    Ok(CASES.get_or_init(|| made))
}

struct Draft {
    name: &'static str,
    before: String,
    start: Start,
    /// Makes what has to be there after.
    after: String,
}

impl Draft {
    /// A declared schema, with the rows before and after.
    fn push(name: &'static str, before: &str, rows: &str, after: &str, rows_after: &str) -> Draft {
        let start = Start::Push { after: after.into(), renames: Vec::new(), accept_data_loss: false };
        let fill = |rows: &str| rows.replace("{N}", N);
        Draft {
            name,
            before: format!("{before}; {}", fill(rows)),
            start,
            after: format!("{after}; {}", fill(rows_after)),
        }
    }

    fn loses(mut self) -> Draft {
        if let Start::Push { accept_data_loss, .. } = &mut self.start {
            *accept_data_loss = true;
        }
        self
    }

    fn case(self) -> Result<Case, String> {
        let Draft { name, before, start, after } = self;
        let wrong = |why: String| format!("the case {name} is wrong: {why}");
        let mut case = Case { name: name.into(), before, start, old: Image::default(), new: Image::default() };
        let images = images(&mut case, &after).map_err(wrong)?;
        (case.old, case.new) = images;
        Ok(case)
    }
}

fn images(case: &mut Case, after: &str) -> Result<(Image, Image), String> {
    let sqlite = |e: rusqlite::Error| e.to_string();
    let library = |e: Error| e.to_string();
    let mut db = Connection::open_in_memory().map_err(sqlite)?;
    case.make(&mut db).map_err(library)?;
    let old = Image::read(&db).map_err(sqlite)?;
    case.start.run(&mut db).map_err(library)?;
    let run = Image::read(&db).map_err(sqlite)?;
    let by_hand = Connection::open_in_memory().map_err(sqlite)?;
    by_hand.execute_batch(after).map_err(sqlite)?;
    let mut new = Image::read(&by_hand).map_err(sqlite)?;
    let names = |image: &Image| image.objects.iter().map(|o| (o.kind.clone(), o.name.clone())).collect::<Vec<_>>();
    if names(&run) != names(&new) {
        return Err(format!("its objects are {:?} and not {:?}", names(&run), names(&new)));
    }
    let searched = |table: &str| {
        let is_virtual = |sql: &Option<String>| sql.as_ref().is_some_and(|sql| sql.starts_with("CREATE VIRTUAL"));
        run.objects.iter().any(|o| is_virtual(&o.sql) && table.starts_with(&format!("{}_", o.name)))
    };
    for (table, rows) in &run.rows {
        if searched(table) {
            new.rows.insert(table.clone(), rows.clone());
        }
    }
    new.objects.clone_from(&run.objects);
    match run.difference(&new) {
        None => Ok((old, new)),
        Some(difference) => Err(format!("a run that nothing disturbed is not as it should be: {difference}")),
    }
}

fn drafts() -> Vec<Draft> {
    vec![
        rebuild(),
        Draft::push(
            "an edit of the catalogue",
            "CREATE TABLE item(id INTEGER PRIMARY KEY, kind TEXT DEFAULT NULL, n INT CHECK (n > 0));
             CREATE INDEX item_kind ON item(kind)",
            "{N} INSERT INTO item SELECT i, 'k' || i, i FROM n",
            "CREATE TABLE item(id INTEGER PRIMARY KEY, kind TEXT, n INT); CREATE INDEX item_kind ON item(kind)",
            "{N} INSERT INTO item SELECT i, 'k' || i, i FROM n",
        ),
        Draft::push(
            "other defaults",
            "CREATE TABLE item(id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX item_body ON item(body)",
            "{N} INSERT INTO item SELECT i, printf('%040d', i) FROM n;
             ALTER TABLE item ADD COLUMN kind TEXT DEFAULT 'plain'; ALTER TABLE item ADD COLUMN n INT;
             INSERT INTO item VALUES (61, 'last', 'rich', 9)",
            "CREATE TABLE item(id INTEGER PRIMARY KEY, body TEXT, kind TEXT DEFAULT 'rich', n INT NOT NULL DEFAULT 7);
             CREATE INDEX item_body ON item(body)",
            "{N} INSERT INTO item SELECT i, printf('%040d', i), 'plain', 7 FROM n;
             INSERT INTO item VALUES (61, 'last', 'rich', 9)",
        ),
        Draft::push(
            "ADD COLUMN",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)",
            "{N} INSERT INTO note SELECT i, printf('%040d', i) FROM n",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, starred INTEGER NOT NULL DEFAULT 0, colour TEXT)",
            "{N} INSERT INTO note SELECT i, printf('%040d', i), 0, NULL FROM n",
        ),
        Draft::push(
            "values where the rows stand",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, kind TEXT DEFAULT 'plain', size TEXT);
             CREATE INDEX note_body ON note(body); CREATE INDEX note_kind ON note(kind)",
            "{N} INSERT INTO note SELECT i, printf('%040d', i), iif(i % 3, 'k' || i, NULL), '' || i FROM n",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, kind TEXT NOT NULL DEFAULT 'plain', size TEXT,
             -- whimbrel: backfill substr(body, 30)
             short TEXT NOT NULL,
             -- whimbrel: backfill id * 2
             twice INTEGER DEFAULT 0);
             CREATE INDEX note_body ON note(body); CREATE INDEX note_kind ON note(kind)",
            "{N} INSERT INTO note SELECT i, printf('%040d', i), iif(i % 3, 'k' || i, 'plain'), '' || i,
             substr(printf('%040d', i), 30), i * 2 FROM n",
        ),
        Draft::push(
            "another type for the last column",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, size TEXT); CREATE INDEX note_body ON note(body);
             CREATE VIEW sizes AS SELECT size FROM note",
            "{N} INSERT INTO note SELECT i, printf('%040d', i), '' || i FROM n",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, size INTEGER); CREATE INDEX note_body ON note(body);
             CREATE VIEW sizes AS SELECT size FROM note",
            "{N} INSERT INTO note SELECT i, printf('%040d', i), i FROM n",
        ),
        Draft::push(
            "DROP COLUMN",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, gone TEXT, body TEXT)",
            "{N} INSERT INTO note SELECT i, 'gone', printf('%040d', i) FROM n",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)",
            "{N} INSERT INTO note SELECT i, printf('%040d', i) FROM n",
        )
        .loses(),
        Draft::push(
            // Said by hints, which every start says again; answers are for one time, and a start that is gone on with
            // has none to give.
            "renames in a chain",
            "CREATE TABLE x(id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE TABLE y(id INTEGER PRIMARY KEY, c TEXT);
             CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX t_a ON t(a);
             CREATE VIEW ys AS SELECT c FROM y",
            "{N} INSERT INTO x SELECT i, 'a' || i, 'b' || i FROM n; {N} INSERT INTO y SELECT i, 'c' || i FROM n;
             {N} INSERT INTO t SELECT i, 'a' || i, 'b' || i FROM n",
            "-- whimbrel: renamed from x
             CREATE TABLE y(id INTEGER PRIMARY KEY, a TEXT, b TEXT);
             -- whimbrel: renamed from y
             CREATE TABLE z(id INTEGER PRIMARY KEY, c TEXT);
             CREATE TABLE t(id INTEGER PRIMARY KEY,
               b TEXT, -- whimbrel: renamed from a
               c TEXT -- whimbrel: renamed from b
             );
             CREATE INDEX t_a ON t(b);
             CREATE VIEW ys AS SELECT c FROM z",
            "{N} INSERT INTO y SELECT i, 'a' || i, 'b' || i FROM n; {N} INSERT INTO z SELECT i, 'c' || i FROM n;
             {N} INSERT INTO t SELECT i, 'a' || i, 'b' || i FROM n",
        ),
        Draft::push(
            "new indexes",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, n INT)",
            "{N} INSERT INTO note SELECT i, printf('%060d', 99 - i), i % 7 FROM n",
            "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, n INT);
             CREATE UNIQUE INDEX note_body ON note(body); CREATE INDEX note_some ON note(n) WHERE n > 3;
             CREATE INDEX note_length ON note(length(body) + n, body)",
            "{N} INSERT INTO note SELECT i, printf('%060d', 99 - i), i % 7 FROM n",
        ),
        Draft::push(
            "a counter of AUTOINCREMENT",
            "CREATE TABLE note(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT); CREATE TABLE other(id INTEGER PRIMARY KEY)",
            "{N} INSERT INTO note SELECT i, 'b' || i FROM n; DELETE FROM note WHERE id > 50",
            "CREATE TABLE note(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT COLLATE NOCASE);
             CREATE TABLE other(id INTEGER PRIMARY KEY)",
            "{N} INSERT INTO note SELECT i, 'b' || i FROM n; DELETE FROM note WHERE id > 50",
        ),
        Draft::push(
            "tables without rowids",
            "CREATE TABLE kv(k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
             CREATE TABLE becomes(k TEXT NOT NULL PRIMARY KEY, v TEXT)",
            "{N} INSERT INTO kv SELECT printf('%03d', i * 7 % 61), 'v' || i FROM n;
             {N} INSERT INTO becomes SELECT printf('%03d', i * 7 % 61), 'v' || i FROM n",
            "CREATE TABLE kv(k TEXT PRIMARY KEY, v TEXT COLLATE NOCASE, UNIQUE (v)) WITHOUT ROWID;
             CREATE TABLE becomes(k TEXT NOT NULL PRIMARY KEY, v TEXT) WITHOUT ROWID",
            "{N} INSERT INTO kv SELECT printf('%03d', i * 7 % 61), 'v' || i FROM n;
             {N} INSERT INTO becomes SELECT printf('%03d', i * 7 % 61), 'v' || i FROM n",
        ),
        search(),
        Draft::push(
            "generated columns",
            "CREATE TABLE price(id INTEGER PRIMARY KEY, net INT, gross INT AS (net * 2) STORED, tag TEXT AS ('#' || id));
             CREATE INDEX price_tag ON price(tag)",
            "{N} INSERT INTO price(id, net) SELECT i, i * 100 FROM n",
            "CREATE TABLE price(id INTEGER PRIMARY KEY, net INT, gross INT AS (net * 119 / 100) STORED,
               tag TEXT AS ('#' || id)); CREATE INDEX price_tag ON price(tag)",
            "{N} INSERT INTO price(id, net) SELECT i, i * 100 FROM n",
        ),
        Draft::push(
            "tables that go",
            "CREATE TABLE kept(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE gone(id INTEGER PRIMARY KEY, a TEXT);
             CREATE INDEX gone_a ON gone(a); CREATE TABLE child(id INTEGER PRIMARY KEY, gone_id INT REFERENCES gone(id));
             CREATE VIEW both AS SELECT a FROM kept UNION ALL SELECT a FROM gone",
            "{N} INSERT INTO kept SELECT i, printf('%060d', i) FROM n;
             {N} INSERT INTO gone SELECT i, printf('%060d', i) FROM n; {N} INSERT INTO child SELECT i, i FROM n",
            "CREATE TABLE kept(id INTEGER PRIMARY KEY, a TEXT); CREATE VIEW both AS SELECT a FROM kept",
            "{N} INSERT INTO kept SELECT i, printf('%060d', i) FROM n",
        )
        .loses(),
        Draft::push(
            "rows of many pages, and keys in a circle",
            "CREATE TABLE node(id INTEGER PRIMARY KEY, up INT REFERENCES node(id), data BLOB, label TEXT);
             CREATE TABLE left(id INTEGER PRIMARY KEY, other INT REFERENCES right(id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE right(id INTEGER PRIMARY KEY, other INT REFERENCES left(id) DEFERRABLE INITIALLY DEFERRED)",
            "{N} INSERT INTO node SELECT i, nullif(i / 2, 0), zeroblob(i * 40), 'l' || i FROM n;
             BEGIN; {N} INSERT INTO left SELECT i, i FROM n; {N} INSERT INTO right SELECT i, i FROM n; COMMIT",
            "CREATE TABLE node(id INTEGER PRIMARY KEY, up INT REFERENCES node(id) ON DELETE CASCADE, data BLOB,
               label TEXT NOT NULL COLLATE NOCASE);
             CREATE TABLE left(id INTEGER PRIMARY KEY, other INT NOT NULL REFERENCES right(id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TABLE right(id INTEGER PRIMARY KEY, other INT REFERENCES left(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
            "{N} INSERT INTO node SELECT i, nullif(i / 2, 0), zeroblob(i * 40), 'l' || i FROM n;
             BEGIN; {N} INSERT INTO left SELECT i, i FROM n; {N} INSERT INTO right SELECT i, i FROM n; COMMIT",
        ),
        upgrade(),
        install(),
        Draft {
            name: "a schema that is kept by auto-alter",
            before: format!("{N} INSERT INTO note SELECT i, 'b' || i FROM n"),
            start: Start::AutoAlter {
                before: "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT)".into(),
                after: "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT COLLATE NOCASE, n INT NOT NULL DEFAULT 7);
                    CREATE INDEX note_body ON note(body)"
                    .into(),
            },
            after: format!(
                "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT COLLATE NOCASE, n INT NOT NULL DEFAULT 7);
                 CREATE INDEX note_body ON note(body); {N} INSERT INTO note SELECT i, 'b' || i, 7 FROM n"
            ),
        },
        Draft {
            name: "a cache that is made anew",
            before: format!(
                "{N} INSERT INTO town SELECT i, 't' || i FROM n; {N} INSERT INTO road SELECT i, 'r' || i FROM n"
            ),
            start: Start::Disposable {
                before: "CREATE TABLE town(id INTEGER PRIMARY KEY, name TEXT);
                    CREATE TABLE road(id INTEGER PRIMARY KEY, name TEXT)"
                    .into(),
                after: "CREATE TABLE town(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
                    CREATE TABLE road(id INTEGER PRIMARY KEY, name TEXT)"
                    .into(),
            },
            after: format!(
                "CREATE TABLE town(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
                 CREATE TABLE road(id INTEGER PRIMARY KEY, name TEXT); {N} INSERT INTO road SELECT i, 'r' || i FROM n"
            ),
        },
    ]
}

fn rebuild() -> Draft {
    let around = "CREATE INDEX person_team ON person(team_id); CREATE TABLE log(line TEXT);
        CREATE TRIGGER person_log AFTER INSERT ON person BEGIN INSERT INTO log VALUES (new.mail); END;
        CREATE TRIGGER log_person AFTER DELETE ON log BEGIN UPDATE person SET mail = NULL WHERE mail = old.line; END;
        CREATE VIEW mails AS SELECT id, mail FROM person; CREATE VIEW teams AS SELECT t.name, m.mail FROM team AS t
          JOIN person AS p ON p.team_id = t.id JOIN mails AS m ON m.id = p.id";
    let before = "CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE person(id INTEGER PRIMARY KEY, team_id INT REFERENCES team(id) ON DELETE CASCADE, mail TEXT, age INT)";
    let after = "CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE);
        CREATE TABLE person(id INTEGER PRIMARY KEY, team_id INT REFERENCES team(id) ON DELETE SET NULL,
          mail TEXT COLLATE NOCASE, age INTEGER CHECK (age > 0))";
    let rows = "{N} INSERT INTO team SELECT i, 'team ' || i FROM n WHERE i < 6;
        {N} INSERT INTO person SELECT i * 3, 1 + i % 5, i || '@example.org', 20 + i FROM n";
    let (before, after) = (format!("{before}; {around}"), format!("{after}; {around}"));
    Draft::push("a rebuild with triggers, views and foreign keys", &before, rows, &after, rows)
}

fn search() -> Draft {
    let around = "CREATE VIRTUAL TABLE search USING fts5(title, body, content = 'doc', content_rowid = 'id');
        CREATE TRIGGER doc_new AFTER INSERT ON doc BEGIN
          INSERT INTO search(rowid, title, body) VALUES (new.id, new.title, new.body); END;
        CREATE TRIGGER doc_gone AFTER DELETE ON doc BEGIN
          INSERT INTO search(search, rowid, title, body) VALUES ('delete', old.id, old.title, old.body); END";
    let rows = "{N} INSERT INTO doc SELECT i, 'word' || (i % 9) || ' title', 'text ' || i || ' of all' FROM n";
    let before = format!("CREATE TABLE doc(id INTEGER PRIMARY KEY, title TEXT, body TEXT); {around}");
    let after =
        format!("CREATE TABLE doc(id INTEGER PRIMARY KEY, title TEXT NOT NULL COLLATE NOCASE, body TEXT); {around}");
    Draft::push("full-text search over a table that is rebuilt", &before, rows, &after, rows)
}

/// Tables, columns and rows of twenty migrations.
fn scripts() -> Vec<String> {
    let mut scripts = vec!["CREATE TABLE base(id INTEGER PRIMARY KEY, name TEXT NOT NULL);".to_owned()];
    for n in 2..=20 {
        scripts.push(match n % 3 {
            0 => format!(
                "CREATE TABLE t{n}(id INTEGER PRIMARY KEY, base_id INT REFERENCES base(id));
                INSERT INTO t{n} SELECT id, id FROM base WHERE id % {n} = 0;"
            ),
            1 => format!(
                "ALTER TABLE base ADD COLUMN c{n} TEXT DEFAULT 'd{n}';
                UPDATE base SET c{n} = name || {n} WHERE id % 3 = 0;"
            ),
            _ => format!("CREATE INDEX base_{n} ON base(name, id % {n});"),
        });
    }
    scripts
}

/// What twenty migrations make, and the rows where `base` has some.
fn scripted(rows: &str) -> String {
    let mut columns = String::new();
    let mut rest = String::new();
    for n in 2..=20 {
        match n % 3 {
            0 => {
                rest += &format!("CREATE TABLE t{n}(id INTEGER PRIMARY KEY, base_id INT REFERENCES base(id));");
                if !rows.is_empty() {
                    rest += &format!("{N} INSERT INTO t{n} SELECT i, i FROM n WHERE i % {n} = 0;");
                }
            }
            1 => {
                columns += &format!(", c{n} TEXT DEFAULT 'd{n}'");
                rest += &format!("UPDATE base SET c{n} = 'name' || id || {n} WHERE id % 3 = 0;");
            }
            _ => rest += &format!("CREATE INDEX base_{n} ON base(name, id % {n});"),
        }
    }
    format!("CREATE TABLE base(id INTEGER PRIMARY KEY, name TEXT NOT NULL{columns}); {rows}; {rest}")
}

fn upgrade() -> Draft {
    let rows = |columns: &str| format!("{N} INSERT INTO base({columns}) SELECT i, 'name' || i FROM n");
    // The third migration's rows come from those that `base` has by then: none.
    let before = format!("{}; {N} INSERT INTO t3 SELECT i, i FROM n WHERE i % 3 = 0", rows("id, name"));
    Draft {
        name: "seventeen of twenty migrations",
        before,
        start: Start::Upgrade { scripts: scripts(), known: 3 },
        after: scripted(&rows("id, name")),
    }
}

fn install() -> Draft {
    Draft {
        name: "twenty migrations in an empty database",
        before: String::new(),
        start: Start::Upgrade { scripts: scripts(), known: 0 },
        after: scripted(""),
    }
}
