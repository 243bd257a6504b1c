//! What is measured: each case with its files, its contestants, and how near to the limit Whimbrel wants to be.

use serde::Serialize;

use crate::fixtures::Fixture;

/// One thing that is measured.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name, by which it can be asked for: `type`.
    pub name: String,
    /// What it is, as a row of the table.
    pub title: String,
    /// What it works on.
    pub fixture: Fixture,
    /// What becomes of the database in a repetition.
    pub database: Database,
    /// Who takes part.
    pub entries: Vec<Entry>,
    /// How often a process measures before the next contestant has its turn.
    pub repetitions: u32,
    /// A query that gives true where the change was made.
    pub proof: Option<String>,
    /// At most so many times the limit is wanted of Whimbrel.
    pub of_limit: Option<f64>,
    /// At most so many times the best peer.
    pub of_peers: Option<f64>,
}

/// What becomes of the database in a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// It is read; everybody has the same one.
    Shared,
    /// It is read; each contestant has made its own, by the case `start-prepare`.
    Own,
    /// It is changed; each repetition gets a new copy.
    Copied,
    /// It is made.
    New,
}

/// A contestant in a case.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who runs it.
    pub who: Who,
    /// What it is called in the table.
    pub label: String,
    /// The case as the contestant knows it.
    pub case: String,
    /// What its figures are for.
    pub role: Role,
}

/// Who runs a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Whimbrel.
    Whimbrel,
    /// The database's own SQL, by hand.
    ByHand,
    /// A program in `peers/`.
    Peer(&'static str),
}

/// What figures are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// They are Whimbrel's.
    Whimbrel,
    /// The fastest of them is the limit.
    Limit,
    /// The fastest of them is the best peer.
    Peer,
    /// They are shown, and nothing is compared with them.
    Beside,
}

/// A case under construction.
fn case(name: impl Into<String>, title: impl Into<String>, fixture: Fixture, database: Database) -> Case {
    Case {
        name: name.into(),
        title: title.into(),
        fixture,
        database,
        entries: Vec::new(),
        repetitions: 1,
        proof: None,
        of_limit: None,
        of_peers: None,
    }
}

impl Case {
    fn whimbrel(self, case: &str) -> Self {
        self.entry(Who::Whimbrel, "Whimbrel", case, Role::Whimbrel)
    }

    fn limit(self, label: &str, case: &str) -> Self {
        self.entry(Who::ByHand, label, case, Role::Limit)
    }

    fn beside(self, who: Who, label: &str, case: &str) -> Self {
        self.entry(who, label, case, Role::Beside)
    }

    fn peer(self, name: &'static str, case: &str) -> Self {
        self.entry(Who::Peer(name), name, case, Role::Peer)
    }

    fn peers(self, names: &[&'static str], case: &str) -> Self {
        names.iter().fold(self, |with, name| with.peer(name, case))
    }

    fn entry(mut self, who: Who, label: &str, case: &str, role: Role) -> Self {
        self.entries.push(Entry { who, label: label.to_owned(), case: case.to_owned(), role });
        self
    }

    fn repetitions(self, repetitions: u32) -> Self {
        Case { repetitions, ..self }
    }

    fn wanted(self, of_limit: impl Into<Option<f64>>, of_peers: impl Into<Option<f64>>) -> Self {
        Case { of_limit: of_limit.into(), of_peers: of_peers.into(), ..self }
    }

    /// The change was made, and no row of the items is gone.
    fn proof(self, proof: &str) -> Self {
        let (Fixture::Rows(rows) | Fixture::Constrained(rows) | Fixture::ServerRows(rows)) = self.fixture else {
            return self;
        };
        // On a server others write meanwhile.
        Case { proof: Some(format!("SELECT ({proof}) AND (SELECT count(*) FROM items) >= {rows}")), ..self }
    }
}

const PYTHON: [&str; 3] = ["alembic", "django", "sqlite_utils"];
const NPM: [&str; 3] = ["drizzle", "prisma", "typeorm"];
const RUST: [&str; 4] = ["rusqlite_migration", "diesel", "refinery", "sqlx"];

/// All cases.
pub fn all(rows: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for (migrations, tables) in [(10, 10), (100, 10), (1000, 10), (10, 1000), (100, 1000), (1000, 1000)] {
        let fixture = Fixture::History { migrations, tables };
        let of = format!("{migrations} migrations, {tables} tables");
        cases.push(
            case(
                format!("start-check-{migrations}-{tables}"),
                format!("unchanged start, {of}: check alone"),
                fixture,
                Database::Own,
            )
            .whimbrel("start-check")
            .limit("user_version", "start-check")
            .beside(Who::ByHand, "both numbers of the header", "start-check:both-numbers")
            .peers(&RUST, "start-check")
            .repetitions(200)
            .wanted(1.3, None),
        );
        cases.push(
            case(
                format!("start-open-{migrations}-{tables}"),
                format!("unchanged start, {of}: with the open"),
                fixture,
                Database::Own,
            )
            .whimbrel("start-open")
            .limit("user_version", "start-open")
            .peers(&RUST, "start-open")
            .repetitions(200)
            .wanted(1.3, None),
        );
    }
    let thousand = Fixture::History { migrations: 1000, tables: 100 };
    cases.push(
        case("apply", "1,000 small migrations into a new file", thousand, Database::New)
            .whimbrel("apply")
            .limit("one transaction", "apply")
            .peer("rusqlite_migration", "apply")
            .entry(Who::Peer("refinery"), "refinery, grouped", "apply:grouped", Role::Peer)
            .peers(&["diesel", "refinery", "sqlx"], "apply")
            .wanted(1.05, None),
    );
    cases.push(
        case("new", "a new database of 1,000 migrations", thousand, Database::New)
            .whimbrel("new")
            .limit("its schema in one transaction", "new")
            .beside(Who::ByHand, "a ready image of the file", "new:image")
            .peers(&["rusqlite_migration"], "apply")
            .entry(Who::Peer("refinery"), "refinery, grouped", "apply:grouped", Role::Peer)
            .peers(&["diesel", "sqlx"], "apply")
            .wanted(None, 0.12),
    );
    for tables in [1000, 5000, 10_000] {
        let fixture = Fixture::Tables(tables);
        let repetitions = if tables > 1000 { 3 } else { 10 };
        cases.push(
            case(
                format!("diff-unchanged-{tables}"),
                format!("plan, {tables} tables, nothing changed"),
                fixture,
                Database::Shared,
            )
            .whimbrel("diff:unchanged")
            .limit("hash of the catalogue's text", "diff:hash")
            .beside(Who::Whimbrel, "Whimbrel, reading the declared text too", "diff:unchanged-with-text")
            .repetitions(repetitions)
            .wanted(1.5, None),
        );
        cases.push(
            case(
                format!("diff-changed-{tables}"),
                format!("plan, {tables} tables, one type changed"),
                fixture,
                Database::Shared,
            )
            .whimbrel("diff:changed")
            .limit("four catalogue queries", "diff:queries")
            .beside(Who::Whimbrel, "Whimbrel, reading the declared text too", "diff:changed-with-text")
            .peers(if tables > 1000 { &[] } else { &["alembic", "drizzle", "prisma", "typeorm"] }, "diff:changed")
            .repetitions(repetitions)
            .wanted(1.5, None),
        );
    }
    on_rows(&mut cases, rows);
    on_server(&mut cases, rows);
    cases
}

fn on_rows(cases: &mut Vec<Case>, rows: usize) {
    let (plain, constrained) = (Fixture::Rows(rows), Fixture::Constrained(rows));
    let of = thousands(rows);
    let change = |name: &str, title: &str, fixture| {
        case(name, format!("{title}, {of} rows"), fixture, Database::Copied).whimbrel(name)
    };
    cases.push(
        change("type", "type of a column, TEXT to INTEGER", plain)
            .limit("copy, indexes after", "type:copy")
            .limit("ADD, UPDATE, DROP, RENAME COLUMN", "type:in-place")
            .beside(Who::ByHand, "copy, indexes before", "type:indexes-first")
            .peers(&PYTHON, "type")
            .peers(&NPM, "type")
            .proof("SELECT count(*) = sum(typeof(price) = 'integer') FROM items")
            .wanted(1.05, 0.75),
    );
    cases.push(
        change("same-storage", "type of a column, BIGINT to INTEGER", plain)
            .limit("transfer of the trees", "same-storage:transfer")
            .beside(Who::ByHand, "copy, indexes after", "same-storage:copy")
            .peers(&PYTHON, "same-storage")
            .peers(&["prisma", "typeorm"], "same-storage")
            .proof("SELECT type = 'INTEGER' FROM pragma_table_info('items') WHERE name = 'created'")
            .wanted(1.05, None),
    );
    cases.push(
        change("five-changes", "five changes of one table", plain)
            .limit("copy, indexes after", "five-changes:copy")
            .peers(&["alembic", "django", "typeorm"], "five-changes")
            .proof("SELECT count(*) = sum(stock = 0 AND typeof(price) = 'integer') FROM items")
            .wanted(None, 0.3),
    );
    cases.push(
        change("drop-column", "DROP COLUMN", plain)
            .limit("ALTER TABLE", "drop-column:alter")
            .peers(&PYTHON, "drop-column")
            .peers(&NPM, "drop-column")
            .proof("SELECT count(*) = 4 FROM pragma_table_info('items')"),
    );
    cases.push(
        change("add-column", "ADD COLUMN", plain)
            .limit("ALTER TABLE", "add-column:alter")
            .peers(&PYTHON, "add-column")
            .peers(&["prisma", "typeorm"], "add-column")
            .proof("SELECT count(*) = 6 FROM pragma_table_info('items')"),
    );
    cases.push(
        case("set-not-null", format!("SET NOT NULL, {of} rows"), plain, Database::Copied)
            .whimbrel("set-not-null:at-once")
            .beside(Who::Whimbrel, "Whimbrel, with a plan that is looked at", "set-not-null")
            .limit("one scan", "set-not-null:scan")
            .beside(Who::ByHand, "ALTER TABLE", "set-not-null:alter")
            .peers(&PYTHON, "set-not-null")
            .peers(&NPM, "set-not-null")
            .proof("SELECT \"notnull\" FROM pragma_table_info('items') WHERE name = 'note'")
            .wanted(1.2, None),
    );
    cases.push(
        case("add-check", format!("ADD CHECK, {of} rows"), plain, Database::Copied)
            .whimbrel("add-check:at-once")
            .beside(Who::Whimbrel, "Whimbrel, with a plan that is looked at", "add-check")
            .limit("one scan", "add-check:scan")
            .beside(Who::ByHand, "ALTER TABLE", "add-check:alter")
            .peers(&["alembic", "django", "drizzle", "typeorm"], "add-check")
            .proof("SELECT sql LIKE '%note_is_there%' FROM sqlite_schema WHERE name = 'items'")
            .wanted(1.2, None),
    );
    cases.push(
        change("set-default", "a DEFAULT", plain)
            .beside(Who::ByHand, "edit of the catalogue", "set-default:catalogue")
            .peers(&PYTHON, "set-default")
            .peers(&NPM, "set-default")
            .proof("SELECT dflt_value IS NOT NULL FROM pragma_table_info('items') WHERE name = 'note'"),
    );
    cases.push(
        change("remove-check", "removing a CHECK", constrained)
            .limit("edit of the catalogue", "remove-check:catalogue")
            .beside(Who::ByHand, "ALTER TABLE", "remove-check:alter")
            .peers(&["django"], "remove-check")
            .proof("SELECT sql NOT LIKE '%price_is_there%' FROM sqlite_schema WHERE name = 'items'"),
    );
    cases.push(
        change("remove-foreign-key", "removing a foreign key", constrained)
            .limit("edit of the catalogue", "remove-foreign-key:catalogue")
            .peers(&PYTHON, "remove-foreign-key")
            .proof("SELECT count(*) = 0 FROM pragma_foreign_key_list('items')"),
    );
    cases.push(
        change("remove-not-null", "removing a NOT NULL", constrained)
            .limit("edit of the catalogue", "remove-not-null:catalogue")
            .beside(Who::ByHand, "ALTER TABLE", "remove-not-null:alter")
            .peers(&PYTHON, "remove-not-null")
            .proof("SELECT \"notnull\" = 0 FROM pragma_table_info('items') WHERE name = 'name'"),
    );
    cases.push(
        case("backup", format!("backup, {of} rows"), plain, Database::Shared)
            .whimbrel("backup")
            .limit("online backup", "backup:online")
            .beside(Who::ByHand, "copy of the file", "backup:file")
            .beside(Who::ByHand, "VACUUM INTO", "backup:vacuum")
            .wanted(1.1, None),
    );
}

fn on_server(cases: &mut Vec<Case>, rows: usize) {
    let tables = Fixture::ServerTables(1000);
    cases.push(
        case("pg-diff-1000", "PostgreSQL: plan, 1000 tables, one type changed", tables, Database::Shared)
            .whimbrel("pg-diff")
            .limit("one query for the catalogue", "pg-diff:query")
            .beside(Who::Whimbrel, "Whimbrel, nothing changed", "pg-diff:unchanged")
            .beside(Who::Whimbrel, "Whimbrel, reading the declared text too", "pg-diff:with-text")
            .beside(Who::ByHand, "pg_dump -s", "pg-diff:dump")
            .peer("alembic", "pg-diff")
            .wanted(2.0, None),
    );
    let change = |name: &str, title: &str| {
        let title = format!("PostgreSQL: longest wait of a writer at {title}, {} rows", thousands(rows));
        case(name, title, Fixture::ServerRows(rows), Database::Copied).whimbrel(name)
    };
    cases.push(
        change("pg-set-not-null", "SET NOT NULL")
            .limit("through a validated CHECK", "pg-set-not-null:checked-before")
            .beside(Who::ByHand, "ALTER TABLE alone", "pg-set-not-null:alter")
            .proof("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'note'"),
    );
    cases.push(
        change("pg-foreign-key", "ADD FOREIGN KEY")
            .limit("NOT VALID, then VALIDATE", "pg-foreign-key:validated-after")
            .beside(Who::ByHand, "ALTER TABLE alone", "pg-foreign-key:alter")
            .proof("SELECT convalidated FROM pg_constraint WHERE conrelid = 'items'::regclass AND contype = 'f'"),
    );
    cases.push(
        change("pg-index", "CREATE INDEX")
            .limit("CONCURRENTLY", "pg-index:concurrently")
            .beside(Who::ByHand, "CREATE INDEX alone", "pg-index:plain")
            .proof("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('items_price')"),
    );
}

/// `1,000,000`.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
