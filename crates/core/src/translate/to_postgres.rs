//! SQLite's schema in PostgreSQL's words.
//!
//! A column's type is found by its declared type and by the checks that [`to_sqlite`](super::to_sqlite) writes. Names are
//! written without a schema; they come to stand in the first one of the `search_path`.

use std::collections::{BTreeMap, BTreeSet};

use super::defaults;
use super::expression::{Dialect, Expression, Token, quote, read};
use super::expression_to_postgres::ToPostgres;
use super::expression_to_sqlite::Kind;
use super::names;
use super::types::Type;
use super::{Kept, Remarks, Translated};
use crate::postgres::token::{quote_literal, quote_name};
use crate::schema::{
    Check, Column, Conflict, Deferrable, ForeignKey, Index, KeyPart, KeyTerm, Schema, Table, fold, same_name,
};
use crate::sqlite::print::parents_first;

/// Translates a schema of SQLite to PostgreSQL.
///
/// ```
/// use whimbrel_core::{Schema, translate::to_postgres};
/// let schema = Schema::from_sql("
///     CREATE TABLE notes (
///       id UUID TEXT NOT NULL PRIMARY KEY,
///       done INTEGER NOT NULL DEFAULT 0 CHECK (done IN (0, 1))
///     )")?;
/// let translated = to_postgres(&schema);
/// assert_eq!(translated.sql, "\
/// CREATE TABLE notes (
///     id uuid NOT NULL,
///     done boolean NOT NULL DEFAULT false,
///     CONSTRAINT notes_pkey PRIMARY KEY (id)
/// );
/// ");
/// assert!(translated.remarks.is_empty());
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
pub fn to_postgres(schema: &Schema) -> Translated {
    let tables: Vec<&Table> = parents_first(schema);
    let mut translator = Translator {
        schema,
        types: BTreeMap::new(),
        enums: BTreeMap::new(),
        relations: BTreeSet::new(),
        remarks: Remarks::default(),
    };
    translator.relations.extend(schema.tables.iter().map(|table| table.name.clone()));
    for table in &tables {
        translator.find_types(table);
    }
    let mut blocks = Vec::new();
    if translator.uses_citext() {
        blocks.push("CREATE EXTENSION IF NOT EXISTS citext;\n".to_owned());
    }
    let enums = translator.enums.iter().map(|(name, labels)| {
        let labels: Vec<String> = labels.iter().map(|label| quote_literal(label)).collect();
        format!("CREATE TYPE {} AS ENUM ({});\n", quote_name(name), labels.join(", "))
    });
    blocks.extend(Some(enums.collect::<String>()).filter(|text| !text.is_empty()));
    let mut made = BTreeSet::new();
    let mut later = String::new();
    for table in &tables {
        made.insert(fold(&table.name));
        let mut block = translator.table(table, &made, &mut later);
        for index in schema.indexes.iter().filter(|index| same_name(&index.table, &table.name)) {
            block += &translator.index(table, index);
        }
        blocks.push(block);
    }
    blocks.extend(Some(later).filter(|text| !text.is_empty()));
    translator.left_out();
    blocks.extend(Some(translator.remarks.comments()).filter(|text| !text.is_empty()));
    Translated { sql: blocks.join("\n"), remarks: translator.remarks.all }
}

/// The type of a column, and whether one of the table's checks says no more than that.
struct ColumnType {
    of: Type,
    check: Option<usize>,
}

/// The names of one table's constraints: those that are given to some of them, and those that are used already.
struct Names {
    given: BTreeSet<String>,
    used: BTreeSet<String>,
}

struct Translator<'s> {
    schema: &'s Schema,
    /// By the names of table and column, in lower case.
    types: BTreeMap<(String, String), ColumnType>,
    enums: BTreeMap<String, Vec<String>>,
    /// The names of tables and indexes: there may be none twice.
    relations: BTreeSet<String>,
    remarks: Remarks,
}

fn name(name: &str) -> String {
    quote(name, Dialect::Postgres)
}

fn names_of(list: &[String]) -> String {
    list.iter().map(|n| name(n)).collect::<Vec<_>>().join(", ")
}

/// The names that constraints of the table are given.
fn given_names(table: &Table) -> BTreeSet<String> {
    let checks = table.checks.iter().filter_map(|check| check.name.clone());
    let foreign_keys = table.foreign_keys.iter().filter_map(|key| key.name.clone());
    let uniques = table.uniques.iter().filter_map(|unique| unique.name.clone());
    let key = table.primary_key.iter().filter_map(|key| key.name.clone());
    checks.chain(foreign_keys).chain(uniques).chain(key).collect()
}

/// The plain columns of a key; none where there is something else among them.
fn columns_of(parts: &[KeyPart]) -> Option<Vec<String>> {
    let column = |part: &KeyPart| match &part.term {
        KeyTerm::Column(name) => Some(name.clone()),
        KeyTerm::Expression(_) => None,
    };
    parts.iter().map(column).collect()
}

impl Translator<'_> {
    fn find_types(&mut self, table: &Table) {
        let checks: Vec<(Option<String>, Expression)> = table
            .checks
            .iter()
            .map(|check| {
                let condition =
                    read(check.expression.text(), Dialect::Sqlite).map(|e| spelled(in_table(e, &table.name), table));
                (check.name.clone(), condition.unwrap_or(Expression::Null))
            })
            .collect();
        for column in &table.columns {
            let what = format!("column {}.{}", table.name, column.name);
            let nocase = column.effective_collation() == "nocase";
            let mut found = Type::of_column(&column.declared_type, nocase, &column.name, &checks);
            if let Type::Enum { name, labels } = &found.of {
                let known = self.enums.entry(name.clone()).or_insert_with(|| labels.clone());
                if known != labels {
                    let text = format!("there is another type {name} with other labels: it is text with a check");
                    self.remarks.add(Kept::OneWay, &what, text);
                    (found.of, found.check) = (Type::Text, None);
                }
            }
            if column.declared_type.trim().eq_ignore_ascii_case("bigint") {
                // A key that is declared so gets no number by itself, neither here nor there.
                let key = table.primary_key.as_ref().and_then(|key| columns_of(&key.columns));
                let is_key = key.is_some_and(|key| matches!(key.as_slice(), [one] if same_name(one, &column.name)));
                found.comes_back |= !is_key;
            }
            let is_number = matches!(found.of, Type::Smallint | Type::Integer | Type::Bigint);
            if !is_number && table.rowid_alias().is_some_and(|alias| alias.name == column.name) {
                // Numbers that are only 0 and 1 are numbers here.
                (found.of, found.check) = (Type::Bigint, None);
            }
            // A column that is computed needs no type in SQLite.
            if column.declared_type.is_empty()
                && let Some(of) = self.type_of_generated(table, column)
            {
                (found.of, found.check, found.differs, found.comes_back) = (of, None, None, true);
            }
            if let Some(text) = found.differs {
                self.remarks.add(Kept::Differs, &what, text);
            }
            if found.comes_back {
                let back = found.of.declared();
                let text = format!("its type {} comes back as {back}", shown_type(&column.declared_type));
                self.remarks.add(Kept::OneWay, &what, text);
            }
            if found.of == Type::Citext {
                self.remarks.add(
                    Kept::Differs,
                    &what,
                    "upper and lower case of all letters are the same, not only of ASCII",
                );
            } else if !matches!(column.effective_collation().as_str(), "binary" | "nocase")
                || nocase && found.of != Type::Citext
            {
                let collation = column.effective_collation();
                self.remarks.add(Kept::Not, &what, format!("the collation {collation}"));
            }
            let key = (fold(&table.name), fold(&column.name));
            self.types.insert(key, ColumnType { of: found.of, check: found.check });
        }
    }

    fn uses_citext(&self) -> bool {
        fn is(of: &Type) -> bool {
            match of {
                Type::Citext => true,
                Type::Array(element) => is(element),
                _ => false,
            }
        }
        self.types.values().any(|found| is(&found.of))
    }

    fn type_of(&self, table: &str, column: &str) -> Option<&Type> {
        self.types.get(&(fold(table), fold(column))).map(|found| &found.of)
    }

    fn table(&mut self, table: &Table, made: &BTreeSet<String>, later: &mut String) -> String {
        let what = format!("table {}", table.name);
        if table.strict {
            self.remarks.add(Kept::OneWay, &what, "PostgreSQL is strict anyway: it comes back without STRICT");
        }
        if table.without_rowid {
            self.remarks.add(Kept::OneWay, &what, "it comes back without WITHOUT ROWID");
        }
        if let Some(old) = &table.renamed_from {
            self.remarks.add(Kept::Not, &what, format!("the directive that it was called {old}"));
        }
        self.remark_length(&what, &table.name);
        let constraints = given_names(table);
        for given in &constraints {
            self.remark_length(&format!("constraint {given} on {}", table.name), given);
        }
        let mut lines = Vec::new();
        for column in &table.columns {
            let what = format!("column {}.{}", table.name, column.name);
            self.remark_length(&what, &column.name);
            if let Some(old) = &column.renamed_from {
                self.remarks.add(Kept::Not, &what, format!("the directive that it was called {old}"));
            }
            if let Some(value) = &column.backfill {
                let text = format!("the directive that rows without a value get {}", value.text());
                self.remarks.add(Kept::Not, &what, text);
            }
            lines.push(self.column(table, column));
        }
        // Names that are given count first, so that the others are those that come back.
        let mut taken = Names { given: constraints, used: BTreeSet::new() };
        lines.extend(self.primary_key(table, &mut taken));
        let mut alter = String::new();
        lines.extend(self.uniques(table, &mut taken, &mut alter));
        for (at, check) in table.checks.iter().enumerate() {
            let is_type = self.types.iter().any(|((of, _), found)| *of == fold(&table.name) && found.check == Some(at));
            if !is_type {
                lines.extend(self.check(table, check, &mut taken));
            }
        }
        for key in &table.foreign_keys {
            let Some(text) = self.foreign_key(table, key, &mut taken) else { continue };
            match made.contains(&fold(&key.parent)) {
                true => lines.push(text),
                false => alter += &format!("ALTER TABLE {} ADD {text};\n", name(&table.name)),
            }
        }
        *later += &alter;
        let comments = self.remarks.comments();
        format!("{comments}CREATE TABLE {} (\n    {}\n);\n", name(&table.name), lines.join(",\n    "))
    }

    fn column(&mut self, table: &Table, column: &Column) -> String {
        let what = format!("column {}.{}", table.name, column.name);
        let of = self.type_of(&table.name, &column.name).cloned().unwrap_or(Type::Text);
        let mut line = format!("{} {}", name(&column.name), of.to_postgres());
        let is_rowid = table.rowid_alias().is_some_and(|alias| same_name(&alias.name, &column.name));
        let in_key = table.in_primary_key(&column.name);
        if is_rowid {
            line += " GENERATED BY DEFAULT AS IDENTITY";
            if !table.autoincrement() {
                let text = "a sequence never gives a number twice: it comes back with AUTOINCREMENT";
                self.remarks.add(Kept::OneWay, &what, text);
            }
            if column.not_null.is_some() {
                self.remarks.add(
                    Kept::OneWay,
                    &what,
                    "it comes back without NOT NULL, which an INTEGER key has anyway",
                );
            }
            if column.default.is_some() {
                self.remarks.add(Kept::Not, &what, "the default, which SQLite never takes");
            }
            return line;
        }
        if let Some(generated) = &column.generated {
            match self.carry_generated(table, generated.expression.text(), &of) {
                Ok(carried) => {
                    line += &format!(" GENERATED ALWAYS AS ({}) STORED", carried.text);
                    self.remark_carried(&what, "expression", &carried);
                    if !generated.stored {
                        self.remarks.add(Kept::OneWay, &what, "it is stored, and comes back so");
                    }
                }
                Err(why) => {
                    let text = format!("how it is computed, because of {why}: the value has to be given");
                    self.remarks.add(Kept::Not, &what, text);
                    return line;
                }
            }
        } else if let Some(default) = &column.default {
            match defaults::to_postgres(default.text(), &of) {
                Ok(None) => self.remarks.add(Kept::OneWay, &what, "it comes back without DEFAULT NULL"),
                Ok(Some(made)) => {
                    line += &format!(" DEFAULT {}", made.sql);
                    if !made.comes_back {
                        let text = format!("the default {} comes back in another form", default.text());
                        self.remarks.add(Kept::OneWay, &what, text);
                    }
                }
                Err(why) => {
                    let text = format!("the default {}, because of {why}", default.text());
                    self.remarks.add(Kept::Not, &what, text);
                }
            }
        }
        // A default stands before NOT NULL in what PostgreSQL prints, too.
        if column.not_null.is_some() || in_key {
            let at = line.find(" DEFAULT ").or_else(|| line.find(" GENERATED ")).unwrap_or(line.len());
            line.insert_str(at, " NOT NULL");
        }
        if let Some(not_null) = &column.not_null {
            if not_null.name.is_some() {
                self.remarks.add(Kept::OneWay, &what, "its NOT NULL comes back without a name");
            }
            self.conflict(&what, not_null.on_conflict);
        } else if in_key {
            self.remarks.add(Kept::OneWay, &what, "it comes back NOT NULL, as every column of a primary key is");
        }
        line
    }

    /// PostgreSQL cuts a long name, wherever it stands, and says so in a notice only.
    fn remark_length(&mut self, what: &str, name: &str) {
        if name.len() > names::LONGEST {
            let text = format!("PostgreSQL keeps only the first {} bytes of the name", names::LONGEST);
            self.remarks.add(Kept::Differs, what, text);
        }
    }

    fn conflict(&mut self, what: &str, conflict: Option<Conflict>) {
        match conflict {
            None => {}
            Some(Conflict::Abort) => self.remarks.add(Kept::OneWay, what, "it comes back without ON CONFLICT ABORT"),
            Some(other) => {
                self.remarks.add(
                    Kept::Not,
                    what,
                    format!("ON CONFLICT {}: PostgreSQL refuses the statement", other.keyword()),
                );
            }
        }
    }

    /// The words in front of a constraint, with a name that PostgreSQL would give it by itself where it has none.
    fn constraint(
        &mut self,
        table: &Table,
        given: Option<&String>,
        columns: &[String],
        label: &str,
        names: &mut Names,
    ) -> String {
        let has_index = matches!(label, "pkey" | "key");
        let is_taken =
            |name: &str, names: &Names| names.used.contains(name) || has_index && self.relations.contains(name);
        let chosen = match given {
            Some(given) if !is_taken(given, names) => given.clone(),
            _ => names::free(&table.name, columns, label, |name| names.given.contains(name) || is_taken(name, names)),
        };
        if given.is_some_and(|given| *given != chosen) {
            let text = format!("a constraint is called {chosen}, because its name is taken");
            self.remarks.add(Kept::OneWay, &format!("table {}", table.name), text);
        }
        names.used.insert(chosen.clone());
        if has_index {
            self.relations.insert(chosen.clone());
        }
        format!("CONSTRAINT {}", name(&chosen))
    }

    fn primary_key(&mut self, table: &Table, taken: &mut Names) -> Option<String> {
        let key = table.primary_key.as_ref()?;
        let what = format!("table {}", table.name);
        let columns = columns_of(&key.columns)?;
        if key.columns.iter().any(|part| part.descending || part.collation.is_some()) {
            self.remarks.add(Kept::OneWay, &what, "its primary key comes back in ascending order, without a collation");
        }
        self.conflict(&what, key.on_conflict);
        let words = self.constraint(table, key.name.as_ref(), &[], "pkey", taken);
        Some(format!("{words} PRIMARY KEY ({})", names_of(&columns)))
    }

    fn uniques(&mut self, table: &Table, taken: &mut Names, later: &mut String) -> Vec<String> {
        let mut lines = Vec::new();
        let mut keys: Vec<Vec<String>> = table.primary_key.iter().filter_map(|key| columns_of(&key.columns)).collect();
        for unique in &table.uniques {
            let what = format!("table {}", table.name);
            let Some(columns) = columns_of(&unique.columns) else { continue };
            if unique.columns.iter().any(|part| part.descending || part.collation.is_some()) {
                let text =
                    format!("UNIQUE ({}) comes back in ascending order, without a collation", names_of(&columns));
                self.remarks.add(Kept::Differs, &what, text);
            }
            self.conflict(&what, unique.on_conflict);
            let words = self.constraint(table, unique.name.as_ref(), &columns, "key", taken);
            let text = format!("{words} UNIQUE ({})", names_of(&columns));
            // In CREATE TABLE, PostgreSQL takes two keys of the same columns for one.
            match keys.contains(&columns) {
                true => *later += &format!("ALTER TABLE {} ADD {text};\n", name(&table.name)),
                false => lines.push(text),
            }
            keys.push(columns);
        }
        lines
    }

    fn check(&mut self, table: &Table, check: &Check, taken: &mut Names) -> Option<String> {
        let what = match &check.name {
            Some(name) => format!("constraint {name} on {}", table.name),
            None => format!("a check on {}", table.name),
        };
        match self.carry(table, check.expression.text(), true) {
            Ok(carried) => {
                let columns = match carried.columns.as_slice() {
                    [one] => std::slice::from_ref(one),
                    _ => &[],
                };
                let words = self.constraint(table, check.name.as_ref(), columns, "check", taken);
                self.remark_carried(&what, "condition", &carried);
                if check.name.as_ref().is_some_and(|given| *given == names::automatic(&table.name, columns, "check")) {
                    self.remarks.add(Kept::OneWay, &what, "it comes back without its name");
                }
                Some(format!("{words} CHECK ({})", carried.text))
            }
            Err(why) => {
                let text = format!("CHECK ({}), because of {why}", check.expression.text());
                self.remarks.add(Kept::Not, &what, text);
                None
            }
        }
    }

    fn foreign_key(&mut self, table: &Table, key: &ForeignKey, taken: &mut Names) -> Option<String> {
        let what = match &key.name {
            Some(name) => format!("constraint {name} on {}", table.name),
            None => format!("a foreign key on {}", table.name),
        };
        let Some(parent) = self.schema.table(&key.parent) else {
            self.remarks.add(Kept::Not, &what, format!("there is no table {}", key.parent));
            return None;
        };
        let parent_columns = match key.parent_columns.as_slice() {
            [] => {
                self.remarks.add(Kept::OneWay, &what, "it comes back with the columns that it refers to");
                parent.primary_key.as_ref().and_then(|key| columns_of(&key.columns)).unwrap_or_default()
            }
            columns => columns.to_vec(),
        };
        let type_of = |table: &str, column: &String| self.type_of(table, column).cloned();
        let comparable = |of: Option<Type>| match of {
            Some(Type::Smallint | Type::Integer | Type::Bigint) => Some("number".to_owned()),
            Some(Type::Text | Type::Varchar(_)) => Some("text".to_owned()),
            Some(Type::Numeric(_)) => Some("numeric".to_owned()),
            other => other.map(|of| of.to_postgres()),
        };
        let fits = key.columns.len() == parent_columns.len()
            && key.columns.iter().zip(&parent_columns).all(|(column, parent_column)| {
                let of = comparable(type_of(&table.name, column));
                of.is_some() && of == comparable(type_of(&parent.name, parent_column))
            });
        if !fits {
            self.remarks.add(
                Kept::Not,
                &what,
                format!("its columns and those of {} have types of their own", parent.name),
            );
            return None;
        }
        if !self.is_unique(parent, &parent_columns) {
            self.remarks.add(Kept::Not, &what, format!("the columns that it refers to are no key of {}", parent.name));
            return None;
        }
        if key.match_name.is_some() {
            self.remarks.add(Kept::OneWay, &what, "it comes back without MATCH, which SQLite takes no notice of");
        }
        let words = self.constraint(table, key.name.as_ref(), &key.columns, "fkey", taken);
        let spelled: Vec<String> =
            parent_columns.iter().map(|c| parent.column(c).map_or(c.clone(), |column| column.name.clone())).collect();
        let own: Vec<String> =
            key.columns.iter().map(|c| table.column(c).map_or(c.clone(), |column| column.name.clone())).collect();
        let mut text = format!(
            "{words} FOREIGN KEY ({}) REFERENCES {} ({})",
            names_of(&own),
            name(&parent.name),
            names_of(&spelled)
        );
        for (event, action) in [("UPDATE", key.on_update), ("DELETE", key.on_delete)] {
            if action != crate::schema::Action::NoAction {
                text += &format!(" ON {event} {}", action.keyword());
            }
        }
        match key.deferrable {
            Some(Deferrable::Not) => {
                self.remarks.add(Kept::OneWay, &what, "it comes back without NOT DEFERRABLE");
            }
            Some(Deferrable::InitiallyImmediate) => text += " DEFERRABLE",
            Some(Deferrable::InitiallyDeferred) => text += " DEFERRABLE INITIALLY DEFERRED",
            None => {}
        }
        Some(text)
    }

    /// Whether the columns are a key of the table, so that a foreign key can refer to them.
    fn is_unique(&self, table: &Table, columns: &[String]) -> bool {
        let is = |parts: &[KeyPart]| {
            parts.len() == columns.len() && columns.iter().all(|column| parts.iter().any(|part| part.is_column(column)))
        };
        table.primary_key.iter().any(|key| is(&key.columns))
            || table.uniques.iter().any(|unique| is(&unique.columns))
            || self.schema.indexes.iter().any(|index| {
                index.unique && index.predicate.is_none() && same_name(&index.table, &table.name) && is(&index.parts)
            })
    }

    fn index(&mut self, table: &Table, index: &Index) -> String {
        let what = format!("index {}", index.name);
        self.remark_length(&what, &index.name);
        let mut parts = Vec::new();
        let mut problem = None;
        for part in &index.parts {
            match self.index_part(table, part, &what) {
                Ok(text) => parts.push(text),
                Err(why) => problem = Some(format!("one of its expressions, because of {why}")),
            }
        }
        let mut predicate = String::new();
        if let Some(condition) = &index.predicate {
            match self.carry(table, condition.text(), true) {
                Ok(carried) => {
                    self.remark_carried(&what, "condition", &carried);
                    predicate = format!(" WHERE {}", carried.text);
                }
                Err(why) => problem = Some(format!("its condition, because of {why}")),
            }
        }
        if let Some(text) = problem {
            self.remarks.add(Kept::Not, &what, text);
            return self.remarks.comments();
        }
        let mut chosen = index.name.clone();
        if self.relations.contains(&chosen) {
            chosen = names::free(&index.name, &[], "idx", |name| self.relations.contains(name));
            self.remarks.add(Kept::OneWay, &what, format!("the name is taken: it is called {chosen}"));
        }
        self.relations.insert(chosen.clone());
        let kind = if index.unique { "UNIQUE INDEX" } else { "INDEX" };
        let statement =
            format!("CREATE {kind} {} ON {} ({}){predicate};\n", name(&chosen), name(&table.name), parts.join(", "));
        self.remarks.comments() + &statement
    }

    fn index_part(&mut self, table: &Table, part: &KeyPart, what: &str) -> Result<String, String> {
        let mut text = match &part.term {
            KeyTerm::Column(column) => {
                let declared = table.column(column).ok_or_else(|| format!("{column} is no column"))?;
                if matches!(self.type_of(&table.name, column), Some(Type::Json | Type::Xml)) {
                    return Err("a type that PostgreSQL does not compare".to_owned());
                }
                let own = declared.effective_collation();
                match part.collation.as_deref().map(str::to_ascii_lowercase) {
                    None => name(&declared.name),
                    Some(collation) if collation == own => {
                        self.remarks.add(Kept::OneWay, what, "it comes back without its collation");
                        name(&declared.name)
                    }
                    Some(collation) if collation == "nocase" => {
                        self.remarks.add(Kept::Differs, what, "lower() takes all letters, not only those of ASCII");
                        format!("lower({})", name(&declared.name))
                    }
                    Some(collation) => return Err(format!("the collation {collation}")),
                }
            }
            KeyTerm::Expression(expression) => {
                if part.collation.is_some() {
                    return Err("a collation of an expression".to_owned());
                }
                let carried = self.carry(table, expression.text(), false)?;
                self.remark_carried(what, "expression", &carried);
                format!("({})", carried.text)
            }
        };
        if part.descending {
            text += " DESC";
        }
        Ok(text)
    }

    fn remark_carried(&mut self, what: &str, part: &str, carried: &Carried) {
        for text in &carried.differs {
            self.remarks.add(Kept::Differs, what, text.clone());
        }
        if carried.comes_back {
            self.remarks.add(Kept::OneWay, what, format!("the {part} comes back in another form"));
        }
    }

    /// What an expression gives, where the columns that it mentions are known.
    fn type_of_generated(&self, table: &Table, column: &Column) -> Option<Type> {
        let carried = self.carry(table, column.generated.as_ref()?.expression.text(), false).ok()?;
        match carried.kind {
            Kind::Whole => Some(Type::Bigint),
            Kind::Number => Some(Type::Double),
            Kind::Boolean => Some(Type::Boolean),
            Kind::Text => Some(Type::Text),
            _ => None,
        }
    }

    /// The expression of a generated column, if PostgreSQL takes it for a column of the type.
    fn carry_generated(&self, table: &Table, text: &str, of: &Type) -> Result<Carried, String> {
        let carried = self.carry(table, text, false)?;
        let is_generated = |name: &String| table.column(name).is_some_and(|column| column.generated.is_some());
        if carried.columns.iter().any(is_generated) {
            return Err("a column that is computed itself".to_owned());
        }
        let is_number = |kind: &Kind| matches!(kind, Kind::Whole | Kind::Number);
        let kind = Kind::of(of);
        let fits = kind == carried.kind
            || is_number(&kind) && is_number(&carried.kind)
            || kind == Kind::Text && is_number(&carried.kind);
        if fits { Ok(carried) } else { Err(format!("a value that is none of type {}", of.to_postgres())) }
    }

    /// An expression over a table's columns.
    fn carry(&self, table: &Table, text: &str, is_condition: bool) -> Result<Carried, String> {
        let expression = read(text, Dialect::Sqlite).ok_or("an expression that is not known")?;
        let expression = in_table(expression, &table.name);
        let column = |path: &[String]| match path {
            [column] => self.type_of(&table.name, column).cloned(),
            _ => None,
        };
        let mut translator = ToPostgres { column: &column, comes_back: false, differs: Vec::new() };
        let (carried, kind) = match is_condition {
            true => (translator.condition(&expression)?, Kind::Boolean),
            false => translator.carry(&expression)?,
        };
        // Names are compared with their case there.
        let carried = spelled(carried, table);
        let printed = read(text, Dialect::Sqlite).map(|e| e.print(Dialect::Sqlite));
        let meaning = |text: &str| {
            let tokens = super::expression::tokens(text, Dialect::Sqlite).unwrap_or_default();
            let plain = |token: Token| match token {
                Token::Word(name) | Token::Name(name) => Token::Word(fold(&name)),
                other => other,
            };
            tokens.into_iter().map(plain).collect::<Vec<_>>()
        };
        // An expression of an index stands in parentheses, unless it is a call.
        let is_plain = printed.is_some_and(|printed| {
            meaning(&printed) == meaning(text) || !is_condition && meaning(&format!("({printed})")) == meaning(text)
        });
        Ok(Carried {
            columns: carried.columns(),
            text: carried.print(Dialect::Postgres),
            kind,
            comes_back: translator.comes_back || !is_plain,
            differs: translator.differs,
        })
    }

    fn left_out(&mut self) {
        for table in &self.schema.virtual_tables {
            let text = format!("PostgreSQL has no module {}", table.module);
            self.remarks.add(Kept::Not, &format!("virtual table {}", table.name), text);
        }
        for view in &self.schema.views {
            self.remarks.add(Kept::Not, &format!("view {}", view.name), "views are not carried");
        }
        for trigger in &self.schema.triggers {
            let text = "PostgreSQL's triggers run functions";
            self.remarks.add(Kept::Not, &format!("trigger {}", trigger.name), text);
        }
        if self.schema.application_id.is_some() {
            self.remarks.add(Kept::Not, "the file", "the application_id, which is about a file");
        }
    }
}

/// An expression that was carried.
struct Carried {
    text: String,
    kind: Kind,
    columns: Vec<String>,
    comes_back: bool,
    differs: Vec<String>,
}

fn shown_type(declared: &str) -> &str {
    if declared.is_empty() { "(none)" } else { declared }
}

/// `users.age` in the table users is `age`.
fn in_table(expression: Expression, table: &str) -> Expression {
    expression.map(&mut |part| match part {
        Expression::Column(path) if path.len() == 2 && same_name(&path[0], table) => {
            Expression::Column(path[1..].to_vec())
        }
        other => other,
    })
}

/// The columns as the table spells them.
fn spelled(expression: Expression, table: &Table) -> Expression {
    expression.map(&mut |part| match part {
        Expression::Column(path) => Expression::Column(
            path.iter().map(|name| table.column(name).map_or_else(|| name.clone(), |c| c.name.clone())).collect(),
        ),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_cut_is_told() {
        let (fits, long) = ("n".repeat(63), "n".repeat(64));
        let of = |sql: String| {
            let schema = Schema::from_sql(&sql).unwrap();
            to_postgres(&schema).remarks.into_iter().map(|remark| remark.object).collect::<Vec<_>>()
        };
        assert!(of(format!("CREATE TABLE {fits} ({fits} TEXT CONSTRAINT {fits} CHECK ({fits} <> ''))")).is_empty());
        assert_eq!(of(format!("CREATE TABLE {long} (a TEXT)")), [format!("table {long}")]);
        assert_eq!(of(format!("CREATE TABLE a ({long} TEXT)")), [format!("column a.{long}")]);
        let constraint = format!("CREATE TABLE a (b TEXT CONSTRAINT {long} CHECK (b <> ''))");
        assert_eq!(of(constraint), [format!("constraint {long} on a")]);
        assert_eq!(of(format!("CREATE TABLE a (b TEXT); CREATE INDEX {long} ON a (b)")), [format!("index {long}")]);
    }
}
