//! PostgreSQL's schema in SQLite's words.
//!
//! The tables are put together as values of SQLite's model and printed by its printer; what cannot stand in there is
//! named in a comment in front of the table. Names of other schemas than `public` get theirs in front.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::defaults;
use super::expression::{Dialect, Expression, Reader, read, tokens};
use super::expression_to_sqlite::ToSqlite;
use super::names::automatic;
use super::types::Type;
use super::{Kept, Remarks, Translated};
use crate::error::{Code, Error, Result};
use crate::postgres::schema as postgres;
use crate::postgres::schema::{Body, Demands, Object, ObjectId};
use crate::schema as sqlite;
use crate::schema::{fold, same_name};
use crate::sqlite::print;

/// Translates a schema of PostgreSQL to SQLite. The text is a declared schema: [`crate::Schema::from_sql`] reads it.
///
/// # Errors
/// [`Code::DeclaredTwice`] where names differ in nothing but case, or by the schema in a way that is gone when both are
/// joined. [`Code::Unsupported`] for a name that SQLite keeps for itself.
pub fn to_sqlite(schema: &postgres::Schema) -> Result<Translated> {
    let mut translator =
        Translator { schema, tables: BTreeMap::new(), named: HashMap::new(), remarks: Remarks::default() };
    translator.read_types();
    translator.choose_names()?;
    let mut tables = Vec::new();
    for (id, name) in &translator.tables.clone() {
        if let Some(object) = schema.get(id) {
            tables.push(translator.table(object, name)?);
        }
    }
    let mut taken: BTreeSet<String> = translator.tables.values().map(|name| fold(name)).collect();
    let mut out = String::new();
    for (table, comments) in &tables {
        let mut block = comments.clone();
        block += &format!(
            "CREATE TABLE {}{};\n",
            super::expression::quote(&table.name, Dialect::Sqlite),
            print::table_definition(table)
        );
        for index in translator.indexes(&table.name, &mut taken) {
            block += &index;
        }
        out += &format!("{}{block}", if out.is_empty() { "" } else { "\n" });
    }
    translator.left_out();
    let comments = translator.remarks.comments();
    if !comments.is_empty() {
        out += &format!("{}{comments}", if out.is_empty() { "" } else { "\n" });
    }
    Ok(Translated { sql: out, remarks: translator.remarks.all })
}

/// A type that is declared in the schema.
enum Named {
    Enum { name: String, labels: Vec<String> },
    Domain(postgres::Domain),
    Other,
}

struct Translator<'s> {
    schema: &'s postgres::Schema,
    /// The tables that are carried, and their names.
    tables: BTreeMap<ObjectId, String>,
    /// Types by the name that PostgreSQL prints.
    named: HashMap<String, Named>,
    remarks: Remarks,
}

/// A column's type on both sides.
#[derive(Clone)]
struct ColumnType {
    /// None where SQLite has nothing like it, and the value is kept as text.
    of: Option<Type>,
    /// The domains that it went through.
    domains: Vec<postgres::Domain>,
}

fn joined(id: &ObjectId) -> String {
    match id.schema.as_str() {
        "public" | "" => id.name.clone(),
        schema => format!("{schema}_{}", id.name),
    }
}

/// The table of an object in messages.
fn shown(kind: &str, table: &str, name: &str) -> String {
    format!("{kind} {table}.{name}")
}

impl Translator<'_> {
    fn read_types(&mut self) {
        for object in self.schema.objects.values() {
            let named = match &object.body {
                Body::Enum(labels) => Named::Enum { name: joined(&object.id), labels: labels.clone() },
                Body::Domain(domain) => Named::Domain(domain.clone()),
                Body::Composite(_) => Named::Other,
                Body::Whole { .. } if object.id.kind == postgres::Kind::Range => Named::Other,
                _ => continue,
            };
            self.named.insert(object.id.sql(), named);
        }
    }

    fn choose_names(&mut self) -> Result<()> {
        let mut taken: BTreeMap<String, &ObjectId> = BTreeMap::new();
        let mut schemas = BTreeSet::new();
        for (id, table) in self.schema.tables() {
            if table.partition_of.is_some() {
                continue;
            }
            let name = joined(id);
            if table.columns.iter().all(|column| column.generated.is_some()) {
                let text = "SQLite has no tables without a column that can be written";
                self.remarks.add(Kept::Not, &format!("table {name}"), text);
                continue;
            }
            if fold(&name).starts_with("sqlite_") {
                return Err(Error::new(Code::Unsupported, format!("SQLite keeps names like that of {id} for itself"))
                    .object(&name)
                    .help("rename the table, or leave it out"));
            }
            if let Some(other) = taken.insert(fold(&name), id) {
                return Err(Error::new(Code::DeclaredTwice, format!("{other} and {id} have one name in SQLite, {name}"))
                    .object(&name)
                    .help("SQLite takes no notice of upper and lower case, and has no schemas: rename one of them, or leave it out"));
            }
            if id.schema != "public" {
                schemas.insert(&id.schema);
            }
            self.tables.insert(id.clone(), name);
        }
        for schema in schemas {
            let text = format!("SQLite has no schemas: its tables are called {schema}_… and come back so in public");
            self.remarks.add(Kept::Differs, &format!("schema {schema}"), text);
        }
        Ok(())
    }

    /// The type by the text that PostgreSQL prints.
    fn type_of(&self, text: &str) -> ColumnType {
        if let Some(of) = Type::from_postgres(text) {
            return ColumnType { of: Some(of), domains: Vec::new() };
        }
        if let Some(element) = text.strip_suffix("[]") {
            let inner = self.type_of(element);
            // What an element has to meet cannot be said of a list; an enum's labels are text.
            let of = inner.of.map(|of| match of {
                Type::Enum { .. } => Type::Array(Box::new(Type::Text)),
                of => Type::Array(Box::new(of)),
            });
            return ColumnType { of, domains: Vec::new() };
        }
        match self.named.get(text) {
            Some(Named::Enum { name, labels }) => {
                let (name, labels) = (name.clone(), labels.clone());
                ColumnType { of: Some(Type::Enum { name, labels }), domains: Vec::new() }
            }
            Some(Named::Domain(domain)) => {
                let mut below = self.type_of(&domain.data_type);
                below.domains.insert(0, domain.clone());
                below
            }
            Some(Named::Other) | None => ColumnType { of: None, domains: Vec::new() },
        }
    }

    /// The types of a table's columns.
    fn column_types(&self, table: &postgres::Table) -> HashMap<String, ColumnType> {
        table.columns.iter().map(|column| (column.name.clone(), self.type_of(&column.data_type))).collect()
    }

    fn table(&mut self, object: &Object, name: &str) -> Result<(sqlite::Table, String)> {
        let Some(table) = object.table() else { return Ok(<(sqlite::Table, String)>::default()) };
        let what = format!("table {name}");
        if table.partition_by.is_some() {
            self.remarks.add(Kept::Differs, &what, "it is one table here, without partitions");
        }
        if !table.inherits.is_empty() {
            let parents: Vec<String> = table.inherits.iter().map(ObjectId::shown).collect();
            let text = format!("it has the columns of {}, but its rows are not rows of it", parents.join(", "));
            self.remarks.add(Kept::Differs, &what, text);
        }
        if table.of_type.is_some() {
            self.remarks.add(Kept::OneWay, &what, "it is a table of a type, and comes back with columns of its own");
        }
        let types = self.column_types(table);
        let constraints = self.constraints(object, table);
        let key = constraints.iter().find(|(_, c)| c.demands == Demands::PrimaryKey);
        let key_columns: Vec<String> = key.map(|(_, c)| c.columns.clone()).unwrap_or_default();
        let mut out = sqlite::Table { name: name.to_owned(), ..sqlite::Table::default() };
        for column in &table.columns {
            if let Some(other) = out.columns.iter().find(|c| same_name(&c.name, &column.name)) {
                return Err(Error::new(
                    Code::DeclaredTwice,
                    format!("{name} has two columns that SQLite takes for one, {} and {}", other.name, column.name),
                )
                .object(name)
                .help("SQLite takes no notice of upper and lower case: rename one of them"));
            }
            self.column(table, column, &types, &key_columns, &mut out);
        }
        self.add_constraints(object, &constraints, &types, &mut out);
        Ok((out, self.remarks.comments()))
    }

    /// The constraints of a table, by name, with those that it inherits.
    fn constraints(&self, object: &Object, table: &postgres::Table) -> Vec<(String, postgres::Constraint)> {
        let mut out: Vec<(String, postgres::Constraint)> = Vec::new();
        let of = |id: &ObjectId| {
            crate::postgres::print::constraints_of(self.schema, id)
                .filter_map(|object| match &object.body {
                    Body::Constraint(constraint) => Some((object.id.name.clone(), constraint.clone())),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        let mut parents: Vec<ObjectId> = table.inherits.clone();
        let mut seen = BTreeSet::new();
        while let Some(parent) = parents.pop() {
            if seen.insert(parent.clone()) {
                let inherited = of(&parent).into_iter();
                out.extend(
                    inherited.filter(|(_, c)| c.demands == Demands::Check && !c.definition.ends_with(" NO INHERIT")),
                );
                parents.extend(self.schema.table(&parent).into_iter().flat_map(|table| table.inherits.clone()));
            }
        }
        let own = of(&object.id);
        out.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
        out.extend(own);
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }

    fn column(
        &mut self,
        table: &postgres::Table,
        column: &postgres::Column,
        types: &HashMap<String, ColumnType>,
        key: &[String],
        out: &mut sqlite::Table,
    ) {
        let what = shown("column", &out.name, &column.name);
        let of = types[&column.name].clone();
        let mut made = sqlite::Column { name: column.name.clone(), ..sqlite::Column::default() };
        let is_whole = matches!(of.of, Some(Type::Smallint | Type::Integer | Type::Bigint));
        let is_key = key == [column.name.clone()];
        let default = column.default.clone().or_else(|| of.domains.iter().find_map(|domain| domain.default.clone()));
        let sequence = default.as_deref().and_then(|text| self.sequence_of(text));
        let counts = column.identity.is_some() || sequence.is_some();
        self.remark_type(&what, column, &of);
        match &of.of {
            // Only a column declared INTEGER gets numbers by itself; one without a default must not.
            Some(Type::Bigint | Type::Integer | Type::Smallint | Type::Boolean) if is_key && !counts => {
                made.declared_type = "BIGINT".to_owned();
            }
            Some(known) => {
                made.declared_type = known.declared();
                made.collation = known.collation().map(str::to_owned);
            }
            None => made.declared_type = "TEXT".to_owned(),
        }
        if counts && is_key && is_whole {
            // Never the same number twice, as from a sequence.
            let columns = vec![sqlite::KeyPart::column(column.name.clone())];
            let key =
                sqlite::PrimaryKey { columns, autoincrement: true, at_column: true, ..sqlite::PrimaryKey::default() };
            out.primary_key = Some(key);
            self.remark_numbers(&what, column, sequence.as_ref(), of.of.as_ref());
        } else {
            let not_null = column.not_null || of.domains.iter().any(|domain| domain.not_null);
            made.not_null = not_null.then(sqlite::NotNull::default);
            if counts {
                let text = "SQLite numbers the rows only by an INTEGER primary key; the number has to be given";
                self.remarks.add(Kept::Not, &what, text);
            }
        }
        if let Some(generated) = &column.generated {
            self.generated(&what, table, types, generated, &mut made);
        } else if let Some(text) = default.filter(|_| !counts) {
            self.default(&what, &text, of.of.as_ref(), &mut made);
        }
        let check = |name: Option<String>, expression: &Expression| {
            let text = expression.print(Dialect::Sqlite);
            let expression = sqlite::Expression::new(text.clone(), text);
            sqlite::Check { name, expression, at_column: Some(column.name.clone()) }
        };
        if let Some((name, condition)) = of.of.as_ref().and_then(|of| of.check(&column.name)) {
            out.checks.push(check(name, &condition));
        }
        for domain in &of.domains {
            for domain_check in &domain.checks {
                match self.domain_check(&domain_check.definition, &column.name, of.of.as_ref()) {
                    Ok((condition, differs)) => {
                        // Every column of the domain has it, and in PostgreSQL a table has no name twice.
                        let is_taken = out.checks.iter().any(|c| c.name.as_ref() == Some(&domain_check.name));
                        let name = match is_taken {
                            true => automatic(&domain_check.name, std::slice::from_ref(&column.name), "check"),
                            false => domain_check.name.clone(),
                        };
                        out.checks.push(check(Some(name), &condition));
                        for text in differs {
                            self.remarks.add(Kept::Differs, &what, text);
                        }
                    }
                    Err(why) => {
                        let text = format!("the check {} of its domain, because of {why}", domain_check.name);
                        self.remarks.add(Kept::Not, &what, text);
                    }
                }
            }
        }
        out.columns.push(made);
    }

    fn remark_type(&mut self, what: &str, column: &postgres::Column, of: &ColumnType) {
        let data_type = &column.data_type;
        if of.of.is_none() {
            let text = format!("the type {data_type} is kept as text, which nothing checks, and comes back as text");
            self.remarks.add(Kept::Differs, what, text);
        }
        if !of.domains.is_empty() {
            self.remarks.add(Kept::OneWay, what, format!("the domain {data_type} comes back as the type below it"));
        }
        match &of.of {
            Some(Type::Char(_)) => {
                self.remarks.add(Kept::Differs, what, "SQLite fills up no value with blanks, and compares them");
            }
            Some(Type::Citext) => {
                self.remarks.add(Kept::Differs, what, "upper and lower case are the same in ASCII only");
            }
            Some(Type::Array(element)) => {
                let below = data_type.strip_suffix("[]").map(|element| self.type_of(element));
                if below.is_some_and(|below| matches!(below.of, Some(Type::Enum { .. })) || !below.domains.is_empty()) {
                    let text = format!("nothing checks the elements, and it comes back as {}[]", element.to_postgres());
                    self.remarks.add(Kept::Differs, what, text);
                }
            }
            Some(Type::Enum { .. }) if !data_type.starts_with("public.") => {
                self.remarks.add(Kept::OneWay, what, format!("the type {data_type} comes back in public"));
            }
            _ => {}
        }
        if let Some(collation) = &column.collation {
            match collation.as_str() {
                "pg_catalog.\"C\"" | "pg_catalog.\"POSIX\"" => {
                    self.remarks.add(Kept::OneWay, what, "it comes back without its collation");
                }
                other => {
                    let text = format!("SQLite has no collation {other}: it compares and sorts byte by byte");
                    self.remarks.add(Kept::Differs, what, text);
                }
            }
        }
    }

    /// What is special about how a key counts.
    fn remark_numbers(
        &mut self,
        what: &str,
        column: &postgres::Column,
        sequence: Option<&ObjectId>,
        of: Option<&Type>,
    ) {
        let sequence = sequence.and_then(|id| self.schema.get(id)).and_then(|object| match &object.body {
            Body::Sequence(sequence) => Some(&sequence.numbers),
            _ => None,
        });
        let numbers = column.identity.as_ref().map(|identity| &identity.numbers).or(sequence);
        if let Some(identity) = &column.identity {
            if identity.always {
                self.remarks.add(
                    Kept::Differs,
                    what,
                    "SQLite takes a number that is given, and it comes back BY DEFAULT",
                );
            }
        } else {
            self.remarks.add(Kept::OneWay, what, "the sequence comes back as that of an identity column");
        }
        let Some(numbers) = numbers else { return };
        let last = match of {
            Some(Type::Smallint) => i64::from(i16::MAX),
            Some(Type::Integer) => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        let is_usual = (numbers.start, numbers.increment, numbers.min, numbers.cache, numbers.cycle)
            == (1, 1, 1, 1, false)
            && (numbers.max == last || column.identity.is_none());
        if !is_usual {
            self.remarks.add(Kept::Differs, what, "SQLite counts from 1 by 1");
        }
    }

    /// The sequence in `nextval('…'::regclass)`.
    fn sequence_of(&self, default: &str) -> Option<ObjectId> {
        let Some(Expression::Call { name, arguments, .. }) = read(default, Dialect::Postgres) else { return None };
        if name.last().is_none_or(|name| name != "nextval") {
            return None;
        }
        let [Expression::Cast(of, _)] = arguments.as_slice() else { return None };
        let Expression::Text(text) = of.as_ref() else { return None };
        let sequences = self.schema.objects.keys().filter(|id| id.kind == postgres::Kind::Sequence);
        let found = sequences.into_iter().find(|id| id.sql() == *text).cloned();
        Some(found.unwrap_or_else(|| ObjectId::new(postgres::Kind::Sequence, "", text.as_str())))
    }

    fn default(&mut self, what: &str, text: &str, of: Option<&Type>, made: &mut sqlite::Column) {
        let of = of.cloned().unwrap_or(Type::Text);
        let named = |text: &str| self.type_of(text).of;
        match defaults::to_sqlite(text, &of, &named) {
            Ok(None) => {}
            Ok(Some(default)) => {
                made.default = Some(sqlite::Expression::new(default.sql.clone(), default.sql));
                if !default.comes_back {
                    self.remarks.add(Kept::OneWay, what, format!("the default {text} comes back in another form"));
                }
            }
            Err(why) => self.remarks.add(Kept::Not, what, format!("the default {text}, because of {why}")),
        }
    }

    fn generated(
        &mut self,
        what: &str,
        table: &postgres::Table,
        types: &HashMap<String, ColumnType>,
        generated: &postgres::Generated,
        made: &mut sqlite::Column,
    ) {
        let expression = &generated.expression;
        match self.carry(expression, table, types) {
            Ok(carried) => {
                let text = carried.text;
                let expression = sqlite::Expression::new(text.clone(), text);
                made.generated = Some(sqlite::Generated { expression, stored: generated.stored });
                self.remark_carried(what, "expression", carried.comes_back, carried.differs);
                if !generated.stored {
                    self.remarks.add(Kept::OneWay, what, "it comes back stored");
                }
            }
            Err(why) => {
                made.not_null = None;
                let text = format!("how it is computed, because of {why}: the value has to be given");
                self.remarks.add(Kept::Not, what, text);
            }
        }
    }

    fn remark_carried(&mut self, what: &str, part: &str, comes_back: bool, differs: Vec<String>) {
        for text in differs {
            self.remarks.add(Kept::Differs, what, text);
        }
        if comes_back {
            self.remarks.add(Kept::OneWay, what, format!("the {part} comes back in another form"));
        }
    }

    /// An expression over a table's columns.
    fn carry(
        &self,
        text: &str,
        table: &postgres::Table,
        types: &HashMap<String, ColumnType>,
    ) -> std::result::Result<Carried, String> {
        let expression = read(text, Dialect::Postgres).ok_or("an expression that is not known")?;
        let column = |path: &[String]| {
            let [name] = path else { return None };
            table.column(name)?;
            Some(types.get(name)?.of.clone())
        };
        let named = |text: &str| self.type_of(text).of;
        let mut translator = ToSqlite { column: &column, named: &named, comes_back: false, differs: Vec::new() };
        let (carried, _) = translator.carry(&expression)?;
        let columns = carried.columns();
        let (comes_back, differs) = (translator.comes_back, translator.differs);
        Ok(Carried { text: carried.print(Dialect::Sqlite), expression: carried, columns, comes_back, differs })
    }

    fn domain_check(
        &self,
        definition: &str,
        name: &str,
        of: Option<&Type>,
    ) -> std::result::Result<(Expression, Vec<String>), String> {
        let condition = condition(definition).ok_or("a definition that is not known")?;
        let expression = read(condition, Dialect::Postgres).ok_or("an expression that is not known")?;
        let expression = with_value(expression, name);
        let column = |path: &[String]| (path == [name]).then(|| of.cloned());
        let named = |text: &str| self.type_of(text).of;
        let mut translator = ToSqlite { column: &column, named: &named, comes_back: false, differs: Vec::new() };
        let (carried, _) = translator.carry(&expression)?;
        Ok((carried, translator.differs))
    }

    fn add_constraints(
        &mut self,
        object: &Object,
        constraints: &[(String, postgres::Constraint)],
        types: &HashMap<String, ColumnType>,
        out: &mut sqlite::Table,
    ) {
        let table_name = object.id.name.clone();
        let mut checks: HashMap<String, u32> = HashMap::new();
        for (name, constraint) in constraints {
            let what = format!("constraint {name} on {}", out.name);
            let definition = constraint.definition.as_str();
            let deferrable = definition.contains(" DEFERRABLE");
            match constraint.demands {
                Demands::PrimaryKey => {
                    if deferrable {
                        self.remarks.add(Kept::Differs, &what, "SQLite checks it at once");
                    }
                    let own = automatic(&table_name, &[], "pkey");
                    let name = (*name != own).then(|| name.clone());
                    if let Some(key) = &mut out.primary_key {
                        key.name = name;
                        continue;
                    }
                    let columns: Vec<_> = constraint.columns.iter().map(sqlite::KeyPart::column).collect();
                    let at_column = columns.len() == 1;
                    let key = sqlite::PrimaryKey { name, columns, at_column, ..sqlite::PrimaryKey::default() };
                    out.primary_key = Some(key);
                    self.remark_index(&what, definition);
                }
                Demands::Unique => {
                    if deferrable {
                        self.remarks.add(Kept::Differs, &what, "SQLite checks it at once");
                    }
                    if definition.contains("NULLS NOT DISTINCT") {
                        self.remarks.add(Kept::Differs, &what, "SQLite takes every NULL for a value of its own");
                    }
                    self.remark_index(&what, definition);
                    let own = automatic(&table_name, &constraint.columns, "key");
                    let name = (*name != own).then(|| name.clone());
                    let columns = constraint.columns.iter().map(sqlite::KeyPart::column).collect();
                    out.uniques.push(sqlite::Unique { name, columns, ..sqlite::Unique::default() });
                }
                Demands::Check => self.check(object, name, constraint, types, &mut checks, out),
                Demands::ForeignKey => self.foreign_key(&table_name, name, constraint, out),
                Demands::Exclusion => self.remarks.add(Kept::Not, &what, "SQLite has no exclusion constraints"),
            }
        }
    }

    /// What the index of a key has that SQLite's has not.
    fn remark_index(&mut self, what: &str, definition: &str) {
        if definition.contains(") INCLUDE (") {
            self.remarks.add(Kept::OneWay, what, "it comes back without the columns that it only includes");
        }
    }

    fn check(
        &mut self,
        object: &Object,
        name: &str,
        constraint: &postgres::Constraint,
        types: &HashMap<String, ColumnType>,
        automatic_checks: &mut HashMap<String, u32>,
        out: &mut sqlite::Table,
    ) {
        let what = format!("constraint {name} on {}", out.name);
        let Some(table) = object.table() else { return };
        let carried = match condition(&constraint.definition) {
            Some(text) => self.carry(text, table, types),
            None => Err("a definition that is not known".to_owned()),
        };
        let carried = match carried {
            Ok(carried) => carried,
            Err(why) => {
                let text = format!("{}, because of {why}", constraint.definition);
                self.remarks.add(Kept::Not, &what, text);
                return;
            }
        };
        self.remark_carried(&what, "condition", carried.comes_back, carried.differs);
        if !constraint.valid {
            self.remarks.add(Kept::OneWay, &what, "it holds for every row here, and comes back so");
        }
        if constraint.definition.ends_with(" NO INHERIT") {
            self.remarks.add(Kept::OneWay, &what, "it comes back without NO INHERIT");
        }
        // The name goes if it comes back by itself: PostgreSQL numbers them in turn.
        let columns = match carried.columns.as_slice() {
            [one] => std::slice::from_ref(one),
            _ => &[],
        };
        let first = automatic(&object.id.name, columns, "check");
        let count = automatic_checks.entry(first.clone()).or_default();
        let expected = match *count {
            0 => first,
            n => automatic(&object.id.name, columns, &format!("check{n}")),
        };
        let is_automatic = name == expected && *count < 10 && !looks_like_a_type(&carried.expression, columns, types);
        if name == expected {
            *count += 1;
        }
        let expression = sqlite::Expression::new(carried.text.clone(), carried.text);
        out.checks.push(sqlite::Check { name: (!is_automatic).then(|| name.to_owned()), expression, at_column: None });
    }

    fn foreign_key(
        &mut self,
        table_name: &str,
        name: &str,
        constraint: &postgres::Constraint,
        out: &mut sqlite::Table,
    ) {
        let what = format!("constraint {name} on {}", out.name);
        let parent = constraint.references.as_ref().and_then(|id| self.tables.get(id)).cloned();
        let Some(parent) = parent else {
            self.remarks.add(Kept::Not, &what, "the table it refers to is not carried");
            return;
        };
        let rest = behind_references(&constraint.definition);
        let mut key = sqlite::ForeignKey {
            name: (name != automatic(table_name, &constraint.columns, "fkey")).then(|| name.to_owned()),
            columns: constraint.columns.clone(),
            parent,
            parent_columns: constraint.referenced_columns.clone(),
            ..sqlite::ForeignKey::default()
        };
        let action = |event: &str| {
            let at = rest.find(&format!("ON {event} "))? + event.len() + 4;
            let rest = &rest[at..];
            use sqlite::Action::{Cascade, NoAction, Restrict, SetDefault, SetNull};
            let actions = [NoAction, Restrict, SetNull, SetDefault, Cascade];
            let action = actions.into_iter().find(|action| rest.starts_with(action.keyword()))?;
            Some((action, rest[action.keyword().len()..].trim_start().starts_with('(')))
        };
        if let Some((on_update, _)) = action("UPDATE") {
            key.on_update = on_update;
        }
        if let Some((on_delete, only_some)) = action("DELETE") {
            key.on_delete = on_delete;
            if only_some {
                self.remarks.add(Kept::Differs, &what, "deleting the parent sets all of its columns, not only some");
            }
        }
        if rest.starts_with("MATCH FULL") && key.columns.len() > 1 {
            self.remarks.add(Kept::Differs, &what, "SQLite checks nothing where one of the columns is NULL");
        } else if rest.starts_with("MATCH FULL") {
            self.remarks.add(Kept::OneWay, &what, "it comes back without MATCH FULL");
        }
        if rest.contains("INITIALLY DEFERRED") {
            key.deferrable = Some(sqlite::Deferrable::InitiallyDeferred);
        } else if rest.contains("DEFERRABLE") {
            key.deferrable = Some(sqlite::Deferrable::InitiallyImmediate);
        }
        if !constraint.valid {
            self.remarks.add(Kept::OneWay, &what, "it holds for every row here, and comes back so");
        }
        if let [column] = key.columns.as_slice() {
            key.at_column = Some(column.clone());
        }
        out.foreign_keys.push(key);
    }

    /// The indexes of the table that is called `table` in SQLite, as statements with their comments.
    fn indexes(&mut self, table: &str, taken: &mut BTreeSet<String>) -> Vec<String> {
        let Some(id) = self.tables.iter().find(|(_, name)| *name == table).map(|(id, _)| id.clone()) else {
            return Vec::new();
        };
        let objects: Vec<&Object> = self.schema.objects.values().collect();
        let mut out = Vec::new();
        for object in objects {
            let Body::Index(index) = &object.body else { continue };
            if index.table != id {
                continue;
            }
            let what = format!("index {}", joined(&object.id));
            match self.index(&id, index, &what) {
                Ok(mut made) => {
                    made.table = table.to_owned();
                    made.name = joined(&object.id);
                    if !taken.insert(fold(&made.name)) {
                        made.name = (1..)
                            .map(|n: u32| format!("{}_{n}", made.name))
                            .find(|name| taken.insert(fold(name)))
                            .unwrap_or_default();
                        let text = format!("the name is taken in SQLite: it is called {}", made.name);
                        self.remarks.add(Kept::OneWay, &what, text);
                    }
                    let statement = print::create_index(&made).replacen("main.", "", 1);
                    out.push(format!("{}{statement};\n", self.remarks.comments()));
                }
                Err(why) => {
                    self.remarks.add(Kept::Not, &what, why);
                    out.push(self.remarks.comments());
                }
            }
        }
        out
    }

    fn index(
        &mut self,
        id: &ObjectId,
        index: &postgres::Index,
        what: &str,
    ) -> std::result::Result<sqlite::Index, String> {
        let unknown = || "a definition that is not known".to_owned();
        let table = self.schema.table(id).ok_or_else(unknown)?;
        let types = self.column_types(table);
        let all = tokens(&index.definition, Dialect::Postgres).ok_or_else(unknown)?;
        let start = all.iter().position(|t| t.is("using")).ok_or_else(unknown)?;
        let mut reader = Reader::new(&all[start + 1..], Dialect::Postgres);
        let method = reader.name().ok_or_else(unknown)?;
        if !matches!(method.as_str(), "btree" | "hash") {
            return Err(format!("SQLite has no indexes of the kind {method}"));
        }
        let mut one_way = if method == "hash" { vec!["it comes back as a B-tree"] } else { Vec::new() };
        let mut differs = Vec::new();
        reader.needs(&["("]).ok_or_else(unknown)?;
        let mut made = sqlite::Index { unique: index.unique, ..sqlite::Index::default() };
        loop {
            let part = reader.primary().ok_or_else(|| "an expression that is not known".to_owned())?;
            let part = match reader.sees(&["::"]) {
                true => reader.behind(part).ok_or_else(unknown)?,
                false => part,
            };
            let mut key = self.index_part(&part, table, &types, &mut one_way, &mut differs)?;
            while !reader.sees(&[","]) && !reader.sees(&[")"]) {
                if reader.takes(&["collate"]) {
                    let collation = reader.path().ok_or_else(unknown)?.pop().unwrap_or_default();
                    match collation.as_str() {
                        "C" | "POSIX" => one_way.push("it comes back without its collation"),
                        other => differs.push(format!("SQLite has no collation {other}")),
                    }
                } else if reader.takes(&["desc"]) {
                    key.descending = true;
                    // SQLite takes NULL for the least, PostgreSQL for the greatest.
                    if reader.takes(&["nulls", "last"]) {
                        one_way.push("it comes back with NULL at the other end");
                    }
                } else if reader.takes(&["nulls", "first"]) {
                    one_way.push("it comes back with NULL at the other end");
                } else if reader.takes(&["("]) {
                    while !reader.takes(&[")"]) {
                        reader.next().ok_or_else(unknown)?;
                    }
                } else {
                    reader.path().ok_or_else(unknown)?;
                    one_way.push("it comes back with the usual class of operators");
                }
            }
            made.parts.push(key);
            match reader.takes(&[","]) {
                true => {}
                false => break,
            }
        }
        reader.needs(&[")"]).ok_or_else(unknown)?;
        while !reader.is_at_end() && !reader.sees(&["where"]) {
            if reader.takes(&["include", "("]) {
                while !reader.takes(&[")"]) {
                    reader.next().ok_or_else(unknown)?;
                }
                one_way.push("it comes back without the columns that it only includes");
            } else if reader.takes(&["nulls", "not", "distinct"]) {
                differs.push("SQLite takes every NULL for a value of its own".to_owned());
            } else {
                // Storage parameters and the tablespace.
                reader.next().ok_or_else(unknown)?;
            }
        }
        if reader.takes(&["where"]) {
            let at = index.definition.find(" WHERE ").ok_or_else(unknown)? + " WHERE ".len();
            let carried = self.carry(&index.definition[at..], table, &types);
            let carried = carried.map_err(|why| format!("its condition, because of {why}"))?;
            one_way.extend(carried.comes_back.then_some("its condition comes back in another form"));
            differs.extend(carried.differs);
            made.predicate = Some(sqlite::Expression::new(carried.text.clone(), carried.text));
        }
        one_way.sort_unstable();
        one_way.dedup();
        for text in differs {
            self.remarks.add(Kept::Differs, what, text);
        }
        for text in one_way {
            self.remarks.add(Kept::OneWay, what, text);
        }
        if !index.valid {
            self.remarks.add(Kept::OneWay, what, "it is broken on the server, and is made anew here");
        }
        Ok(made)
    }

    fn index_part(
        &self,
        part: &Expression,
        table: &postgres::Table,
        types: &HashMap<String, ColumnType>,
        one_way: &mut Vec<&'static str>,
        differs: &mut Vec<String>,
    ) -> std::result::Result<sqlite::KeyPart, String> {
        if let Expression::Column(path) = part
            && let [name] = path.as_slice()
        {
            let is_list = types.get(name).is_some_and(|of| matches!(of.of, Some(Type::Array(_) | Type::Jsonb)));
            if is_list {
                differs.push("the values are compared as text".to_owned());
            }
            return Ok(sqlite::KeyPart::column(name));
        }
        let column = |path: &[String]| {
            let [name] = path else { return None };
            table.column(name)?;
            Some(types.get(name)?.of.clone())
        };
        let named = |text: &str| self.type_of(text).of;
        let mut translator = ToSqlite { column: &column, named: &named, comes_back: false, differs: Vec::new() };
        let (carried, _) = translator.carry(part)?;
        one_way.extend(translator.comes_back.then_some("its expression comes back in another form"));
        differs.extend(translator.differs);
        let text = match &carried {
            Expression::Call { .. } => carried.print(Dialect::Sqlite),
            carried => format!("({})", carried.print(Dialect::Sqlite)),
        };
        let term = sqlite::KeyTerm::Expression(sqlite::Expression::new(text.clone(), text));
        Ok(sqlite::KeyPart { term, collation: None, descending: false })
    }

    /// What has no place in SQLite.
    fn left_out(&mut self) {
        use postgres::Kind as Of;
        let objects: Vec<&Object> = self.schema.objects.values().collect();
        let columns = self.tables.keys().filter_map(|id| self.schema.table(id)).flat_map(|table| &table.columns);
        let used: BTreeSet<String> = columns.map(|column| column.data_type.trim_end_matches("[]").to_owned()).collect();
        let schemas: BTreeSet<String> = self.tables.keys().map(|id| id.schema.clone()).collect();
        for object in objects {
            let text = match (&object.body, object.id.kind) {
                (Body::Table(table), _) => match &table.partition_of {
                    Some((parent, _)) => {
                        format!("its rows are those of {}, which has no partitions here", parent.shown())
                    }
                    None => continue,
                },
                (Body::Sequence(_), _) => {
                    let of_column =
                        self.schema.objects.values().any(|other| {
                            other.table().is_some_and(|table| {
                                table.columns.iter().filter_map(|column| column.default.as_deref()).any(|default| {
                                    self.sequence_of(default).is_some_and(|sequence| sequence == object.id)
                                })
                            })
                        });
                    if of_column {
                        continue;
                    }
                    "SQLite has no sequences".to_owned()
                }
                (_, Of::View) => "views are not carried".to_owned(),
                (_, Of::MaterializedView) => "SQLite has no materialised views".to_owned(),
                (_, Of::Trigger) => "triggers run functions of the server".to_owned(),
                (_, Of::Rule) => "SQLite has no rules".to_owned(),
                (_, Of::Policy) => "a device's database has one reader: nothing is held back from it".to_owned(),
                (_, Of::Routine) => "SQLite has no functions of its own".to_owned(),
                (_, Of::Aggregate) => "SQLite has no aggregates of its own".to_owned(),
                (_, Of::Extension) => "SQLite has no extensions of the server's".to_owned(),
                (_, Of::Collation) => "SQLite has no collations of its own".to_owned(),
                (_, Of::Index) => match &object.body {
                    Body::Index(index) if !self.tables.contains_key(&index.table) => {
                        "its table is not carried".to_owned()
                    }
                    _ => continue,
                },
                (_, Of::Other) => "it is nothing that SQLite knows".to_owned(),
                (Body::Enum(_) | Body::Domain(_), _) if used.contains(&object.id.sql()) => continue,
                (_, Of::Enum | Of::Domain) => "no column has this type".to_owned(),
                (_, Of::Composite | Of::Range) => "SQLite has no types of its own".to_owned(),
                (_, Of::Namespace) if object.id.name == "public" || schemas.contains(object.id.name.as_str()) => {
                    continue;
                }
                (_, Of::Namespace) => "SQLite has no schemas".to_owned(),
                // Statistics are no part of what a schema means.
                (_, Of::Statistics) => continue,
                (_, Of::Sequence | Of::Table | Of::Constraint) => continue,
            };
            self.remarks.add(Kept::Not, &object.id.to_string(), text);
        }
    }
}

/// An expression that was carried.
struct Carried {
    expression: Expression,
    text: String,
    columns: Vec<String>,
    comes_back: bool,
    differs: Vec<String>,
}

/// Whether a check without a name would be taken for the type of its column.
fn looks_like_a_type(condition: &Expression, columns: &[String], types: &HashMap<String, ColumnType>) -> bool {
    let [column] = columns else { return false };
    let Some(of) = types.get(column).and_then(|of| of.of.clone()) else { return false };
    let checks = [(None, condition.clone())];
    let collated = of.collation().is_some();
    Type::of_column(&of.declared(), collated, column, &checks).check.is_some()
}

/// The condition in `CHECK (…)`.
fn condition(definition: &str) -> Option<&str> {
    let definition = definition.strip_suffix(" NO INHERIT").unwrap_or(definition);
    definition.strip_prefix("CHECK (")?.strip_suffix(')')
}

/// What stands behind the columns that a foreign key refers to.
fn behind_references(definition: &str) -> &str {
    let Some(at) = definition.find(" REFERENCES ") else { return "" };
    let rest = &definition[at..];
    // The list of columns is in parentheses, and names in it may be in quotes.
    let mut quoted = false;
    for (n, c) in rest.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ')' if !quoted => return rest[n + 1..].trim_start(),
            _ => {}
        }
    }
    ""
}

/// A domain's condition, which says VALUE, for a column.
fn with_value(expression: Expression, column: &str) -> Expression {
    expression.map(&mut |part| match part {
        Expression::Column(path) if path.as_slice() == ["value"] => Expression::Column(vec![column.to_owned()]),
        other => other,
    })
}
