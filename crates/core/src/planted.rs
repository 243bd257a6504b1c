//! Mistakes that were really made in tools of this kind, planted on purpose, so that the tests can show that they would
//! find them.
//!
//! Each has one place in the engine, or two, where it would be made: a line that asks [`is`]. Without the feature
//! `planted-bugs` that is a constant `false`, and nothing of it is compiled. With the feature nothing is wrong either,
//! until a thread plants one; it is then wrong for that thread alone.
//!
//! **Invariant:** no released program is built with the feature. `torture` is the only crate that asks for it, and only
//! where it is asked to.

use crate::schema::Table;

macro_rules! planted {
    ($($name:ident: $about:literal,)*) => {
        /// A mistake.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Planted {
            $(#[doc = $about] $name,)*
        }

        #[cfg(feature = "planted-bugs")]
        impl Planted {
            /// All of them.
            pub const ALL: &'static [Planted] = &[$(Planted::$name,)*];

            /// What was done wrong, in a line.
            pub fn about(self) -> &'static str {
                match self {
                    $(Planted::$name => $about,)*
                }
            }
        }
    };
}

planted! {
    ForeignKeysLeftOn: "foreign keys are switched off inside of the transaction, where that does nothing",
    OldTableRenamedFirst: "a rebuild gives the old table another name first",
    VersionInAnotherTransaction: "the work is split over commits, with the version in the last one",
    SynchronousOff: "synchronous is set to OFF, to be faster",
    TriggerLost: "the triggers of a rebuilt table are not made again",
    SequenceLost: "the counter of AUTOINCREMENT is not carried over",
    IndexForgotten: "the indexes of a rebuilt table are not made again",
    DefaultDropped: "a rebuilt table has no defaults",
    RowidsNotKept: "rowids are given out anew",
    GeneratedColumnsCopied: "generated columns are copied like others",
    InsertOrIgnore: "rows are copied with OR IGNORE, and nobody asks which do not fit",
    RowsNotCounted: "the first portion of rows is taken for all, and the copy is not counted",
    ForeignKeyCheckLeftOut: "foreign keys are not checked before the commit",
    DeferredBegin: "the transaction is begun without EXCLUSIVE",
    NoSecondLook: "under the lock nobody looks whether the database is still the one that was read",
    LegacyAlterNotSet: "legacy_alter_table is left as it is when a rebuilt table gets its name",
    LegacyAlterNotPutBack: "legacy_alter_table is left on",
    QuotingForgotten: "one statement holds a name without quotes",
    ViewNotRecreated: "a view that stood in the way is not made again",
    CommitErrorTakenForRollback: "a commit that reports an error is taken for a rollback",
    BatchNotRaised: "every upgrade is recorded as the first",
    ChecksumOfBytes: "the checksum is of the bytes, and not of what the script says",
    EditAccepted: "a migration that was edited after it ran is taken as it is",
    NewerDatabaseWritten: "a database of a newer app is opened like any other",
    PhaseNotRecorded: "a phase is recorded when all of its migration is done",
    NoCaseNotAsked: "equal rows are looked for without the collation of the key",
    LossinessNotAsked: "nobody asks whether another type keeps the values",
    NotNullNotAsked: "nobody asks for rows without a value before NOT NULL is added",
    SchemaVersionNotRaised: "the catalogue is edited, and open connections are not told",
    TriggersFiredByBackfill: "a new column is filled by UPDATE, and the app's triggers fire",
    AutocommitNotAsked: "nobody asks whether the transaction is still open",
    SeedsForgotten: "a new database is made from the snapshot, without the rows that migrations insert",
    BackupOfTheFile: "the backup is a copy of the file, without what is still in the log",
    DownScriptWrong: "the script that is kept for the way back is the one for the way there",
    HoldNotReleased: "starts that failed are counted against the version that mends it, too",
    ThirdNameMissing: "two names are swapped without a third one",
    SearchNotFilled: "a full-text index is not filled again when its text changes",
    KeyOrderLost: "a table without rowids gets its key in the order of its columns",
    CollationDropped: "a rebuilt table has no collations",
    ConstraintsDropped: "a rebuilt table has no CHECK and no ON CONFLICT",
}

/// Whether this mistake is to be made.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub const fn is(_: Planted) -> bool {
    false
}

/// Never is: the compiler itself says so, and leaves out what depends on it.
#[cfg(not(feature = "planted-bugs"))]
const _: () = assert!(!is(Planted::ForeignKeysLeftOn));

/// Whether this mistake is to be made.
#[cfg(feature = "planted-bugs")]
pub fn is(bug: Planted) -> bool {
    planted() == Some(bug)
}

#[cfg(feature = "planted-bugs")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Planted>> = const { std::cell::Cell::new(None) };
}

/// The mistake that this thread makes.
#[cfg(feature = "planted-bugs")]
pub fn planted() -> Option<Planted> {
    PLANTED.get()
}

/// Has this thread make a mistake from now on, or none.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Planted>) {
    PLANTED.set(bug);
}

/// What a rebuild that forgets something makes of a table.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub(crate) fn spoil(_: &mut Table) {}

/// What a rebuild that forgets something makes of a table.
#[cfg(feature = "planted-bugs")]
pub(crate) fn spoil(table: &mut Table) {
    let whole = table.clone();
    match planted() {
        Some(Planted::DefaultDropped) => table.columns.iter_mut().for_each(|column| column.default = None),
        Some(Planted::CollationDropped) => table.columns.iter_mut().for_each(|column| column.collation = None),
        Some(Planted::ConstraintsDropped) => {
            table.checks.clear();
            table.columns.iter_mut().filter_map(|c| c.not_null.as_mut()).for_each(|n| n.on_conflict = None);
            table.uniques.iter_mut().for_each(|unique| unique.on_conflict = None);
            table.primary_key.iter_mut().for_each(|key| key.on_conflict = None);
        }
        Some(Planted::KeyOrderLost) if table.without_rowid => {
            let place = |name: &str| whole.columns.iter().position(|column| column.name == name);
            let columns = table.primary_key.iter_mut().map(|key| &mut key.columns);
            columns.for_each(|parts| {
                parts.sort_by_key(|part| match &part.term {
                    crate::schema::KeyTerm::Column(name) => place(name),
                    crate::schema::KeyTerm::Expression(_) => None,
                });
            });
        }
        _ => {}
    }
    // The author's text is kept where nothing was forgotten.
    if *table != whole {
        table.definition = None;
    }
}
