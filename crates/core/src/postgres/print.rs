//! [`Schema`] → SQL: the statements that make an object, change its looks, and take it away.
//!
//! Every name is printed with its schema. What PostgreSQL printed itself is passed on as it is.

use std::collections::{BTreeSet, HashMap};

use super::schema::{
    Attached, Body, Column, Constraint, Demands, Domain, Grant, Identity, Index, Kind, Numbers, Object, ObjectId,
    Policy, Rights, Schema, Sequence, Table, View,
};
use super::token::{quote_literal, quote_name};

/// The whole schema as a script that makes it in an empty database.
pub fn to_sql(schema: &Schema) -> String {
    // The text of a function may mention what comes later.
    let has_routines = schema.objects.keys().any(|id| id.kind == Kind::Routine);
    let start = if has_routines { "SET check_function_bodies = off;\n" } else { "" };
    statements(schema).iter().fold(start.to_owned(), |sql, statement| sql + statement + ";\n")
}

/// The statements that make a schema in an empty database, in the order of their dependencies.
pub fn statements(schema: &Schema) -> Vec<String> {
    let wanted: BTreeSet<&ObjectId> = schema.objects.keys().collect();
    let mut out = Vec::new();
    let ordered = in_order(schema, &wanted, &wanted);
    for id in &ordered {
        let object = &schema.objects[*id];
        if !is_inlined(schema, object) {
            out.extend(create(schema, object));
        }
    }
    for id in &ordered {
        out.extend(afterwards(schema, &schema.objects[*id]));
    }
    out
}

/// What refers to something that comes later: a sequence to the column that owns it, a table to the index by which
/// its rows are known.
pub fn afterwards(schema: &Schema, object: &Object) -> Vec<String> {
    let mut out = Vec::new();
    match &object.body {
        Body::Sequence(Sequence { owned_by: Some((table, column)), .. }) => {
            out.push(owned_by(&object.id, Some((table, column))));
        }
        Body::Table(table) => {
            let name = object.id.sql();
            if let Some(identity) = &table.replica_identity {
                out.push(format!("ALTER TABLE ONLY {name} REPLICA IDENTITY {identity}"));
            }
            if let Some(index) = &table.clustered_on {
                out.push(format!("ALTER TABLE {name} CLUSTER ON {}", quote_name(index)));
            }
            let constraints = constraints_of(schema, &object.id);
            out.extend(constraints.filter(|o| is_inlined(schema, o)).filter_map(comment));
        }
        _ => {}
    }
    out
}

/// `ALTER SEQUENCE … OWNED BY …`
pub fn owned_by(sequence: &ObjectId, column: Option<(&ObjectId, &String)>) -> String {
    let owner = column.map(|(table, column)| format!("{}.{}", table.sql(), quote_name(column)));
    format!("ALTER SEQUENCE {} OWNED BY {}", sequence.sql(), owner.as_deref().unwrap_or("NONE"))
}

/// Whether an object is made together with its table: constraints are, but for foreign keys and what was not checked.
pub fn is_inlined(schema: &Schema, object: &Object) -> bool {
    let Body::Constraint(constraint) = &object.body else { return false };
    let table = schema.table(&object.id.table_id());
    let is_plain = table.is_some_and(|t| t.partition_of.is_none() && t.inherits.is_empty() && t.of_type.is_none());
    is_plain && constraint.valid && constraint.demands != Demands::ForeignKey
}

/// The objects of `wanted` so that each comes behind what it needs; where nothing decides, by kind and name. `made` are
/// the tables that are made with their constraints.
pub fn in_order<'s>(
    schema: &'s Schema,
    wanted: &BTreeSet<&'s ObjectId>,
    made: &BTreeSet<&ObjectId>,
) -> Vec<&'s ObjectId> {
    let ids: Vec<&ObjectId> = wanted.iter().copied().collect();
    let places: HashMap<&ObjectId, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    // A constraint that is made with its table gives its needs to the table.
    let table_of = |id: &ObjectId| {
        let object = schema.objects.get(id).filter(|object| is_inlined(schema, object))?;
        let table = object.id.table_id();
        (made.contains(&table) && schema.objects.contains_key(&table)).then_some(table)
    };
    let place_of = |id: &ObjectId| match table_of(id) {
        Some(table) => places.get(&table).copied(),
        None => places.get(id).copied(),
    };
    let holders: Vec<Option<usize>> = ids.iter().map(|id| place_of(id)).collect();
    let mut needs: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); ids.len()];
    for (place, id) in ids.iter().enumerate() {
        let Some(object) = schema.objects.get(*id) else { continue };
        let Some(from) = holders[place] else { continue };
        // The index of a partitioned table is made behind what it is put together from.
        let parts = match &object.body {
            Body::Index(index) => {
                index.attached.iter().flat_map(|part| [part.table.clone(), part.constraint()]).collect()
            }
            _ => Vec::new(),
        };
        for on in object.needs.iter().map(|need| &need.on).chain(&parts) {
            let on = places.get(on).map_or_else(|| place_of(on), |place| holders[*place]);
            if let Some(on) = on.filter(|on| *on != from) {
                needs[from].insert(on);
            }
        }
        if from != place {
            needs[place].insert(from);
        }
    }
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
    for (place, on) in needs.iter().enumerate() {
        for other in on {
            needed_by[*other].push(place);
        }
    }
    let mut open: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut left: BTreeSet<usize> = (0..ids.len()).collect();
    let mut ready: BTreeSet<usize> = left.iter().copied().filter(|place| open[*place] == 0).collect();
    let mut out = Vec::with_capacity(ids.len());
    // A circle is cut at its first object: a function whose text names a table that has it as a default.
    while let Some(next) = ready.pop_first().or_else(|| left.first().copied()) {
        if !left.remove(&next) {
            continue;
        }
        out.push(ids[next]);
        for place in &needed_by[next] {
            open[*place] = open[*place].saturating_sub(1);
            if open[*place] == 0 && left.contains(place) {
                ready.insert(*place);
            }
        }
    }
    out
}

/// The statements that make an object, with its comment.
pub fn create(schema: &Schema, object: &Object) -> Vec<String> {
    let id = &object.id;
    let name = id.sql();
    let mut out = Vec::new();
    match &object.body {
        Body::Namespace if id.name == "public" => out.push("CREATE SCHEMA IF NOT EXISTS public".to_owned()),
        Body::Namespace => out.push(format!("CREATE SCHEMA {name}")),
        Body::Extension { schema } => {
            out.push(format!("CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA {}", quote_name(schema)));
        }
        Body::Enum(labels) => out.push(create_enum(&name, labels)),
        Body::Composite(attributes) => {
            let list: Vec<String> = attributes
                .iter()
                .map(|a| {
                    let collation = a.collation.as_ref().map(|c| format!(" COLLATE {c}")).unwrap_or_default();
                    format!("{} {}{collation}", quote_name(&a.name), a.data_type)
                })
                .collect();
            out.push(format!("CREATE TYPE {name} AS ({})", list.join(", ")));
        }
        Body::Domain(domain) => out.push(create_domain(&name, domain)),
        Body::Sequence(sequence) => {
            let unlogged = if sequence.unlogged { "UNLOGGED " } else { "" };
            out.push(format!("CREATE {unlogged}SEQUENCE {name} {}", numbers(&sequence.numbers)));
        }
        Body::Routine(routine) => out.push(routine.definition.clone()),
        Body::Whole { definition } => out.push(definition.clone()),
        Body::Table(table) => create_table(schema, object, table, &mut out),
        Body::Constraint(constraint) => out.push(add_constraint(id, constraint, !constraint.valid)),
        Body::Index(index) => {
            match names_its_parts(schema, index) {
                true => {
                    out.push(index.definition.clone());
                    for part in &index.attached {
                        if schema.get(&part.constraint()).is_none() {
                            out.push(create_part(index, part));
                        }
                        out.push(attach_part(part));
                    }
                }
                false => out.push(create_index(index, false)),
            }
            out.extend(index_statistics(id, index));
        }
        Body::View(view) => create_view(id, view, false, &mut out),
        Body::Trigger(trigger) => {
            out.push(trigger.definition.clone());
            if trigger.enabled != 'O' {
                out.push(enable(id, "TRIGGER", trigger.enabled));
            }
        }
        Body::Rule(rule) => {
            out.push(rule.definition.clone());
            if rule.enabled != 'O' {
                out.push(enable(id, "RULE", rule.enabled));
            }
        }
        Body::Policy(policy) => out.push(create_policy(id, policy)),
        Body::Other { .. } => {}
    }
    out.extend(comment(object));
    out
}

/// `CREATE TYPE … AS ENUM (…)`
pub fn create_enum(name: &str, labels: &[String]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| quote_literal(label)).collect();
    format!("CREATE TYPE {name} AS ENUM ({})", labels.join(", "))
}

fn create_domain(name: &str, domain: &Domain) -> String {
    let mut sql = format!("CREATE DOMAIN {name} AS {}", domain.data_type);
    if let Some(collation) = &domain.collation {
        sql += &format!(" COLLATE {collation}");
    }
    if let Some(default) = &domain.default {
        sql += &format!(" DEFAULT {default}");
    }
    if domain.not_null {
        sql += " NOT NULL";
    }
    for check in &domain.checks {
        sql += &format!(" CONSTRAINT {} {}", quote_name(&check.name), check.definition);
    }
    sql
}

/// `AS integer START WITH 1 …`
pub fn numbers(numbers: &Numbers) -> String {
    format!("AS {} {}", numbers.data_type, counting(numbers))
}

/// `START WITH 1 …`, without the type.
pub fn counting(numbers: &Numbers) -> String {
    let Numbers { start, increment, min, max, cache, .. } = numbers;
    let cycle = if numbers.cycle { "CYCLE" } else { "NO CYCLE" };
    format!("START WITH {start} INCREMENT BY {increment} MINVALUE {min} MAXVALUE {max} CACHE {cache} {cycle}")
}

/// `GENERATED … AS IDENTITY (…)`
pub fn identity(identity: &Identity, schema: &str) -> String {
    let when = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
    let name = match identity.sequence.is_empty() {
        true => String::new(),
        false => format!("SEQUENCE NAME {}.{} ", quote_name(schema), quote_name(&identity.sequence)),
    };
    format!("GENERATED {when} AS IDENTITY ({name}{})", counting(&identity.numbers))
}

/// A column as it stands in `CREATE TABLE` and behind `ADD COLUMN`.
pub fn column(column: &Column, schema: &str) -> String {
    let mut sql = format!("{} {}", quote_name(&column.name), column.data_type);
    if let Some(collation) = &column.collation {
        sql += &format!(" COLLATE {collation}");
    }
    if let Some(generated) = &column.generated {
        let kind = if generated.stored { "STORED" } else { "VIRTUAL" };
        sql += &format!(" GENERATED ALWAYS AS ({}) {kind}", generated.expression);
    }
    if let Some(of) = &column.identity {
        sql += &format!(" {}", identity(of, schema));
    }
    if let Some(default) = &column.default {
        sql += &format!(" DEFAULT {default}");
    }
    if column.not_null {
        sql += " NOT NULL";
    }
    sql
}

fn create_table(schema: &Schema, object: &Object, table: &Table, out: &mut Vec<String>) {
    let id = &object.id;
    let name = id.sql();
    let unlogged = if table.unlogged { "UNLOGGED " } else { "" };
    let mut sql = format!("CREATE {unlogged}TABLE {name}");
    // What is different from the parent is said afterwards.
    let mut differing = Vec::new();
    if let Some((parent, bound)) = &table.partition_of {
        sql += &format!(" PARTITION OF {} {bound}", parent.sql());
        let above = schema.table(parent);
        for column in &table.columns {
            let inherited = above.and_then(|parent| parent.column(&column.name));
            differing.extend(column_differences(&name, inherited, column));
        }
    } else if let Some(of_type) = &table.of_type {
        sql += &format!(" OF {of_type}");
        for column in &table.columns {
            let plain = Column {
                name: column.name.clone(),
                data_type: column.data_type.clone(),
                collation: column.collation.clone(),
                ..Column::default()
            };
            differing.extend(column_differences(&name, Some(&plain), column));
        }
    } else {
        let mut lines = Vec::new();
        for column in &table.columns {
            if column.local || table.inherits.is_empty() {
                lines.push(self::column(column, &id.schema));
            } else {
                let parents = table.inherits.iter().filter_map(|parent| schema.table(parent));
                let inherited = parents.filter_map(|parent| parent.column(&column.name)).next();
                differing.extend(column_differences(&name, inherited, column));
            }
        }
        for constraint in constraints_of(schema, id).filter(|o| is_inlined(schema, o)) {
            if let Body::Constraint(body) = &constraint.body {
                lines.push(format!("CONSTRAINT {} {}", quote_name(&constraint.id.name), body.definition));
            }
        }
        sql += &match lines.is_empty() {
            true => " ()".to_owned(),
            false => format!(" (\n    {}\n)", lines.join(",\n    ")),
        };
        if !table.inherits.is_empty() {
            let parents: Vec<String> = table.inherits.iter().map(ObjectId::sql).collect();
            sql += &format!(" INHERITS ({})", parents.join(", "));
        }
    }
    if let Some(key) = &table.partition_by {
        sql += &format!(" PARTITION BY {key}");
    }
    if let Some(method) = &table.access_method {
        sql += &format!(" USING {}", quote_name(method));
    }
    if !table.options.is_empty() {
        sql += &format!(" WITH ({})", options(&table.options));
    }
    if let Some(tablespace) = &table.tablespace {
        sql += &format!(" TABLESPACE {}", quote_name(tablespace));
    }
    out.push(sql);
    out.extend(differing);
    for column in &table.columns {
        out.extend(column_settings(&name, &Column::default(), column));
        out.extend(column.comment.as_ref().map(|text| column_comment(&name, &column.name, Some(text))));
    }
    if table.row_security {
        out.push(format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"));
    }
    if table.force_row_security {
        out.push(format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY"));
    }
}

/// What a child's column has of its own: default, NOT NULL.
fn column_differences(table: &str, inherited: Option<&Column>, column: &Column) -> Vec<String> {
    let Some(inherited) = inherited else { return Vec::new() };
    let name = quote_name(&column.name);
    let mut out = Vec::new();
    if inherited.default != column.default && column.generated.is_none() {
        let action = match &column.default {
            Some(default) => format!("SET DEFAULT {default}"),
            None => "DROP DEFAULT".to_owned(),
        };
        out.push(format!("ALTER TABLE ONLY {table} ALTER COLUMN {name} {action}"));
    }
    if column.not_null && !inherited.not_null {
        out.push(format!("ALTER TABLE ONLY {table} ALTER COLUMN {name} SET NOT NULL"));
    }
    out
}

/// Storage, compression, statistics and options of a column, where they are another than before.
pub fn column_settings(table: &str, before: &Column, after: &Column) -> Vec<String> {
    let name = quote_name(&after.name);
    let mut out = Vec::new();
    let mut alter = |action: String| out.push(format!("ALTER TABLE ONLY {table} ALTER COLUMN {name} {action}"));
    if before.storage != after.storage {
        alter(format!("SET STORAGE {}", after.storage.as_deref().unwrap_or("DEFAULT")));
    }
    if before.compression != after.compression {
        alter(format!("SET COMPRESSION {}", after.compression.as_deref().unwrap_or("default")));
    }
    if before.statistics != after.statistics {
        alter(format!("SET STATISTICS {}", after.statistics.unwrap_or(-1)));
    }
    let (gone, new) = changed_options(&before.options, &after.options);
    if !gone.is_empty() {
        alter(format!("RESET ({})", gone.join(", ")));
    }
    if !new.is_empty() {
        alter(format!("SET ({})", options(&new)));
    }
    out
}

/// Names of options that are gone, and options that are new or another.
pub fn changed_options(before: &[String], after: &[String]) -> (Vec<String>, Vec<String>) {
    let key = |option: &str| option.split_once('=').map_or(option, |(key, _)| key).to_owned();
    let kept: BTreeSet<String> = after.iter().map(|option| key(option)).collect();
    let gone = before.iter().map(|option| key(option)).filter(|key| !kept.contains(key)).collect();
    let new = after.iter().filter(|option| !before.contains(option)).cloned().collect();
    (gone, new)
}

/// Options as they stand in `WITH (…)`: values in quotes, which PostgreSQL takes for all of them.
pub fn options(options: &[String]) -> String {
    let option = |option: &String| match option.split_once('=') {
        Some((key, value)) => format!("{key}={}", quote_literal(value)),
        None => option.clone(),
    };
    options.iter().map(option).collect::<Vec<_>>().join(", ")
}

/// The constraints of a table: the primary key first, then by name.
pub fn constraints_of<'s>(schema: &'s Schema, table: &ObjectId) -> impl Iterator<Item = &'s Object> {
    let mut list: Vec<&Object> = schema
        .objects
        .range(ObjectId::of_table(Kind::Constraint, table, "")..)
        .take_while(|(id, _)| id.kind == Kind::Constraint && id.schema == table.schema && id.table == table.name)
        .map(|(_, object)| object)
        .collect();
    list.sort_by_key(|object| match &object.body {
        Body::Constraint(c) if c.demands == Demands::PrimaryKey => 0,
        Body::Constraint(c) if c.demands == Demands::Unique => 1,
        _ => 2,
    });
    list.into_iter()
}

/// `ALTER TABLE … ADD CONSTRAINT …`
pub fn add_constraint(id: &ObjectId, constraint: &Constraint, not_valid: bool) -> String {
    let (table, name) = (id.table_sql(), quote_name(&id.name));
    let (only, not_valid) = match constraint.demands {
        // That of a partitioned table alone, of which its partitions have no part.
        Demands::PrimaryKey | Demands::Unique if not_valid => ("ONLY ", ""),
        _ if not_valid => ("", " NOT VALID"),
        _ => ("", ""),
    };
    format!("ALTER TABLE {only}{table} ADD CONSTRAINT {name} {}{not_valid}", constraint.definition)
}

/// `CREATE INDEX …`; PostgreSQL prints an index on a partitioned table for that table alone, and this one is meant for
/// its partitions too.
pub fn create_index(index: &Index, concurrently: bool) -> String {
    let mut sql = index.definition.clone();
    if index.partitioned {
        sql = sql.replacen(" ON ONLY ", " ON ", 1);
    }
    if concurrently {
        sql = sql.replacen("INDEX ", "INDEX CONCURRENTLY ", 1);
    }
    sql
}

/// Whether the indexes of partitions have to be named: PostgreSQL would name them otherwise, or take others, or some are
/// missing.
fn names_its_parts(schema: &Schema, index: &Index) -> bool {
    let keys = index.definition.split_once(" USING ").and_then(|(_, tail)| tail.split_once('('));
    let keys = keys.and_then(|(_, tail)| tail.split(')').next()).unwrap_or_default().replace(", ", "_");
    let given = |part: &Attached| format!("{}_{keys}_idx", part.table.name);
    let lacks_some = index.partitioned && !index.valid;
    lacks_some || index.attached.iter().any(|part| part.name != given(part) || schema.get(&part.constraint()).is_some())
}

/// The statement that makes the index of a partition, which is not attached yet.
pub fn create_part(index: &Index, part: &Attached) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let only = if part.partitioned { "ONLY " } else { "" };
    let tail = index.definition.split_once(" USING ").map_or("", |(_, tail)| tail);
    format!("CREATE {unique}INDEX {} ON {only}{} USING {tail}", quote_name(&part.name), part.table.sql())
}

/// `ALTER INDEX … ATTACH PARTITION …`
pub fn attach_part(part: &Attached) -> String {
    format!("ALTER INDEX {} ATTACH PARTITION {}", part.to.sql(), part.id().sql())
}

/// Statistics targets of an index's expressions.
pub fn index_statistics(id: &ObjectId, index: &Index) -> Vec<String> {
    let name = id.sql();
    let set = |(at, target): &(i32, i32)| format!("ALTER INDEX {name} ALTER COLUMN {at} SET STATISTICS {target}");
    index.statistics.iter().map(set).collect()
}

/// The statements that make a view, in place of one of that name where `replace` is set.
pub fn create_view(id: &ObjectId, view: &View, replace: bool, out: &mut Vec<String>) {
    let name = id.sql();
    let with = match view.options.is_empty() {
        true => String::new(),
        false => format!(" WITH ({})", options(&view.options)),
    };
    if view.materialized {
        let tablespace = view.tablespace.as_ref().map(|t| format!(" TABLESPACE {}", quote_name(t))).unwrap_or_default();
        let data = if view.populated { "" } else { " WITH NO DATA" };
        out.push(format!("CREATE MATERIALIZED VIEW {name}{with}{tablespace} AS\n{}{data}", view.query));
    } else {
        let or_replace = if replace { "OR REPLACE " } else { "" };
        out.push(format!("CREATE {or_replace}VIEW {name}{with} AS\n{}", view.query));
    }
    for (column, default) in &view.defaults {
        out.push(format!("ALTER VIEW {name} ALTER COLUMN {} SET DEFAULT {default}", quote_name(column)));
    }
    out.extend(view.comments.iter().map(|(column, text)| column_comment(&name, column, Some(text))));
}

fn create_policy(id: &ObjectId, policy: &Policy) -> String {
    let kind = if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
    let mut sql = format!(
        "CREATE POLICY {} ON {} AS {kind} FOR {} TO {}",
        quote_name(&id.name),
        id.table_sql(),
        policy.command,
        roles(&policy.roles)
    );
    if let Some(using) = &policy.using {
        sql += &format!(" USING ({using})");
    }
    if let Some(check) = &policy.check {
        sql += &format!(" WITH CHECK ({check})");
    }
    sql
}

/// The roles of a policy.
pub fn roles(roles: &[String]) -> String {
    let name = |role: &String| if role == "PUBLIC" { role.clone() } else { quote_name(role) };
    roles.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// `ALTER TABLE … DISABLE TRIGGER …`, and the like.
pub fn enable(id: &ObjectId, what: &str, enabled: char) -> String {
    let action = match enabled {
        'D' => "DISABLE",
        'R' => "ENABLE REPLICA",
        'A' => "ENABLE ALWAYS",
        _ => "ENABLE",
    };
    format!("ALTER TABLE {} {action} {what} {}", id.table_sql(), quote_name(&id.name))
}

/// The statements that give an object, which was just made, its owner and the rights of roles.
pub fn rights(object: &Object, rights: &Rights) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(rights.owner.as_ref().map(|owner| format!("ALTER {} OWNER TO {owner}", named(object))));
    if rights.is_set {
        out.push(format!("REVOKE ALL ON {} FROM PUBLIC", granted(object)));
    }
    out.extend(rights.grants.iter().map(|right| grant(right, right.column.as_deref(), &granted(object))));
    out
}

/// The statements that give the rights on one column back: `column` is its name now.
pub fn column_rights(table: &ObjectId, rights: &Rights, before: &str, column: &str) -> Vec<String> {
    let of_column = rights.grants.iter().filter(|right| right.column.as_deref() == Some(before));
    of_column.map(|right| grant(right, Some(column), &format!("TABLE {}", table.sql()))).collect()
}

/// `GRANT … ON … TO …`
pub fn grant(right: &Grant, column: Option<&str>, on: &str) -> String {
    let column = column.map(|column| format!(" ({})", quote_name(column))).unwrap_or_default();
    let option = if right.grantable { " WITH GRANT OPTION" } else { "" };
    format!("GRANT {}{column} ON {on} TO {}{option}", right.right, right.role)
}

/// The object as `GRANT` names it, which knows views as tables.
fn granted(object: &Object) -> String {
    let name = object.id.sql();
    match object.id.kind {
        Kind::View | Kind::MaterializedView => format!("TABLE {name}"),
        Kind::Aggregate => named(object).replacen("AGGREGATE", "FUNCTION", 1),
        Kind::Enum | Kind::Range | Kind::Domain => format!("TYPE {name}"),
        _ => named(object),
    }
}

/// `COMMENT ON …`, where the object has one.
pub fn comment(object: &Object) -> Option<String> {
    object.comment.as_ref().map(|text| set_comment(object, Some(text)))
}

/// `COMMENT ON … IS …`
pub fn set_comment(object: &Object, text: Option<&String>) -> String {
    format!("COMMENT ON {} IS {}", named(object), text.map_or("NULL".to_owned(), |text| quote_literal(text)))
}

/// `COMMENT ON COLUMN …`
pub fn column_comment(table: &str, column: &str, text: Option<&String>) -> String {
    let text = text.map_or("NULL".to_owned(), |text| quote_literal(text));
    format!("COMMENT ON COLUMN {table}.{} IS {text}", quote_name(column))
}

/// The object as `DROP`, `ALTER` and `COMMENT ON` name it: its kind and its name.
pub fn named(object: &Object) -> String {
    let id = &object.id;
    let name = id.sql();
    match id.kind {
        Kind::Namespace => format!("SCHEMA {name}"),
        Kind::Extension => format!("EXTENSION {name}"),
        Kind::Collation => format!("COLLATION {name}"),
        Kind::Enum | Kind::Composite | Kind::Range => format!("TYPE {name}"),
        Kind::Domain => format!("DOMAIN {name}"),
        Kind::Sequence => format!("SEQUENCE {name}"),
        Kind::Routine => {
            let is_procedure = matches!(&object.body, Body::Routine(routine) if routine.procedure);
            format!("{} {name}({})", if is_procedure { "PROCEDURE" } else { "FUNCTION" }, id.arguments)
        }
        Kind::Aggregate => {
            let arguments = if id.arguments.is_empty() { "*" } else { &id.arguments };
            format!("AGGREGATE {name}({arguments})")
        }
        Kind::Table => format!("TABLE {name}"),
        Kind::Index => format!("INDEX {name}"),
        Kind::View => format!("VIEW {name}"),
        Kind::MaterializedView => format!("MATERIALIZED VIEW {name}"),
        Kind::Statistics => format!("STATISTICS {name}"),
        Kind::Constraint => format!("CONSTRAINT {name} ON {}", id.table_sql()),
        Kind::Rule => format!("RULE {name} ON {}", id.table_sql()),
        Kind::Trigger => format!("TRIGGER {name} ON {}", id.table_sql()),
        Kind::Policy => format!("POLICY {name} ON {}", id.table_sql()),
        Kind::Other => name,
    }
}

/// The statement that takes an object away. Never with CASCADE: what else would go has to be in the plan.
pub fn drop(object: &Object) -> String {
    match object.id.kind {
        Kind::Constraint => {
            format!("ALTER TABLE {} DROP CONSTRAINT {}", object.id.table_sql(), quote_name(&object.id.name))
        }
        _ => format!("DROP {}", named(object)),
    }
}
