//! Random schemas and rows, weighted to what has gone wrong before: names that need quotes, keys that are no rowid, values
//! that do not survive a conversion.

use fastrand::Rng;
use whimbrel_oracle::{Cell, quoted};

use super::model::{
    Body, Check, Collation, Column, Computed, Conflict, ForeignKey, Generated, Id, Index, Key, Rule, Schema, Search,
    Spelling, Table, Trigger, Unique, Value, View, hex,
};

/// Random choices, and the ids and names that were given so far.
#[derive(Debug, Clone)]
pub struct Dice {
    rng: Rng,
    next: Id,
    names: Vec<String>,
}

/// Names of tables and of what else shares their space.
const OBJECTS: [&str; 24] = [
    "notes",
    "people",
    "Order",
    "select",
    "group",
    "tag of note",
    "q\"q",
    "it's",
    "ünï",
    "[br]",
    "dot.ted",
    "t",
    "index",
    "a--b",
    "a;b",
    "`tick`",
    "%",
    "Straße",
    "_x",
    "table",
    "new",
    "old",
    "1st",
    "sqlit",
];

/// Names of columns.
const COLUMNS: [&str; 32] = [
    "a", "b", "c", "id", "name", "value", "Order", "select", "group", "x y", "q\"q", "it's", "ünï", "[br]", "dot.ted",
    "rowid", "oid", "_rowid_", "null", "1st", "Camel", "index", "table", "default", "new", "old", "excluded", "a--b",
    "a;b", "`tick`", "?1", "rank",
];

const TYPES: [&str; 18] = [
    "",
    "INTEGER",
    "INTEGER",
    "INT",
    "TEXT",
    "TEXT",
    "TEXT",
    "REAL",
    "REAL",
    "BLOB",
    "NUMERIC",
    "VARCHAR(10)",
    "bigint",
    "DOUBLE PRECISION",
    "BOOLEAN",
    "DATETIME",
    "ANY",
    "DECIMAL(10,5)",
];

const STRICT_TYPES: [&str; 6] = ["INT", "INTEGER", "REAL", "TEXT", "BLOB", "ANY"];

const ACTIONS: [&str; 9] = [
    "",
    " ON DELETE CASCADE",
    " ON DELETE SET NULL",
    " ON UPDATE CASCADE ON DELETE CASCADE",
    " ON DELETE SET DEFAULT",
    " ON DELETE RESTRICT",
    " DEFERRABLE INITIALLY DEFERRED",
    " ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
    " ON UPDATE SET NULL",
];

impl Dice {
    /// The choices of this number.
    pub fn new(seed: u64) -> Dice {
        Dice { rng: Rng::with_seed(seed), next: 1, names: Vec::new() }
    }

    /// An id that nothing has.
    pub fn id(&mut self) -> Id {
        self.next += 1;
        self.next
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.rng.usize(..end.max(1))
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        (!list.is_empty()).then(|| list[self.rng.usize(..list.len())].clone())
    }

    fn one_of<T: Copy, const N: usize>(&mut self, list: [T; N]) -> T {
        list[self.rng.usize(..N)]
    }

    /// In any order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        self.rng.shuffle(list);
    }

    /// A name that no table, index, view or trigger has had.
    pub fn object_name(&mut self) -> String {
        let mut name = self.one_of(OBJECTS).to_owned();
        while self.names.contains(&name.to_ascii_lowercase()) {
            name = format!("{}{}", self.one_of(OBJECTS), self.next);
            self.next += 1;
        }
        self.names.push(name.to_ascii_lowercase());
        name
    }

    /// A name that no column in `taken` has.
    pub fn column_name(&mut self, taken: &[String]) -> String {
        let is_taken = |name: &str| taken.iter().any(|other| other.eq_ignore_ascii_case(name));
        let mut name = self.one_of(COLUMNS).to_owned();
        while is_taken(&name) {
            name = format!("{}{}", self.one_of(COLUMNS), self.next);
            self.next += 1;
        }
        name
    }

    /// A type.
    pub fn declared(&mut self, strict: bool) -> &'static str {
        if strict { self.one_of(STRICT_TYPES) } else { self.one_of(TYPES) }
    }

    /// A collation other than BINARY.
    pub fn collation(&mut self) -> Collation {
        if self.chance(70) { Collation::NoCase } else { Collation::Rtrim }
    }

    /// What happens on a conflict.
    pub fn conflict(&mut self) -> Conflict {
        if self.chance(75) {
            return Conflict::Unsaid;
        }
        self.one_of([Conflict::Replace, Conflict::Ignore, Conflict::Rollback])
    }

    /// A default that is none or NULL in some cases.
    pub fn default(&mut self) -> Value {
        match self.below(14) {
            0 | 1 => Value::None,
            2 => Value::Null,
            3 | 4 => Value::Integer(self.one_of([0, 7, -1, 42, 9_007_199_254_740_993])),
            5 => Value::Real(self.one_of([0.5, -1.5, 1e300, 3.0])),
            6..=8 => Value::Text(self.one_of(["", "x", "it's", "007", "1e3", "ü", "NULL"])),
            9 => Value::Blob(self.one_of(["", "z"])),
            10 => Value::True,
            11 | 12 => Value::Expression,
            _ => Value::Now,
        }
    }

    /// How a table's columns are called in expressions.
    pub fn spelling(&mut self) -> Spelling {
        if self.chance(60) {
            return Spelling::Quoted;
        }
        self.one_of([Spelling::Bare, Spelling::Brackets, Spelling::Backticks, Spelling::OtherCase, Spelling::Wordy])
    }

    /// A column with a name of its own.
    pub fn column(&mut self, strict: bool, taken: &[String]) -> Column {
        let declared = self.declared(strict);
        let default = if self.chance(35) { self.default() } else { Value::None };
        let not_null = self.chance(22).then(|| self.conflict());
        let collation = if self.chance(15) { self.collation() } else { Collation::Binary };
        Column {
            id: self.id(),
            name: self.column_name(taken),
            declared,
            not_null,
            default,
            collation,
            generated: None,
            fill: None,
        }
    }

    /// What a column is computed by, from one of these.
    pub fn generated(&mut self, plain: &[Id]) -> Option<Generated> {
        let id = self.pick(plain)?;
        let expression = self.computed(id);
        Some(Generated { expression, stored: self.chance(50) })
    }

    /// An expression over a column.
    pub fn computed(&mut self, id: Id) -> Computed {
        match self.below(4) {
            0 => Computed::Copy(id),
            1 => Computed::TypeOf(id),
            2 => Computed::OrSeven(id),
            _ => Computed::IsNull(id),
        }
    }

    /// A table without foreign keys.
    pub fn table(&mut self) -> Table {
        let strict = self.chance(20);
        let mut table = Table {
            id: self.id(),
            name: self.object_name(),
            columns: Vec::new(),
            key: None,
            uniques: Vec::new(),
            checks: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            strict,
            without_rowid: false,
            spelling: self.spelling(),
        };
        for _ in 0..1 + self.below(5) {
            let names = names(&table);
            table.columns.push(self.column(strict, &names));
        }
        self.give_key(&mut table);
        if self.chance(18) {
            self.add_generated(&mut table);
        }
        if self.chance(25) {
            self.add_unique(&mut table);
        }
        if self.chance(25) {
            self.add_check(&mut table);
        }
        for _ in 0..self.below(3) {
            self.add_index(&mut table);
        }
        table
    }

    /// Gives it a primary key, or none.
    pub fn give_key(&mut self, table: &mut Table) {
        let ids: Vec<Id> = table.columns.iter().filter(|c| c.generated.is_none()).map(|c| c.id).collect();
        let Some(first) = self.pick(&ids) else { return };
        let mut key = Key {
            columns: vec![first],
            descending: self.chance(12),
            at_column: self.chance(75),
            autoincrement: false,
            conflict: self.conflict(),
        };
        match self.below(10) {
            0..=4 => {
                if let Some(column) = table.columns.iter_mut().find(|column| column.id == first) {
                    column.declared = if self.rng.u32(..100) < 90 { "INTEGER" } else { "INT" };
                    (column.default, column.generated) = (Value::None, None);
                }
                key.autoincrement = self.chance(35);
            }
            5 | 6 => {}
            7 | 8 => {
                let other = self.pick(&ids).filter(|other| *other != first);
                key.columns.extend(other);
            }
            _ => {
                table.key = None;
                return;
            }
        }
        key.at_column &= key.columns.len() == 1;
        table.key = Some(key);
        table.without_rowid = self.chance(18);
    }

    /// Adds a generated column.
    pub fn add_generated(&mut self, table: &mut Table) {
        let plain: Vec<Id> = table.columns.iter().filter(|c| c.generated.is_none()).map(|c| c.id).collect();
        if let Some(generated) = self.generated(&plain) {
            let mut column = self.column(table.strict, &names(table));
            (column.generated, column.not_null, column.default) = (Some(generated), None, Value::None);
            let at = self.below(table.columns.len() + 1);
            table.columns.insert(at, column);
        }
    }

    /// Adds a UNIQUE constraint.
    pub fn add_unique(&mut self, table: &mut Table) {
        let ids: Vec<Id> = table.columns.iter().map(|c| c.id).collect();
        let mut columns: Vec<Id> = self.pick(&ids).into_iter().collect();
        if self.chance(40) {
            columns.extend(self.pick(&ids).filter(|id| !columns.contains(id)));
        }
        let name = self.chance(25).then(|| self.one_of(["u", "Unique one", "check"]).to_owned());
        table.uniques.push(Unique { columns, conflict: self.conflict(), name });
    }

    /// Adds a CHECK constraint.
    pub fn add_check(&mut self, table: &mut Table) {
        let ids: Vec<Id> = table.columns.iter().map(|c| c.id).collect();
        let (Some(a), Some(b)) = (self.pick(&ids), self.pick(&ids)) else { return };
        let rule = match self.below(10) {
            0..=3 => Rule::Anything(a),
            4 | 5 => Rule::NoBlob(a),
            6 => Rule::NoText(a),
            7 => Rule::WholeOrNull(a),
            _ => Rule::BothOrNeither(a, b),
        };
        let name = self.chance(40).then(|| self.one_of(["c", "Is fine", "a check", "u"]).to_owned());
        table.checks.push(Check { rule, name });
    }

    /// Adds an index.
    pub fn add_index(&mut self, table: &mut Table) {
        let index = self.index(table);
        table.indexes.push(index);
    }

    /// An index on a table.
    pub fn index(&mut self, table: &Table) -> Index {
        let ids: Vec<Id> = table.columns.iter().map(|c| c.id).collect();
        let mut columns = Vec::new();
        for _ in 0..1 + self.below(2) {
            if let Some(id) = self.pick(&ids).filter(|id| columns.iter().all(|(other, _)| other != id)) {
                let collation =
                    self.chance(20).then(|| if self.rng.bool() { self.collation() } else { Collation::Binary });
                columns.push((id, collation));
            }
        }
        let unique = self.chance(20);
        let lower = self.pick(&ids).filter(|_| !unique && self.chance(20));
        let partial = self.pick(&ids).filter(|_| self.chance(25));
        Index { id: self.id(), name: self.object_name(), columns, lower, descending: self.chance(20), unique, partial }
    }

    /// Adds a foreign key from one table to a key of another, or of itself.
    pub fn add_foreign_key(&mut self, schema: &mut Schema, child: usize, parent: usize) {
        let candidates = schema.tables[parent].candidate_keys();
        let Some(parent_columns) = self.pick(&candidates) else { return };
        let parent_table = schema.tables[parent].clone();
        let mut columns = Vec::new();
        for id in &parent_columns {
            let child = &mut schema.tables[child];
            let declared = parent_table.column(*id).map_or("", |column| column.declared);
            let fitting: Vec<Id> = child
                .columns
                .iter()
                .filter(|c| c.generated.is_none() && c.declared == declared && !columns.contains(&c.id))
                .map(|c| c.id)
                .collect();
            match self.pick(&fitting).filter(|_| self.chance(35)) {
                Some(id) => columns.push(id),
                None => {
                    let mut column = self.column(child.strict, &names(child));
                    column.declared = if child.strict && !STRICT_TYPES.contains(&declared) { "ANY" } else { declared };
                    (column.not_null, column.default) = (None, Value::None);
                    columns.push(column.id);
                    child.columns.push(column);
                }
            }
        }
        let primary = parent_table.key.as_ref().is_some_and(|key| key.columns == parent_columns);
        let implicit = primary && self.chance(50);
        let actions = self.one_of(ACTIONS);
        schema.tables[child].foreign_keys.push(ForeignKey {
            columns,
            parent: parent_table.id,
            parent_columns,
            implicit,
            actions,
        });
    }

    /// Adds a view on a table or on another view.
    pub fn add_view(&mut self, schema: &mut Schema) {
        let tables: Vec<Id> = schema.tables.iter().map(|table| table.id).collect();
        let views: Vec<Id> = schema.views.iter().map(|view| view.id).collect();
        let over = if self.chance(35) { self.pick(&views) } else { None };
        let Some(from) = over.or_else(|| self.pick(&tables)) else { return };
        let mut columns = Vec::new();
        if let Some(table) = schema.table(from).filter(|_| self.rng.u32(..100) < 75) {
            let ids: Vec<Id> = table.columns.iter().map(|column| column.id).collect();
            columns.extend(self.pick(&ids));
            columns.extend(self.pick(&ids).filter(|id| !columns.contains(id)));
        }
        let style = u8::try_from(self.below(7)).unwrap_or(0);
        let other = self.pick(&schema.tables).filter(|_| style > 2);
        let with = other.and_then(|table| Some((table.id, self.pick(&table.columns)?.id)));
        schema.views.push(View { id: self.id(), name: self.object_name(), from, columns, style, with });
    }

    /// Adds a trigger on a table or view that writes to a table.
    pub fn add_trigger(&mut self, schema: &mut Schema) {
        let views: Vec<Id> = schema.views.iter().map(|view| view.id).collect();
        let (Some(on), Some(writes)) = (self.pick(&schema.tables), self.pick(&schema.tables)) else { return };
        let view = if self.chance(20) { self.pick(&views) } else { None };
        let ids: Vec<Id> = on.columns.iter().map(|column| column.id).collect();
        let plain: Vec<Id> = writes.columns.iter().filter(|c| c.generated.is_none()).map(|c| c.id).collect();
        let Some(column) = self.pick(&plain) else { return };
        let of = if view.is_none() && self.chance(50) { self.pick(&ids) } else { None };
        schema.triggers.push(Trigger {
            id: self.id(),
            name: self.object_name(),
            on: view.unwrap_or(on.id),
            event: self.one_of(["INSERT", "UPDATE", "DELETE"]),
            of: of.into_iter().collect(),
            writes: writes.id,
            column,
            body: self.one_of([Body::Delete, Body::Update, Body::Insert, Body::Rollback, Body::Both, Body::Both]),
        });
    }

    /// Adds a full-text table.
    pub fn add_search(&mut self, schema: &mut Schema) {
        let mut of = None;
        if self.chance(65) {
            let with_id: Vec<Table> = schema.tables.iter().filter(|table| table.alias().is_some()).cloned().collect();
            if let Some(table) = self.pick(&with_id) {
                let alias = table.alias();
                // Names that FTS5 keeps for itself cannot be columns there.
                let is_fine = |name: &str| name.bytes().all(|b| b.is_ascii_alphabetic()) && !is_reserved(name);
                let fitting = table.columns.iter().filter(|c| Some(c.id) != alias && is_fine(&c.name));
                let columns: Vec<Id> = fitting.map(|c| c.id).take(2).collect();
                of = (!columns.is_empty()).then_some((table.id, columns));
            }
        }
        let name = format!("search{}", self.id());
        schema.searches.push(Search { id: self.id(), name, of });
    }

    /// A schema.
    pub fn schema(&mut self) -> Schema {
        let mut schema = Schema::default();
        let count = [1, 1, 2, 2, 2, 2, 3, 3, 4][self.below(9)];
        for _ in 0..count {
            schema.tables.push(self.table());
        }
        schema.prune();
        for child in 0..schema.tables.len() {
            if self.chance(40) {
                let parent = self.below(schema.tables.len());
                self.add_foreign_key(&mut schema, child, parent);
            }
        }
        for _ in 0..[0, 0, 1, 2, 3][self.below(5)] {
            self.add_view(&mut schema);
        }
        for _ in 0..[0, 0, 1, 2][self.below(4)] {
            self.add_trigger(&mut schema);
        }
        if self.chance(4) {
            self.add_search(&mut schema);
        }
        schema.prune();
        schema
    }

    /// A value for a column, such as people do not think of.
    fn value(&mut self, declared: &str) -> Cell {
        const TEXTS: [&str; 16] = [
            "",
            "a",
            "A",
            "a ",
            "007",
            "12",
            "1e5",
            "1.50",
            " 1",
            "it's",
            "a\0b",
            "ü",
            "9223372036854775808",
            "9007199254740993",
            "null",
            "x\"y",
        ];
        const NUMBERS: [i64; 10] = [0, 1, 2, 3, -1, 7, 9_007_199_254_740_993, i64::MAX, i64::MIN, 1_700_000_000];
        const REALS: [f64; 9] = [0.0, -0.0, 0.1, 1e308, -1.5, 3.0, 1e15, f64::INFINITY, 5e-324];
        let of = match declared {
            _ if self.chance(15) => self.below(4),
            "INTEGER" | "INT" | "bigint" | "BOOLEAN" => 0,
            "TEXT" | "VARCHAR(10)" | "DATETIME" => 1,
            "REAL" | "DOUBLE PRECISION" => 2,
            "BLOB" => 3,
            _ => self.below(4),
        };
        match of {
            0 => Cell::Integer(self.one_of(NUMBERS)),
            1 if self.chance(6) => Cell::Text(vec![0xff, 0x80, b'x']),
            1 if self.chance(25) => Cell::Text(format!("text {}", self.below(1000)).into_bytes()),
            1 => Cell::Text(self.one_of(TEXTS).as_bytes().to_vec()),
            2 => Cell::Real(self.one_of(REALS).to_bits()),
            _ => Cell::Blob(self.one_of([&b""[..], b"\0\xff", b"abc"]).to_vec()),
        }
    }

    /// Rows for a schema, parents before children as far as that goes.
    pub fn rows(&mut self, schema: &Schema) -> Vec<Act> {
        let mut acts: Vec<Act> = Vec::new();
        for table in &schema.tables {
            let count = [0, 1, 2, 3, 3, 4, 5, 6][self.below(8)];
            let first = acts.len();
            let mut inserted: Vec<Vec<(Id, Cell)>> = Vec::new();
            for n in 0..count {
                let mut cells = Vec::new();
                for column in table.columns.iter().filter(|column| column.generated.is_none()) {
                    let cell = if Some(column.id) == table.alias() {
                        if self.chance(30) {
                            Cell::Integer(self.one_of([-5, 0, 7, 1_000_000, i64::MAX, 40]))
                        } else {
                            Cell::Integer(i64::from(n) + 1)
                        }
                    } else if column.not_null.is_none() && self.chance(22) {
                        Cell::Null
                    } else {
                        self.value(column.declared)
                    };
                    cells.push((column.id, cell));
                }
                for key in &table.foreign_keys {
                    let parents = acts.iter().filter_map(|act| match act {
                        Act::Insert { table, cells, .. } if *table == key.parent => Some(cells),
                        _ => None,
                    });
                    let parents: Vec<_> =
                        parents.cloned().chain(inserted.iter().filter(|_| key.parent == table.id).cloned()).collect();
                    let parent = self.pick(&parents).filter(|_| self.chance(85));
                    for (id, parent_id) in key.columns.iter().zip(&key.parent_columns) {
                        let found = parent.as_ref().and_then(|cells| cells.iter().find(|(id, _)| id == parent_id));
                        let value = found.map_or(Cell::Null, |(_, cell)| cell.clone());
                        if let Some((_, cell)) = cells.iter_mut().find(|(other, _)| other == id) {
                            *cell = value;
                        }
                    }
                }
                inserted.push(cells.clone());
                // Behind the largest id there is, SQLite gives random ones: every row gets its own here.
                let rowid = match self.below(4) {
                    0 => self.one_of([-7, 0, 12, i64::MAX, i64::MIN, 99]),
                    _ => i64::from(n) + 1,
                };
                let rowid = table.alias().is_none().then_some(rowid);
                acts.push(Act::Insert { table: table.id, rowid, cells });
            }
            if table.can_begin_without_last() && self.chance(40) {
                let place = first + self.below(acts.len() - first + 1);
                acts.insert(place, Act::AddColumn { table: table.id });
            }
            if table.key.as_ref().is_some_and(|key| key.autoincrement) && self.chance(60) {
                acts.push(Act::DeleteHighest { table: table.id });
            }
        }
        for search in schema.searches.iter().filter(|search| search.of.is_none()) {
            for n in 0..self.below(3) {
                acts.push(Act::Text { search: search.id, text: format!("text {n}") });
            }
        }
        acts
    }
}

fn is_reserved(name: &str) -> bool {
    ["rowid", "rank", "old", "new", "null", "select", "group", "index", "table", "default", "order", "content"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(name))
}

/// The names of a table's columns.
pub fn names(table: &Table) -> Vec<String> {
    table.columns.iter().map(|column| column.name.clone()).collect()
}

/// Something done to the rows of the first schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A row comes in. One that SQLite does not take is left out.
    Insert {
        /// The table.
        table: Id,
        /// The row's id, where the table has one that is none of its columns.
        rowid: Option<i64>,
        /// Its values.
        cells: Vec<(Id, Cell)>,
    },
    /// The last column of a table comes only now: the rows that are there have no value in it, and read its default.
    AddColumn {
        /// The table.
        table: Id,
    },
    /// The row with the highest id goes.
    DeleteHighest {
        /// The table.
        table: Id,
    },
    /// A text comes into a full-text table.
    Text {
        /// The full-text table.
        search: Id,
        /// The text.
        text: String,
    },
}

impl Act {
    /// The statement, where what it is about is there.
    pub fn sql(&self, schema: &Schema) -> Option<String> {
        match self {
            Act::Insert { table, rowid, cells } => {
                let table = schema.table(*table)?;
                let mut columns = Vec::new();
                let mut values = Vec::new();
                if let (Some(name), Some(rowid), None) = (table.rowid_name(), rowid, table.alias()) {
                    columns.push(name.to_owned());
                    values.push(rowid.to_string());
                }
                for (id, cell) in cells {
                    if let Some(column) = table.column(*id).filter(|column| column.generated.is_none()) {
                        columns.push(quoted(&column.name));
                        values.push(literal(cell));
                    }
                }
                let (columns, values) = (columns.join(", "), values.join(", "));
                Some(format!("INSERT INTO {}({columns}) VALUES ({values})", quoted(&table.name)))
            }
            Act::AddColumn { table } => {
                let table = schema.table(*table)?;
                let column = table.column_text(schema, table.columns.last()?);
                Some(format!("ALTER TABLE {} ADD COLUMN {column}", quoted(&table.name)))
            }
            Act::DeleteHighest { table } => {
                let table = schema.table(*table)?;
                let id = table.column(table.alias()?)?;
                let (table, id) = (quoted(&table.name), quoted(&id.name));
                Some(format!("DELETE FROM {table} WHERE {id} = (SELECT max({id}) FROM {table})"))
            }
            Act::Text { search, text } => {
                let search = schema.searches.iter().find(|other| other.id == *search)?;
                Some(format!("INSERT INTO {}(title, body) VALUES ('{text}', 'body')", quoted(&search.name)))
            }
        }
    }
}

/// A value as SQL.
fn literal(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".into(),
        Cell::Integer(n) => n.to_string(),
        Cell::Real(bits) if f64::from_bits(*bits).is_infinite() => "9e999".into(),
        Cell::Real(bits) => format!("{:?}", f64::from_bits(*bits)),
        Cell::Blob(bytes) => hex(bytes),
        Cell::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => format!("'{}'", text.replace('\'', "''")),
            _ => format!("CAST({} AS TEXT)", hex(bytes)),
        },
    }
}
