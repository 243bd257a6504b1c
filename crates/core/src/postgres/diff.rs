//! [`Schema`] × [`Schema`] → changes, for PostgreSQL.
//!
//! Pure functions. [`resolve`](super::resolve) finds which table or column is which; the caller has PostgreSQL do the
//! renames in a scratch database and reads what the schema is called then, because names stand in the texts of views,
//! checks and defaults, and PostgreSQL knows best how to change them. [`diff`] compares that with the target.

use std::collections::BTreeMap;

use super::print::changed_options;
use super::resolve::Merge;
use super::schema::{Body, Column, Constraint, Demands, Identity, Index, Object, ObjectId, Rights, Schema, Table};
use crate::diff::Note;

/// One difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An object is new.
    Create(Box<Object>),
    /// An object is gone.
    Drop(Box<Object>),
    /// An object is another, in one or more parts.
    Alter(Box<Alteration>),
}

/// How an object differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    /// As it is, under the names it is to have.
    pub before: Object,
    /// As it is to be.
    pub after: Object,
    /// The single differences.
    pub parts: Vec<Part>,
}

/// One difference within an object.
#[expect(clippy::large_enum_variant, reason = "a plan has a handful of them, and boxes would show in every match")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The name, or the schema.
    Rename(ObjectId),
    /// A column's name.
    RenameColumn {
        /// The old name.
        before: String,
        /// The new name.
        after: String,
    },
    /// A column is new.
    AddColumn(Column),
    /// A column is gone.
    DropColumn(Column),
    /// A column is another.
    AlterColumn {
        /// As it is.
        before: Column,
        /// As it is to be.
        after: Column,
    },
    /// The order of columns, where it was asked to count.
    ColumnOrder,
    /// A label of an enum is new.
    AddValue {
        /// The label.
        label: String,
        /// The label it stands before; none where it is the last.
        before: Option<String>,
    },
    /// A label of an enum has another name.
    RenameValue {
        /// The old name.
        before: String,
        /// The new name.
        after: String,
    },
    /// Labels of an enum are gone or stand in another order: it is made anew.
    RemakeEnum {
        /// Labels that are gone, and what each becomes.
        gone: Vec<(String, Option<String>)>,
    },
    /// A setting of a table, sequence, domain or view.
    Setting {
        /// What is set.
        what: &'static str,
        /// As it is.
        before: String,
        /// As it is to be.
        after: String,
    },
    /// The comment.
    Comment,
    /// The statement that makes it.
    Definition,
    /// All rows are to be checked.
    Validate,
    /// An index that a stopped build has left, and that nobody can use.
    Invalid,
    /// Something is kept for old clients, or no longer.
    Kept(String),
}

/// What the text of a declared schema says besides its statements.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Tables and their old names.
    pub tables: Vec<(ObjectId, String)>,
    /// Tables, columns and their old names.
    pub columns: Vec<(ObjectId, String, String)>,
    /// Tables, columns, and the expression that gives rows their value.
    pub backfills: Vec<(ObjectId, String, String)>,
}

/// The differences between a schema under its new names and the target, and what is worth telling.
pub fn diff(before: &Schema, after: &Schema, strict_order: bool, merges: &[Merge]) -> (Vec<Change>, Vec<Note>) {
    let (mut gone, mut changes, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut drop = |id: &ObjectId, object: &Object| {
        let is_taken_over = |index: &Index| index.valid && becomes_part(after, index, id);
        if !matches!(&object.body, Body::Other { .. })
            && !matches!(&object.body, Body::Index(index) if is_taken_over(index))
        {
            gone.push(Change::Drop(Box::new(object.clone())));
        }
    };
    // Both are in order: none is searched for.
    let mut old_objects = before.objects.iter().peekable();
    for (id, object) in &after.objects {
        while let Some((id, object)) = old_objects.next_if(|(old, _)| *old < id) {
            drop(id, object);
        }
        let Some((_, old)) = old_objects.next_if(|(old, _)| *old == id) else {
            changes.push(Change::Create(Box::new(object.clone())));
            continue;
        };
        if old == object && !follows_others(object) {
            continue;
        }
        let parts = parts(before, after, old, object, strict_order, merges, &mut notes);
        if !parts.is_empty() {
            changes.push(Change::Alter(Box::new(Alteration { before: old.clone(), after: object.clone(), parts })));
        }
    }
    for (id, object) in old_objects {
        drop(id, object);
    }
    gone.append(&mut changes);
    (gone, notes)
}

/// Whether an object may have to change though it is what it is to be: what its parents or its parts do, it does too.
fn follows_others(object: &Object) -> bool {
    match &object.body {
        Body::Table(table) => table.has_parents(),
        Body::Index(index) => !index.attached.is_empty(),
        _ => false,
    }
}

/// Whether an index becomes a part of that of a partitioned table.
fn becomes_part(after: &Schema, index: &Index, id: &ObjectId) -> bool {
    after.objects.values().any(|object| match &object.body {
        Body::Index(whole) => whole.attached.iter().any(|part| part.table == index.table && part.id() == *id),
        _ => false,
    })
}

/// How the indexes of partitions differ that are there before and after: one is missing, or has another name.
fn other_parts(schemas: (&Schema, &Schema), before: &Index, after: &Index) -> (String, String) {
    let is_partition =
        |schema: &Schema, table: &ObjectId| schema.table(table).is_some_and(|table| table.partition_of.is_some());
    let list = |index: &Index| -> Vec<String> {
        let both = |table: &ObjectId| is_partition(schemas.0, table) && is_partition(schemas.1, table);
        let mut names: Vec<String> =
            index.attached.iter().filter(|part| both(&part.table)).map(|part| part.id().shown()).collect();
        names.sort();
        names
    };
    let (b, a) = (list(before), list(after));
    let only = |of: &[String], other: &[String]| -> String {
        of.iter().filter(|name| !other.contains(name)).cloned().collect::<Vec<_>>().join(", ")
    };
    (only(&b, &a), only(&a, &b))
}

fn parts(
    schema_before: &Schema,
    schema_after: &Schema,
    before: &Object,
    after: &Object,
    strict_order: bool,
    merges: &[Merge],
    notes: &mut Vec<Note>,
) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut set = |what: &'static str, before: String, after: String| {
        if before != after {
            parts.push(Part::Setting { what, before, after });
        }
    };
    match (&before.body, &after.body) {
        (Body::Table(b), Body::Table(a)) => {
            set("unlogged", b.unlogged.to_string(), a.unlogged.to_string());
            set("row level security", b.row_security.to_string(), a.row_security.to_string());
            set("forced row level security", b.force_row_security.to_string(), a.force_row_security.to_string());
            set("options", b.options.join(", "), a.options.join(", "));
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            set("replica identity", text(&b.replica_identity), text(&a.replica_identity));
            set("clustered on", text(&b.clustered_on), text(&a.clustered_on));
            set("partition by", text(&b.partition_by), text(&a.partition_by));
            set("tablespace", text(&b.tablespace), text(&a.tablespace));
            set("access method", text(&b.access_method), text(&a.access_method));
            set("of type", text(&b.of_type), text(&a.of_type));
            let bound =
                |t: &Table| t.partition_of.as_ref().map(|(p, b)| format!("{} {b}", p.sql())).unwrap_or_default();
            set("partition of", bound(b), bound(a));
            let parents = |t: &Table| t.inherits.iter().map(ObjectId::sql).collect::<Vec<_>>().join(", ");
            set("inherits", parents(b), parents(a));
            column_parts(schema_before, schema_after, &after.id, (b, a), strict_order, &mut parts, notes);
        }
        (Body::Enum(b), Body::Enum(a)) => enum_parts(&after.id, b, a, merges, &mut parts),
        (Body::Sequence(b), Body::Sequence(a)) => {
            set("numbers", super::print::numbers(&b.numbers), super::print::numbers(&a.numbers));
            set("unlogged", b.unlogged.to_string(), a.unlogged.to_string());
            let owner = |o: &Option<(ObjectId, String)>| {
                o.as_ref().map(|(t, c)| format!("{}.{c}", t.sql())).unwrap_or_default()
            };
            set("owned by", owner(&b.owned_by), owner(&a.owned_by));
        }
        (Body::Domain(b), Body::Domain(a)) => {
            set("type", b.data_type.clone(), a.data_type.clone());
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            set("collation", text(&b.collation), text(&a.collation));
            set("default", text(&b.default), text(&a.default));
            set("not null", b.not_null.to_string(), a.not_null.to_string());
            if b.checks != a.checks {
                let list = |d: &super::schema::Domain| {
                    d.checks.iter().map(|c| format!("{} {}", c.name, c.definition)).collect::<Vec<_>>().join(", ")
                };
                set("checks", list(b), list(a));
            }
        }
        (Body::Constraint(b), Body::Constraint(a)) => {
            let same = Constraint { valid: true, references: a.references.clone(), ..b.clone() }
                == Constraint { valid: true, ..a.clone() };
            // A key of a partitioned table that not all partitions have cannot be completed in place.
            let is_key = matches!(b.demands, Demands::PrimaryKey | Demands::Unique);
            if !same || (b.valid && !a.valid) || (is_key && !b.valid && a.valid) {
                parts.push(Part::Definition);
            } else if !b.valid && a.valid {
                parts.push(Part::Validate);
            }
        }
        (Body::Index(b), Body::Index(a)) => {
            if b.definition != a.definition || b.table != a.table {
                parts.push(Part::Definition);
            } else if !b.valid && a.valid {
                parts.push(Part::Invalid);
            } else {
                set("statistics", format!("{:?}", b.statistics), format!("{:?}", a.statistics));
                let (gone, new) = other_parts((schema_before, schema_after), b, a);
                set(PARTS, gone, new);
            }
        }
        (Body::View(b), Body::View(a)) => {
            // Whether a materialised one holds rows is no part of a schema: dumps declare all of them without.
            if b.query != a.query || b.columns != a.columns || b.tablespace != a.tablespace {
                parts.push(Part::Definition);
            } else {
                set("options", b.options.join(", "), a.options.join(", "));
                set("column comments", format!("{:?}", b.comments), format!("{:?}", a.comments));
                set("column defaults", format!("{:?}", b.defaults), format!("{:?}", a.defaults));
            }
        }
        (Body::Trigger(b), Body::Trigger(a)) | (Body::Rule(b), Body::Rule(a)) => {
            if b.definition != a.definition {
                parts.push(Part::Definition);
            } else {
                set("enabled", b.enabled.to_string(), a.enabled.to_string());
            }
        }
        (Body::Extension { schema: b }, Body::Extension { schema: a }) => set("schema", b.clone(), a.clone()),
        (Body::Namespace, Body::Namespace) | (Body::Other { .. }, Body::Other { .. }) => {}
        (b, a) if b != a => parts.push(Part::Definition),
        _ => {}
    }
    if before.comment != after.comment {
        parts.push(Part::Comment);
    }
    parts
}

/// A column of a child as it will be when the parent's column has changed.
fn as_inherited(own: &Column, parent_before: &Column, parent_after: &Column) -> Column {
    fn follow<T: PartialEq + Clone>(own: &T, before: &T, after: &T) -> T {
        if before != after && own == before { after.clone() } else { own.clone() }
    }
    let (b, a) = (parent_before, parent_after);
    Column {
        data_type: follow(&own.data_type, &b.data_type, &a.data_type),
        collation: follow(&own.collation, &b.collation, &a.collation),
        not_null: follow(&own.not_null, &b.not_null, &a.not_null),
        default: follow(&own.default, &b.default, &a.default),
        generated: follow(&own.generated, &b.generated, &a.generated),
        identity: follow(&own.identity, &b.identity, &a.identity),
        ..own.clone()
    }
}

fn column_parts(
    schema_before: &Schema,
    schema_after: &Schema,
    id: &ObjectId,
    (before, after): (&Table, &Table),
    strict_order: bool,
    parts: &mut Vec<Part>,
    notes: &mut Vec<Note>,
) {
    // What the parents do, their children do too.
    let parents: Vec<&ObjectId> = after.partition_of.iter().map(|(parent, _)| parent).chain(&after.inherits).collect();
    let kept = |parent: &&&ObjectId| {
        let all = before.partition_of.iter().map(|(parent, _)| parent).chain(&before.inherits);
        all.into_iter().any(|other| other == **parent)
    };
    let inherited = |schema: &Schema, name: &str| -> Option<Column> {
        parents.iter().filter(kept).find_map(|parent| schema.table(parent)?.column(name).cloned())
    };
    for column in &after.columns {
        let (above_before, above_after) =
            (inherited(schema_before, &column.name), inherited(schema_after, &column.name));
        match (before.column(&column.name), above_before, above_after) {
            (None, None, Some(_)) => {}
            (None, ..) => parts.push(Part::AddColumn(column.clone())),
            (Some(old), above_before, above_after) => {
                let old = match (above_before, above_after) {
                    (Some(b), Some(a)) => as_inherited(old, &b, &a),
                    _ => old.clone(),
                };
                // Rights are no part of a declared schema.
                let identity = old.identity.clone().map(|i| Identity { rights: Rights::default(), ..i });
                let old = Column { identity, ..old };
                let same = Column { local: column.local, ..old.clone() };
                let named = |c: &Column| Column {
                    identity: c.identity.clone().map(|i| Identity {
                        sequence: String::new(),
                        rights: Rights::default(),
                        ..i
                    }),
                    ..c.clone()
                };
                if named(&same) != named(column) {
                    parts.push(Part::AlterColumn { before: old, after: column.clone() });
                }
            }
        }
    }
    for column in &before.columns {
        let goes_above = inherited(schema_before, &column.name).is_some()
            && inherited(schema_after, &column.name).is_none()
            && !column.local;
        if after.column(&column.name).is_none()
            && !goes_above
            && !(before.partition_of.is_some() && after.partition_of.is_some())
        {
            parts.push(Part::DropColumn(column.clone()));
        }
    }
    let stays = |c: &&Column| after.column(&c.name).is_some();
    let added = after.columns.iter().filter(|c| before.column(&c.name).is_none());
    let stored: Vec<String> = before.columns.iter().filter(stays).chain(added).map(|c| c.name.clone()).collect();
    let declared: Vec<String> = after.columns.iter().map(|c| c.name.clone()).collect();
    if stored != declared {
        if strict_order {
            parts.push(Part::ColumnOrder);
        } else {
            notes.push(Note::ColumnOrder { table: id.shown(), stored, declared });
        }
    }
}

fn enum_parts(id: &ObjectId, labels: &[String], after: &[String], merges: &[Merge], parts: &mut Vec<Part>) {
    let becomes = |label: &String| {
        merges.iter().find(|merge| merge.of == *id && merge.before == *label).map(|merge| merge.after.clone())
    };
    let gone: Vec<(String, Option<String>)> =
        labels.iter().filter(|label| !after.contains(label)).map(|label| (label.clone(), becomes(label))).collect();
    let kept: Vec<&String> = labels.iter().filter(|label| after.contains(label)).collect();
    let wanted: Vec<&String> = after.iter().filter(|label| labels.contains(label)).collect();
    if !gone.is_empty() || kept != wanted {
        parts.push(Part::RemakeEnum { gone });
        return;
    }
    // From the end: each stands before one that is there by then.
    let mut next: Option<&String> = None;
    let mut added = Vec::new();
    for label in after.iter().rev() {
        if !labels.contains(label) {
            added.push(Part::AddValue { label: label.clone(), before: next.cloned() });
        }
        next = Some(label);
    }
    parts.extend(added);
}

/// The setting that says which indexes of partitions an index is made of.
pub const PARTS: &str = "indexes of partitions";

/// What still differs from the target, in words; nothing where the way was right.
pub fn remaining(found: &Schema, target: &Schema) -> Vec<String> {
    let (mut changes, _) = diff(found, target, false, &[]);
    // PostgreSQL names the indexes of new partitions. What has to be is that a declared constraint's index is a part.
    changes.retain_mut(|change| {
        let Change::Alter(alteration) = change else { return true };
        let constrained = |object: &Object, schema: &Schema| match &object.body {
            Body::Index(index) => index.attached.iter().any(|part| schema.get(&part.constraint()).is_some()),
            _ => false,
        };
        let matters = constrained(&alteration.after, target) || constrained(&alteration.before, found);
        alteration.parts.retain(|part| matters || !matches!(part, Part::Setting { what: PARTS, .. }));
        !alteration.parts.is_empty()
    });
    changes
        .iter()
        .map(|change| {
            let parts = match change {
                Change::Alter(alteration) => alteration.parts.iter().map(Part::describe).collect::<Vec<_>>().join(", "),
                _ => String::new(),
            };
            format!("{} {}{}{parts}", change.sign(), change.id(), if parts.is_empty() { "" } else { ": " })
        })
        .collect()
}

impl Change {
    /// The object, by its name after the change.
    pub fn id(&self) -> &ObjectId {
        match self {
            Change::Create(object) | Change::Drop(object) => &object.id,
            Change::Alter(alteration) => &alteration.after.id,
        }
    }

    /// `+`, `-` or `~`.
    pub fn sign(&self) -> char {
        match self {
            Change::Create(_) => '+',
            Change::Drop(_) => '-',
            Change::Alter(_) => '~',
        }
    }
}

impl Part {
    /// `+`, `-` or `~`.
    pub fn sign(&self) -> char {
        match self {
            Part::AddColumn(_) | Part::AddValue { .. } => '+',
            Part::DropColumn(_) => '-',
            _ => '~',
        }
    }

    /// The kind of part, for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Part::Rename(_) => "rename",
            Part::RenameColumn { .. } => "rename_column",
            Part::AddColumn(_) => "add_column",
            Part::DropColumn(_) => "drop_column",
            Part::AlterColumn { .. } => "alter_column",
            Part::ColumnOrder => "column_order",
            Part::AddValue { .. } => "add_value",
            Part::RenameValue { .. } => "rename_value",
            Part::RemakeEnum { .. } => "remake_enum",
            Part::Setting { .. } => "setting",
            Part::Comment => "comment",
            Part::Definition => "definition",
            Part::Validate => "validate",
            Part::Invalid => "invalid",
            Part::Kept(_) => "kept",
        }
    }

    /// The part in words.
    pub fn describe(&self) -> String {
        match self {
            Part::Rename(before) => format!("renamed from {}", before.shown()),
            Part::RenameColumn { before, after } => format!("{before} → {after}"),
            Part::AddColumn(column) => super::print::column(column, "public"),
            Part::DropColumn(column) => format!("{} {}", column.name, column.data_type),
            Part::AlterColumn { before, after } => alteration_text(before, after),
            Part::ColumnOrder => "order of columns".to_owned(),
            Part::AddValue { label, before: Some(before) } => format!("'{label}' before '{before}'"),
            Part::AddValue { label, before: None } => format!("'{label}'"),
            Part::RenameValue { before, after } => format!("'{before}' → '{after}'"),
            Part::RemakeEnum { gone } if gone.is_empty() => "another order of labels".to_owned(),
            Part::RemakeEnum { gone } => {
                let text = |(label, to): &(String, Option<String>)| match to {
                    Some(to) => format!("'{label}' becomes '{to}'"),
                    None => format!("'{label}' is gone"),
                };
                gone.iter().map(text).collect::<Vec<_>>().join(", ")
            }
            Part::Setting { what, before, after } => {
                let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
                format!("{what}: {} → {}", shown(before), shown(after))
            }
            Part::Comment => "comment".to_owned(),
            Part::Definition => "definition".to_owned(),
            Part::Validate => "all rows are checked".to_owned(),
            Part::Invalid => "not valid, built anew".to_owned(),
            Part::Kept(text) => text.clone(),
        }
    }
}

fn alteration_text(before: &Column, after: &Column) -> String {
    let mut out: BTreeMap<usize, String> = BTreeMap::new();
    let mut say = |text: String| {
        let at = out.len();
        out.insert(at, text);
    };
    if before.data_type != after.data_type {
        say(format!("{} → {}", before.data_type, after.data_type));
    }
    if before.collation != after.collation {
        let shown = |c: &Option<String>| c.clone().unwrap_or_else(|| "the type's collation".to_owned());
        say(format!("{} → {}", shown(&before.collation), shown(&after.collation)));
    }
    if before.not_null != after.not_null {
        say(if after.not_null { "NULL → NOT NULL" } else { "NOT NULL → NULL" }.to_owned());
    }
    if before.default != after.default {
        let shown = |d: &Option<String>| d.as_ref().map_or("no default".to_owned(), |d| format!("DEFAULT {d}"));
        say(format!("{} → {}", shown(&before.default), shown(&after.default)));
    }
    if before.generated != after.generated {
        let shown = |g: &Option<super::schema::Generated>| {
            g.as_ref().map_or("not generated".to_owned(), |g| format!("GENERATED AS ({})", g.expression))
        };
        say(format!("{} → {}", shown(&before.generated), shown(&after.generated)));
    }
    if before.identity != after.identity {
        let shown = |i: &Option<Identity>| match i {
            Some(i) if i.always => "GENERATED ALWAYS AS IDENTITY",
            Some(_) => "GENERATED BY DEFAULT AS IDENTITY",
            None => "no identity",
        };
        let (from, to) = (shown(&before.identity), shown(&after.identity));
        say(if from == to { "numbers of the identity".to_owned() } else { format!("{from} → {to}") });
    }
    if before.comment != after.comment {
        say("comment".to_owned());
    }
    let (gone, new) = changed_options(&before.options, &after.options);
    let settings = before.storage != after.storage
        || before.compression != after.compression
        || before.statistics != after.statistics
        || !gone.is_empty()
        || !new.is_empty();
    if settings {
        say("storage settings".to_owned());
    }
    format!("{} {}", after.name, out.into_values().collect::<Vec<_>>().join(", "))
}
