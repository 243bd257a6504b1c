//! Schema × schema → changes.
//!
//! A pure function: [`diff`] takes two schemas and the answers given so far, and returns what differs, each change
//! with its value before and after, and the questions that are still open. It knows nothing of SQL statements.
//!
//! **Invariant:** a rename is never assumed. It is answered, hinted at in the declared schema, or certain by stable id.

mod differences;
mod rename;
mod resolve;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub use differences::{Difference, differences};
pub(crate) use rename::needs_copy;
pub use rename::{Renames, TableRename};
pub use resolve::{Answer, Answers, Question, QuestionKind};

use crate::error::Result;
use crate::schema::{
    Check, Column, ForeignKey, Index, Meaning, PrimaryKey, Schema, Table, Trigger, Unique, View, VirtualTable, fold,
    same_name, type_meaning,
};

/// One difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A table is new.
    CreateTable(Table),
    /// A table is gone.
    DropTable(Table),
    /// A table is another, in one or more parts.
    AlterTable(Box<TableChange>),
    /// A virtual table is new.
    CreateVirtualTable(VirtualTable),
    /// A virtual table is gone.
    DropVirtualTable(VirtualTable),
    /// A virtual table has another module, other arguments or another name.
    AlterVirtualTable {
        /// As it is.
        before: VirtualTable,
        /// As it is to be.
        after: VirtualTable,
    },
    /// An index is new.
    CreateIndex(Index),
    /// An index is gone.
    DropIndex(Index),
    /// An index is another.
    AlterIndex {
        /// As it is.
        before: Index,
        /// As it is to be.
        after: Index,
    },
    /// A view is new.
    CreateView(View),
    /// A view is gone.
    DropView(View),
    /// A view is another.
    AlterView {
        /// As it is.
        before: View,
        /// As it is to be.
        after: View,
    },
    /// A trigger is new.
    CreateTrigger(Trigger),
    /// A trigger is gone.
    DropTrigger(Trigger),
    /// A trigger is another.
    AlterTrigger {
        /// As it is.
        before: Trigger,
        /// As it is to be.
        after: Trigger,
    },
}

/// How a table differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    /// As it is.
    pub before: Table,
    /// As it is, under the names it is to have: what is left of the change when all renames are done.
    pub renamed: Table,
    /// As it is to be.
    pub after: Table,
    /// The single differences.
    pub parts: Vec<Part>,
}

/// One difference within a table.
#[expect(clippy::large_enum_variant, reason = "a plan has a handful of them, and boxes would show in every match")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The table's name, or only the case of its letters.
    Rename,
    /// A column's name, or only the case of its letters.
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
    /// A column's type, nullability, default, collation or expression.
    AlterColumn {
        /// As it is, under its new name.
        before: Column,
        /// As it is to be.
        after: Column,
    },
    /// The primary key.
    PrimaryKey {
        /// As it is.
        before: Option<PrimaryKey>,
        /// As it is to be.
        after: Option<PrimaryKey>,
    },
    /// A UNIQUE constraint is new.
    AddUnique(Unique),
    /// A UNIQUE constraint is gone.
    DropUnique(Unique),
    /// A CHECK is new.
    AddCheck(Check),
    /// A CHECK is gone.
    DropCheck(Check),
    /// A foreign key is new.
    AddForeignKey(ForeignKey),
    /// A foreign key is gone.
    DropForeignKey(ForeignKey),
    /// STRICT is new (`true`) or gone.
    Strict(bool),
    /// WITHOUT ROWID is new (`true`) or gone.
    WithoutRowid(bool),
    /// The order of the columns, where it was asked to count.
    ColumnOrder,
}

/// Something a reader wants to know that is no change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The columns stand, or will stand, in another order than declared.
    ColumnOrder {
        /// The table.
        table: String,
        /// The order they will stand in.
        stored: Vec<String>,
        /// The order declared.
        declared: Vec<String>,
    },
}

/// What [`diff`] is told besides the two schemas.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether another order of columns is a change.
    pub strict_order: bool,
}

/// The differences between two schemas.
#[derive(Debug, Clone, Default)]
pub struct Diff {
    /// What differs. Empty where the schemas mean the same.
    pub changes: Vec<Change>,
    /// What must be answered before the changes can be trusted.
    pub questions: Vec<Question>,
    /// What is worth telling.
    pub notes: Vec<Note>,
    /// The renames among the changes.
    pub renames: Renames,
}

/// Compares two schemas.
///
/// ```
/// use whimbrel_core::{Schema, diff::{Answers, Change, Options, diff}};
/// let before = Schema::from_sql("CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT)")?;
/// let after = Schema::from_sql("CREATE TABLE users(id INTEGER PRIMARY KEY, email TEXT)")?;
///
/// let open = diff(&before, &after, &Answers::default(), &Options::default())?;
/// assert_eq!(open.questions[0].key(), "column:users.mail");
///
/// let mut answers = Answers::default();
/// answers.rename("users.mail", "email")?;
/// let done = diff(&before, &after, &answers, &Options::default())?;
/// assert!(done.questions.is_empty());
/// assert!(matches!(done.changes[..], [Change::AlterTable(_)]));
/// # Ok::<(), whimbrel_core::Error>(())
/// ```
///
/// # Errors
/// [`Code::UnknownName`](crate::Code::UnknownName) where an answer names what neither schema has.
pub fn diff(before: &Schema, after: &Schema, answers: &Answers, options: &Options) -> Result<Diff> {
    let resolve::Resolution { renames, questions } = resolve::resolve(before, after, answers)?;
    let renamed = renames.apply(before);
    let mut diff = Diff { questions, ..Diff::default() };

    let names_before: HashMap<String, (&Table, &Arc<Table>)> =
        before.tables.iter().zip(&renamed.tables).map(|(b, r)| (fold(&r.name), (&**b, r))).collect();
    let names_after: HashSet<String> = after.tables.iter().map(|t| fold(&t.name)).collect();
    for (before, renamed) in before.tables.iter().zip(&renamed.tables) {
        if !names_after.contains(&fold(&renamed.name)) {
            diff.changes.push(Change::DropTable(Table::clone(before)));
        }
    }
    for after in &after.tables {
        match names_before.get(&fold(&after.name)) {
            None => diff.changes.push(Change::CreateTable(Table::clone(after))),
            // The very same table: it was found word for word.
            Some((_, renamed)) if Arc::ptr_eq(renamed, after) => {}
            Some((before, renamed)) => {
                let parts = table_parts(before, renamed, after, options, &mut diff.notes);
                if !parts.is_empty() {
                    diff.changes.push(Change::AlterTable(Box::new(TableChange {
                        before: Table::clone(before),
                        renamed: Table::clone(renamed),
                        after: Table::clone(after),
                        parts,
                    })));
                }
            }
        }
    }
    let meaning = |b: &_, a: &_| Meaning::meaning(b) == Meaning::meaning(a);
    compare(
        before.virtual_tables.iter().zip(&renamed.virtual_tables),
        &after.virtual_tables,
        |t| &t.name,
        |b: &VirtualTable, r: &VirtualTable, a| Meaning::meaning(r) == Meaning::meaning(a) && b.name == a.name,
        [
            &|b, _| Change::DropVirtualTable(b.clone()),
            &|_, a| Change::CreateVirtualTable(a.clone()),
            &|before, after| Change::AlterVirtualTable { before: before.clone(), after: after.clone() },
        ],
        &mut diff.changes,
    );
    compare(
        before.indexes.iter().zip(&renamed.indexes),
        &after.indexes,
        |i| &i.name,
        |_, r: &Index, a| Meaning::meaning(r) == Meaning::meaning(a),
        [&|b, _| Change::DropIndex(b.clone()), &|_, a| Change::CreateIndex(a.clone()), &|before, after| {
            Change::AlterIndex { before: before.clone(), after: after.clone() }
        }],
        &mut diff.changes,
    );
    compare(
        before.views.iter().zip(&renamed.views),
        &after.views,
        |v| &v.name,
        |b, r: &View, a| Meaning::meaning(r) == Meaning::meaning(a) || meaning(b, a),
        [&|b, _| Change::DropView(b.clone()), &|_, a| Change::CreateView(a.clone()), &|before, after| {
            Change::AlterView { before: before.clone(), after: after.clone() }
        }],
        &mut diff.changes,
    );
    compare(
        before.triggers.iter().zip(&renamed.triggers),
        &after.triggers,
        |t| &t.name,
        |b, r: &Trigger, a| Meaning::meaning(r) == Meaning::meaning(a) || Meaning::meaning(b) == Meaning::meaning(a),
        [&|b, _| Change::DropTrigger(b.clone()), &|_, a| Change::CreateTrigger(a.clone()), &|before, after| {
            Change::AlterTrigger { before: before.clone(), after: after.clone() }
        }],
        &mut diff.changes,
    );
    diff.renames = renames;
    Ok(diff)
}

/// Makes a change of an object before and after; for what is new or gone both are the same.
type MakeChange<'a, T> = &'a dyn Fn(&T, &T) -> Change;

/// Compares objects that have no parts: what is gone first, then what is new or other, each in its own order.
fn compare<'a, T: 'a>(
    before: impl Iterator<Item = (&'a T, &'a T)>,
    after: &'a [T],
    name: impl Fn(&T) -> &str,
    same: impl Fn(&T, &T, &T) -> bool,
    [drop, create, alter]: [MakeChange<'_, T>; 3],
    changes: &mut Vec<Change>,
) {
    let wanted: HashMap<String, &T> = after.iter().map(|a| (fold(name(a)), a)).collect();
    let mut present = HashMap::new();
    for (original, renamed) in before {
        let key = fold(name(renamed));
        if !wanted.contains_key(&key) {
            changes.push(drop(original, original));
        }
        present.insert(key, (original, renamed));
    }
    for object in after {
        match present.get(&fold(name(object))) {
            None => changes.push(create(object, object)),
            Some((original, renamed)) if !same(original, renamed, object) => changes.push(alter(original, object)),
            Some(_) => {}
        }
    }
}

fn table_parts(before: &Table, renamed: &Table, after: &Table, options: &Options, notes: &mut Vec<Note>) -> Vec<Part> {
    let mut parts: Vec<Part> = parts_between(before, renamed, after).into_iter().map(PartOf::to_part).collect();
    let kept = || renamed.columns.iter().filter(|c| after.column(&c.name).is_some());
    let added = || after.columns.iter().filter(|c| renamed.column(&c.name).is_none());
    let stored = || kept().chain(added()).map(|c| &c.name);
    let declared = || after.columns.iter().map(|c| &c.name);
    if !stored().zip(declared()).all(|(a, b)| same_name(a, b)) {
        if options.strict_order {
            parts.push(Part::ColumnOrder);
        } else {
            let (stored, declared) = (stored().cloned().collect(), declared().cloned().collect());
            notes.push(Note::ColumnOrder { table: after.name.clone(), stored, declared });
        }
    }
    parts
}

/// The differences of a table but for the order of its columns. They are copied only where somebody keeps them.
fn parts_between<'t>(before: &'t Table, renamed: &'t Table, after: &'t Table) -> Vec<PartOf<'t>> {
    let mut parts = Vec::new();
    // The same text declares the same table, where nothing is renamed: of a thousand tables, most are done here.
    let is_written = before.definition.is_some() && std::ptr::eq(before, renamed);
    if is_written && before.definition == after.definition {
        return parts;
    }
    if before.name != after.name {
        parts.push(PartOf::Rename);
    }
    for (old, new) in before.columns.iter().zip(&renamed.columns) {
        if old.name != new.name && !resolve::is_aside(&new.name) {
            parts.push(PartOf::RenameColumn { before: &old.name, after: &new.name });
        }
    }
    for column in &after.columns {
        match renamed.column(&column.name) {
            None => parts.push(PartOf::AddColumn(column)),
            Some(old) if old.meaning() != column.meaning() => {
                parts.push(PartOf::AlterColumn { before: old, after: column });
            }
            Some(_) => {}
        }
    }
    for (old, new) in before.columns.iter().zip(&renamed.columns) {
        if after.column(&new.name).is_none() {
            parts.push(PartOf::DropColumn(old));
        }
    }
    let meaning = |key: &Option<PrimaryKey>| key.as_ref().map(Meaning::meaning);
    if meaning(&renamed.primary_key) != meaning(&after.primary_key) {
        let (before, after) = (renamed.primary_key.as_ref(), after.primary_key.as_ref());
        parts.push(PartOf::PrimaryKey { before, after });
    }
    set_parts(&renamed.uniques, &after.uniques, PartOf::DropUnique, PartOf::AddUnique, &mut parts);
    set_parts(&renamed.checks, &after.checks, PartOf::DropCheck, PartOf::AddCheck, &mut parts);
    set_parts(&renamed.foreign_keys, &after.foreign_keys, PartOf::DropForeignKey, PartOf::AddForeignKey, &mut parts);
    if renamed.strict != after.strict {
        parts.push(PartOf::Strict(after.strict));
    }
    if renamed.without_rowid != after.without_rowid {
        parts.push(PartOf::WithoutRowid(after.without_rowid));
    }
    parts
}

/// Compares constraints as multisets of meanings.
fn set_parts<'t, T: Meaning>(
    before: &'t [T],
    after: &'t [T],
    drop: fn(&'t T) -> PartOf<'t>,
    add: fn(&'t T) -> PartOf<'t>,
    parts: &mut Vec<PartOf<'t>>,
) {
    let meanings = |list: &[T]| list.iter().map(Meaning::meaning).collect::<Vec<_>>();
    let (gone, new) = unmatched(&meanings(before), &meanings(after));
    parts.extend(gone.into_iter().map(|n| drop(&before[n])));
    parts.extend(new.into_iter().map(|n| add(&after[n])));
}

/// The places of what is in one list only, each as often as it is there.
fn unmatched(before: &[String], after: &[String]) -> (Vec<usize>, Vec<usize>) {
    let mut taken = vec![false; after.len()];
    let mut gone = Vec::new();
    for (n, meaning) in before.iter().enumerate() {
        match (0..after.len()).find(|m| !taken[*m] && after[*m] == *meaning) {
            Some(m) => taken[m] = true,
            None => gone.push(n),
        }
    }
    (gone, (0..after.len()).filter(|m| !taken[*m]).collect())
}

impl TableChange {
    /// Columns that are in both, as (before, under its old name; after).
    pub fn kept_columns(&self) -> impl Iterator<Item = (&Column, &Column)> {
        let pairs = self.before.columns.iter().zip(&self.renamed.columns);
        pairs.filter_map(|(before, renamed)| Some((before, self.after.column(&renamed.name)?)))
    }
}

impl Change {
    /// The name of the object after the change, or before it where it is dropped.
    pub fn object(&self) -> &str {
        match self {
            Change::CreateTable(t) | Change::DropTable(t) => &t.name,
            Change::AlterTable(change) => &change.after.name,
            Change::CreateVirtualTable(t) | Change::DropVirtualTable(t) => &t.name,
            Change::AlterVirtualTable { after, .. } => &after.name,
            Change::CreateIndex(i) | Change::DropIndex(i) => &i.name,
            Change::AlterIndex { after, .. } => &after.name,
            Change::CreateView(v) | Change::DropView(v) => &v.name,
            Change::AlterView { after, .. } => &after.name,
            Change::CreateTrigger(t) | Change::DropTrigger(t) => &t.name,
            Change::AlterTrigger { after, .. } => &after.name,
        }
    }

    /// What kind of object it is about.
    pub fn object_kind(&self) -> &'static str {
        match self {
            Change::CreateTable(_) | Change::DropTable(_) | Change::AlterTable(_) => "table",
            Change::CreateVirtualTable(_) | Change::DropVirtualTable(_) | Change::AlterVirtualTable { .. } => {
                "virtual table"
            }
            Change::CreateIndex(_) | Change::DropIndex(_) | Change::AlterIndex { .. } => "index",
            Change::CreateView(_) | Change::DropView(_) | Change::AlterView { .. } => "view",
            Change::CreateTrigger(_) | Change::DropTrigger(_) | Change::AlterTrigger { .. } => "trigger",
        }
    }

    /// The sign a person reads: `+` new, `-` gone, `~` other.
    pub fn sign(&self) -> char {
        match self {
            Change::CreateTable(_)
            | Change::CreateVirtualTable(_)
            | Change::CreateIndex(_)
            | Change::CreateView(_)
            | Change::CreateTrigger(_) => '+',
            Change::DropTable(_)
            | Change::DropVirtualTable(_)
            | Change::DropIndex(_)
            | Change::DropView(_)
            | Change::DropTrigger(_) => '-',
            Change::AlterTable(_)
            | Change::AlterVirtualTable { .. }
            | Change::AlterIndex { .. }
            | Change::AlterView { .. }
            | Change::AlterTrigger { .. } => '~',
        }
    }
}

impl Part {
    /// The sign a person reads: `+` new, `-` gone, `~` other.
    pub fn sign(&self) -> char {
        PartOf::of(self).sign()
    }

    /// The difference in a few words, as a plan prints it behind the sign.
    pub fn describe(&self) -> String {
        PartOf::of(self).describe()
    }
}

/// A [`Part`] that is borrowed from the tables it is between: for whoever only tells of it.
#[derive(Clone, Copy)]
enum PartOf<'t> {
    Rename,
    RenameColumn { before: &'t str, after: &'t str },
    AddColumn(&'t Column),
    DropColumn(&'t Column),
    AlterColumn { before: &'t Column, after: &'t Column },
    PrimaryKey { before: Option<&'t PrimaryKey>, after: Option<&'t PrimaryKey> },
    AddUnique(&'t Unique),
    DropUnique(&'t Unique),
    AddCheck(&'t Check),
    DropCheck(&'t Check),
    AddForeignKey(&'t ForeignKey),
    DropForeignKey(&'t ForeignKey),
    Strict(bool),
    WithoutRowid(bool),
    ColumnOrder,
}

impl<'t> PartOf<'t> {
    fn of(part: &'t Part) -> PartOf<'t> {
        match part {
            Part::Rename => PartOf::Rename,
            Part::RenameColumn { before, after } => PartOf::RenameColumn { before, after },
            Part::AddColumn(column) => PartOf::AddColumn(column),
            Part::DropColumn(column) => PartOf::DropColumn(column),
            Part::AlterColumn { before, after } => PartOf::AlterColumn { before, after },
            Part::PrimaryKey { before, after } => PartOf::PrimaryKey { before: before.as_ref(), after: after.as_ref() },
            Part::AddUnique(unique) => PartOf::AddUnique(unique),
            Part::DropUnique(unique) => PartOf::DropUnique(unique),
            Part::AddCheck(check) => PartOf::AddCheck(check),
            Part::DropCheck(check) => PartOf::DropCheck(check),
            Part::AddForeignKey(key) => PartOf::AddForeignKey(key),
            Part::DropForeignKey(key) => PartOf::DropForeignKey(key),
            Part::Strict(is_new) => PartOf::Strict(*is_new),
            Part::WithoutRowid(is_new) => PartOf::WithoutRowid(*is_new),
            Part::ColumnOrder => PartOf::ColumnOrder,
        }
    }

    fn to_part(self) -> Part {
        match self {
            PartOf::Rename => Part::Rename,
            PartOf::RenameColumn { before, after } => {
                Part::RenameColumn { before: before.to_owned(), after: after.to_owned() }
            }
            PartOf::AddColumn(column) => Part::AddColumn(column.clone()),
            PartOf::DropColumn(column) => Part::DropColumn(column.clone()),
            PartOf::AlterColumn { before, after } => Part::AlterColumn { before: before.clone(), after: after.clone() },
            PartOf::PrimaryKey { before, after } => Part::PrimaryKey { before: before.cloned(), after: after.cloned() },
            PartOf::AddUnique(unique) => Part::AddUnique(unique.clone()),
            PartOf::DropUnique(unique) => Part::DropUnique(unique.clone()),
            PartOf::AddCheck(check) => Part::AddCheck(check.clone()),
            PartOf::DropCheck(check) => Part::DropCheck(check.clone()),
            PartOf::AddForeignKey(key) => Part::AddForeignKey(key.clone()),
            PartOf::DropForeignKey(key) => Part::DropForeignKey(key.clone()),
            PartOf::Strict(is_new) => Part::Strict(is_new),
            PartOf::WithoutRowid(is_new) => Part::WithoutRowid(is_new),
            PartOf::ColumnOrder => Part::ColumnOrder,
        }
    }

    fn sign(&self) -> char {
        match self {
            PartOf::AddColumn(_) | PartOf::AddUnique(_) | PartOf::AddCheck(_) | PartOf::AddForeignKey(_) => '+',
            PartOf::DropColumn(_) | PartOf::DropUnique(_) | PartOf::DropCheck(_) | PartOf::DropForeignKey(_) => '-',
            PartOf::Rename
            | PartOf::RenameColumn { .. }
            | PartOf::AlterColumn { .. }
            | PartOf::PrimaryKey { .. }
            | PartOf::Strict(_)
            | PartOf::WithoutRowid(_)
            | PartOf::ColumnOrder => '~',
        }
    }

    fn describe(&self) -> String {
        use crate::sqlite::print;
        // What makes way for a while is shown by its own name.
        let shown = |text: String| text.replace(resolve::ASIDE, "");
        let key = |key: Option<&PrimaryKey>| key.map_or_else(|| "none".to_owned(), print::primary_key_text);
        match *self {
            PartOf::Rename => "renamed".to_owned(),
            PartOf::RenameColumn { before, after } => format!("{before} → {after}"),
            PartOf::AddColumn(column) => print::column_text(column),
            PartOf::DropColumn(column) => column.name.clone(),
            PartOf::AlterColumn { before, after } => describe_column(before, after),
            PartOf::PrimaryKey { before, after } => format!("{} → {}", key(before), key(after)),
            PartOf::AddUnique(unique) | PartOf::DropUnique(unique) => print::unique_text(unique),
            PartOf::AddCheck(check) | PartOf::DropCheck(check) => print::check_text(check),
            PartOf::AddForeignKey(key) | PartOf::DropForeignKey(key) => shown(print::foreign_key_text(key)),
            PartOf::Strict(true) => "STRICT".to_owned(),
            PartOf::Strict(false) => "no longer STRICT".to_owned(),
            PartOf::WithoutRowid(true) => "WITHOUT ROWID".to_owned(),
            PartOf::WithoutRowid(false) => "no longer WITHOUT ROWID".to_owned(),
            PartOf::ColumnOrder => "order of columns".to_owned(),
        }
    }
}

/// What differs between two columns of one name: `body TEXT → TEXT NOT NULL`.
fn describe_column(before: &Column, after: &Column) -> String {
    let mut old = Vec::new();
    let mut new = Vec::new();
    let mut add = |b: Option<String>, a: Option<String>, none: &str| {
        if b != a {
            old.push(b.unwrap_or_else(|| none.to_owned()));
            new.push(a.unwrap_or_else(|| none.to_owned()));
        }
    };
    if type_meaning(&before.declared_type) != type_meaning(&after.declared_type) {
        let shown = |t: &str| Some(if t.is_empty() { "no type".to_owned() } else { t.to_owned() });
        add(shown(&before.declared_type), shown(&after.declared_type), "");
    }
    let not_null = |c: &Column| c.not_null.as_ref().map(|n| n.meaning().to_ascii_uppercase());
    add(not_null(before), not_null(after), "NULL");
    let default = |c: &Column| c.default.as_ref().map(|d| format!("DEFAULT {}", d.text()));
    if before.default != after.default {
        add(default(before), default(after), "no default");
    }
    let collation = |c: &Column| format!("COLLATE {}", c.effective_collation().to_ascii_uppercase());
    add(Some(collation(before)), Some(collation(after)), "");
    let generated = |c: &Column| {
        let kind = |stored| if stored { "STORED" } else { "VIRTUAL" };
        c.generated.as_ref().map(|g| format!("AS ({}) {}", g.expression.text(), kind(g.stored)))
    };
    if before.generated.as_ref().map(Meaning::meaning) != after.generated.as_ref().map(Meaning::meaning) {
        add(generated(before), generated(after), "not generated");
    }
    format!("{} {} → {}", after.name, old.join(" "), new.join(" "))
}
