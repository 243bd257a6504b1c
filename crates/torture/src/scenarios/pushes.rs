//! Declared schemas: what the database holds afterwards, or why it is refused.

use rusqlite::Connection;
use whimbrel::{Code, Planner, Schema, State};

use super::{Outcome, Place, Scenario, image_of, must, must_hold, said, settings_of};
use crate::case::Start;

pub(super) const ALL: &[Scenario] = &[
    Scenario { name: "children of a rebuilt table keep their rows", run: children_stay },
    Scenario { name: "views and triggers elsewhere survive a rebuild", run: dependents_stay },
    Scenario { name: "what belongs to a rebuilt table is made again", run: belongings_stay },
    Scenario { name: "defaults, collations and constraints survive a rebuild", run: declarations_stay },
    Scenario { name: "ids that were given out are not given out again", run: sequence_stays },
    Scenario { name: "rows keep their rowids", run: rowids_stay },
    Scenario { name: "generated columns are computed", run: generated_columns },
    Scenario { name: "the key of a table without rowids keeps its order", run: key_order },
    Scenario { name: "all rows of a large table are there", run: many_rows },
    Scenario { name: "columns that swap their names keep their values", run: columns_swap },
    Scenario { name: "tables that swap their names keep their rows", run: tables_swap },
    Scenario { name: "any name can be that of a view", run: hostile_names },
    Scenario { name: "a full-text index follows its text", run: search },
    Scenario { name: "open connections see a catalogue that was edited", run: catalogue },
    Scenario { name: "a back-fill fires no triggers", run: backfill },
    Scenario { name: "rows that become equal are refused", run: equal_rows },
    Scenario { name: "rows that are equal but for their case are refused", run: equal_but_for_case },
    Scenario { name: "a type that would alter values is refused", run: altered_values },
    Scenario { name: "rows without a value are refused", run: no_value },
    Scenario { name: "a parent that is still referred to is not dropped", run: orphans },
    Scenario { name: "columns with values are not dropped unasked", run: data_loss },
];

/// A push that goes through.
struct Push<'p> {
    before: &'p str,
    after: &'p str,
    renames: &'p [(&'p str, &'p str)],
    /// What makes the same database by hand.
    expected: &'p str,
    /// What can be done afterwards, on every connection, and not before.
    probe: &'p str,
}

const PUSH: Push<'static> = Push { before: "", after: "", renames: &[], expected: "", probe: "" };

fn start(after: &str, renames: &[(&str, &str)]) -> Start {
    let renames = renames.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    Start::Push { after: after.to_owned(), renames, accept_data_loss: false }
}

impl Push<'_> {
    fn check(&self, place: &Place) -> Outcome {
        let expected = image_of(self.expected)?;
        let mut app = place.made(self.before)?;
        let other = place.open()?;
        super::number(&other, "SELECT count(*) FROM sqlite_schema")?;
        let settings = settings_of(&app)?;
        let start = start(self.after, self.renames);
        start.run(&mut app).map_err(|e| format!("it failed: {e}"))?;
        must_hold(&app, &expected)?;
        let now = settings_of(&app)?;
        must(now == settings, || format!("the settings were {settings:?} and are {now:?}"))?;
        for connection in [&app, &other].into_iter().filter(|_| !self.probe.is_empty()) {
            try_out(connection, self.probe)?;
        }
        // A second start, of an app that does not rename any more, has nothing to do.
        let schema = Schema::from_sql(self.after).map_err(said)?;
        let plan = Planner::new(&schema).plan(&mut app).map_err(said)?;
        must(plan.is_empty(), || format!("the second plan is not empty: {plan}"))
    }
}

/// Whether statements can be executed; nothing is left of them.
fn try_out(connection: &Connection, script: &str) -> Outcome {
    connection.execute_batch("BEGIN").map_err(said)?;
    let outcome = connection.execute_batch(script).map_err(|e| format!("{script}: {e}"));
    connection.execute_batch("ROLLBACK").map_err(said)?;
    outcome
}

/// A push that is refused before anything is written, or with the state given.
fn refused(place: &Place, before: &str, after: &str, code: Code, state: State) -> Outcome {
    let mut app = place.made(before)?;
    let old = whimbrel_oracle::Image::read(&app).map_err(said)?;
    let settings = settings_of(&app)?;
    match start(after, &[]).run(&mut app) {
        Ok(()) => return Err("it was not refused".to_owned()),
        Err(e) if e.code() != code => {
            return Err(format!("it was refused with {}, and not with {code}: {e}", e.code()));
        }
        Err(e) if e.report().state != state => return Err(format!("the state is said to be {:?}", e.report().state)),
        Err(_) => {}
    }
    let image = whimbrel_oracle::Image::read(&app).map_err(said)?;
    if let Some(difference) = image.difference(&old) {
        return Err(format!("a refusal has changed something: {difference}"));
    }
    let now = settings_of(&app)?;
    must(now == settings, || format!("the settings were {settings:?} and are {now:?}"))
}

fn children_stay(place: &Place) -> Outcome {
    Push {
        before: "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE notes(id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE);
            CREATE TABLE tags(note INTEGER REFERENCES notes(id) ON DELETE SET NULL, tag TEXT);
            INSERT INTO people VALUES (1, 'Ada'), (2, 'Bo'), (7, 'Cy');
            INSERT INTO notes VALUES (10, 1), (11, 1), (12, 7);
            INSERT INTO tags VALUES (10, 'red'), (12, 'blue'), (NULL, 'none');",
        after: "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
            CREATE TABLE notes(id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE);
            CREATE TABLE tags(note INTEGER REFERENCES notes(id) ON DELETE SET NULL, tag TEXT);",
        expected: "CREATE TABLE \"people\"(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
            CREATE TABLE notes(id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE);
            CREATE TABLE tags(note INTEGER REFERENCES notes(id) ON DELETE SET NULL, tag TEXT);
            INSERT INTO people VALUES (1, 'Ada'), (2, 'Bo'), (7, 'Cy');
            INSERT INTO notes VALUES (10, 1), (11, 1), (12, 7);
            INSERT INTO tags VALUES (10, 'red'), (12, 'blue'), (NULL, 'none');",
        ..PUSH
    }
    .check(place)
}

fn dependents_stay(place: &Place) -> Outcome {
    let dependents = "CREATE VIEW long AS SELECT id, body FROM notes WHERE length(body) > 3;
        CREATE VIEW counted AS SELECT count(*) AS n FROM long;
        CREATE TRIGGER logged AFTER INSERT ON log BEGIN UPDATE notes SET body = new.line WHERE id = new.note; END;";
    Push {
        before: &format!(
            "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE log(note INTEGER, line TEXT); {dependents}
             INSERT INTO notes VALUES (1, 'one'), (2, 'second');"
        ),
        after: &format!(
            "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT UNIQUE); CREATE TABLE log(note INTEGER, line TEXT); {dependents}"
        ),
        expected: &format!(
            "CREATE TABLE \"notes\"(id INTEGER PRIMARY KEY, body TEXT UNIQUE); CREATE TABLE log(note INTEGER, line TEXT); {dependents}
             INSERT INTO notes VALUES (1, 'one'), (2, 'second');"
        ),
        probe: "SELECT n FROM counted; INSERT INTO log VALUES (1, 'other');",
        ..PUSH
    }
    .check(place)
}

fn belongings_stay(place: &Place) -> Outcome {
    let belongings = "CREATE INDEX by_body ON notes(body COLLATE NOCASE DESC) WHERE body <> '';
        CREATE UNIQUE INDEX by_length ON notes(length(body), id);
        CREATE TRIGGER first AFTER UPDATE ON notes BEGIN SELECT 1; END;
        CREATE TRIGGER second BEFORE DELETE ON notes WHEN old.id = 1 BEGIN SELECT raise(ABORT, 'kept'); END;";
    let rows = "INSERT INTO notes VALUES (1, 'one'), (3, NULL);";
    Push {
        before: &format!("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); {belongings} {rows}"),
        after: &format!("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT UNIQUE); {belongings}"),
        expected: &format!("CREATE TABLE \"notes\"(id INTEGER PRIMARY KEY, body TEXT UNIQUE); {belongings} {rows}"),
        ..PUSH
    }
    .check(place)
}

fn declarations_stay(place: &Place) -> Outcome {
    let rows =
        "INSERT INTO notes(id, title, kind, stars, made) VALUES (1, 'One', 'A', 5, 'x'), (2, 'Two', 'b', 0, 'y');";
    let columns = "id INTEGER PRIMARY KEY ON CONFLICT REPLACE, title TEXT NOT NULL ON CONFLICT IGNORE, \
         kind TEXT COLLATE NOCASE DEFAULT 'none', stars INTEGER DEFAULT (1 + 2) CHECK (stars BETWEEN 0 AND 5), \
         made TEXT DEFAULT CURRENT_TIMESTAMP";
    Push {
        before: &format!("CREATE TABLE notes({columns}); {rows}"),
        after: &format!("CREATE TABLE notes({columns}, UNIQUE (made))"),
        expected: &format!("CREATE TABLE \"notes\"({columns}, UNIQUE (made)); {rows}"),
        ..PUSH
    }
    .check(place)
}

fn sequence_stays(place: &Place) -> Outcome {
    let rows = "INSERT INTO notes VALUES (1, 'one'), (90, 'gone'); DELETE FROM notes WHERE id = 90;";
    Push {
        before: &format!("CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT); {rows}"),
        after: "CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT UNIQUE)",
        expected: &format!("CREATE TABLE \"notes\"(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT UNIQUE); {rows}"),
        ..PUSH
    }
    .check(place)
}

fn rowids_stay(place: &Place) -> Outcome {
    let rows = "INSERT INTO notes(rowid, body) VALUES (-5, 'first'), (3, 'second'), (70, 'third');";
    Push {
        before: &format!("CREATE TABLE notes(body TEXT); {rows}"),
        after: "CREATE TABLE notes(body TEXT UNIQUE)",
        expected: &format!("CREATE TABLE \"notes\"(body TEXT UNIQUE); {rows}"),
        ..PUSH
    }
    .check(place)
}

fn generated_columns(place: &Place) -> Outcome {
    let columns = "net INTEGER, gross INTEGER AS (net * 2) STORED, text TEXT GENERATED ALWAYS AS (net || '!') VIRTUAL";
    let rows = "INSERT INTO prices(net) VALUES (1), (20), (NULL);";
    Push {
        before: &format!("CREATE TABLE prices({columns}); {rows}"),
        after: &format!("CREATE TABLE prices({columns}, UNIQUE (net))"),
        expected: &format!("CREATE TABLE \"prices\"({columns}, UNIQUE (net)); {rows}"),
        ..PUSH
    }
    .check(place)
}

fn key_order(place: &Place) -> Outcome {
    let columns = "a TEXT, b INTEGER, c BLOB, PRIMARY KEY (b, a DESC)";
    let rows = "INSERT INTO pairs VALUES ('x', 2, x'00'), ('y', 1, NULL), ('z', 2, x'ff');";
    Push {
        before: &format!("CREATE TABLE pairs({columns}) WITHOUT ROWID; {rows}"),
        after: &format!("CREATE TABLE pairs({columns}, UNIQUE (c)) WITHOUT ROWID"),
        expected: &format!("CREATE TABLE \"pairs\"({columns}, UNIQUE (c)) WITHOUT ROWID; {rows}"),
        ..PUSH
    }
    .check(place)
}

fn many_rows(place: &Place) -> Outcome {
    let rows = "WITH RECURSIVE n(n) AS (SELECT -11000 UNION ALL SELECT n + 1 FROM n WHERE n < 11000)
        INSERT INTO many SELECT n, n * 2 FROM n;";
    Push {
        before: &format!("CREATE TABLE many(id INTEGER PRIMARY KEY, twice INTEGER); {rows}"),
        after: "CREATE TABLE many(id INTEGER PRIMARY KEY, twice INTEGER UNIQUE)",
        expected: &format!("CREATE TABLE \"many\"(id INTEGER PRIMARY KEY, twice INTEGER UNIQUE); {rows}"),
        ..PUSH
    }
    .check(place)
}

fn columns_swap(place: &Place) -> Outcome {
    Push {
        before: "CREATE TABLE names(first TEXT, last TEXT); INSERT INTO names VALUES ('Ada', 'Lovelace'), (NULL, 'Plato');",
        after: "CREATE TABLE names(last TEXT, first TEXT)",
        renames: &[("names.first", "last"), ("names.last", "first")],
        expected: "CREATE TABLE names(\"last\" TEXT, \"first\" TEXT); INSERT INTO names VALUES ('Ada', 'Lovelace'), (NULL, 'Plato');",
        ..PUSH
    }
    .check(place)
}

fn tables_swap(place: &Place) -> Outcome {
    Push {
        before: "CREATE TABLE old(a TEXT); CREATE TABLE new(a TEXT); INSERT INTO old VALUES ('old'); INSERT INTO new VALUES ('new');",
        after: "CREATE TABLE new(a TEXT); CREATE TABLE old(a TEXT);",
        renames: &[("old", "new"), ("new", "old")],
        expected: "CREATE TABLE \"new\"(a TEXT); CREATE TABLE \"old\"(a TEXT); INSERT INTO new VALUES ('old'); INSERT INTO old VALUES ('new');",
        ..PUSH
    }
    .check(place)
}

fn hostile_names(place: &Place) -> Outcome {
    let view = r#"CREATE VIEW "a""; DROP TABLE notes; --" AS SELECT body FROM "#;
    let rows = "INSERT INTO notes VALUES (1, 'one');";
    Push {
        before: &format!("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); {view} notes; {rows}"),
        after: &format!("CREATE TABLE texts(id INTEGER PRIMARY KEY, body TEXT); {view} texts;"),
        renames: &[("notes", "texts")],
        expected: &format!(
            "CREATE TABLE \"texts\"(id INTEGER PRIMARY KEY, body TEXT); {view} texts; {}",
            rows.replace("notes", "texts")
        ),
        ..PUSH
    }
    .check(place)
}

fn search(place: &Place) -> Outcome {
    let index = "CREATE VIRTUAL TABLE found USING fts5(body, content='notes', content_rowid='id');";
    let before = format!(
        "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); {index}
         INSERT INTO notes VALUES (1, 'a whimbrel'), (2, NULL); INSERT INTO found(found) VALUES ('rebuild');"
    );
    // Rows without a text get one.
    let after = format!("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL DEFAULT 'curlew'); {index}");
    let mut app = place.made(&before)?;
    start(&after, &[]).run(&mut app).map_err(said)?;
    if let Some(damage) = whimbrel_oracle::damage(&app).map_err(said)?.first() {
        return Err(damage.clone());
    }
    for (word, row) in [("whimbrel", 1), ("curlew", 2)] {
        let found =
            super::number(&app, &format!("SELECT coalesce(max(rowid), 0) FROM found WHERE found MATCH '{word}'"))?;
        must(found == row, || format!("{word} is found in row {found}"))?;
    }
    Ok(())
}

fn catalogue(place: &Place) -> Outcome {
    Push {
        before: "CREATE TABLE prices(net INTEGER, CHECK (net > 0)); INSERT INTO prices VALUES (1), (2);",
        after: "CREATE TABLE prices(net INTEGER);",
        expected: "CREATE TABLE prices(net INTEGER); INSERT INTO prices VALUES (1), (2);",
        probe: "INSERT INTO prices VALUES (-1);",
        ..PUSH
    }
    .check(place)
}

fn backfill(place: &Place) -> Outcome {
    let rest = "CREATE TABLE log(line TEXT);
        CREATE TRIGGER touched AFTER UPDATE ON notes BEGIN INSERT INTO log VALUES ('touched ' || new.id); END;";
    let columns = "(
           id INTEGER PRIMARY KEY,
           body TEXT,
           size INTEGER -- whimbrel: backfill length(body)
         );";
    let before = "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);";
    let before = format!("{before} {rest} INSERT INTO notes VALUES (1, 'one'), (2, 'three');");
    let mut app = place.made(&before)?;
    start(&format!("CREATE TABLE notes{columns} {rest}"), &[]).run(&mut app).map_err(said)?;
    let lines = super::number(&app, "SELECT count(*) FROM log")?;
    must(lines == 0, || format!("a trigger has fired {lines} times"))?;
    let expected =
        format!("CREATE TABLE \"notes\"{columns} {rest} INSERT INTO notes VALUES (1, 'one', 3), (2, 'three', 5);");
    must_hold(&app, &image_of(&expected)?)
}

fn equal_rows(place: &Place) -> Outcome {
    let before = "CREATE TABLE users(mail TEXT); INSERT INTO users VALUES ('a'), ('b'), ('a');";
    refused(place, before, "CREATE TABLE users(mail TEXT UNIQUE)", Code::RowsDoNotFit, State::Unchanged)
}

fn equal_but_for_case(place: &Place) -> Outcome {
    let before = "CREATE TABLE users(mail TEXT); INSERT INTO users VALUES ('Ada@x'), ('ada@X');";
    let after = "CREATE TABLE users(mail TEXT COLLATE NOCASE UNIQUE)";
    refused(place, before, after, Code::RowsDoNotFit, State::Unchanged)
}

fn altered_values(place: &Place) -> Outcome {
    let before = "CREATE TABLE codes(code TEXT); INSERT INTO codes VALUES ('007'), ('8');";
    refused(place, before, "CREATE TABLE codes(code INTEGER)", Code::ValuesAltered, State::Unchanged)
}

fn no_value(place: &Place) -> Outcome {
    let before = "CREATE TABLE users(mail TEXT); INSERT INTO users VALUES ('a'), (NULL);";
    refused(place, before, "CREATE TABLE users(mail TEXT NOT NULL)", Code::NoValue, State::Unchanged)
}

fn orphans(place: &Place) -> Outcome {
    let child = "CREATE TABLE notes(owner INTEGER REFERENCES people(id));";
    let before = format!(
        "CREATE TABLE people(id INTEGER PRIMARY KEY); {child}
        INSERT INTO people VALUES (1); INSERT INTO notes VALUES (1);"
    );
    let start = Start::Push { after: child.to_owned(), renames: Vec::new(), accept_data_loss: true };
    let mut app = place.made(&before)?;
    let old = whimbrel_oracle::Image::read(&app).map_err(said)?;
    match start.run(&mut app) {
        Err(e) if e.code() == Code::RowsDoNotFit => must_hold(&app, &old),
        Err(e) => Err(format!("it was refused with {e}")),
        Ok(()) => Err("the parent was dropped, and rows refer to it".to_owned()),
    }
}

fn data_loss(place: &Place) -> Outcome {
    let before = "CREATE TABLE users(mail TEXT, phone TEXT); INSERT INTO users VALUES ('a', '1'), ('b', NULL);";
    refused(place, before, "CREATE TABLE users(mail TEXT)", Code::DataLoss, State::Unchanged)
}
