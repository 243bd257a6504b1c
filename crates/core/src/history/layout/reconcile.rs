//! Files beside their journal: the journal says which migrations exist, and what they said when they were made.
//!
//! Each difference is told once, with the code of what most likely happened to the file: it was edited, renamed,
//! renumbered, deleted, or came in without the journal. A file that is found again by its text, its number or its name
//! is neither deleted nor new.

use std::collections::HashSet;

use super::{BESIDE, Found, Layout, own, shown};
use crate::dialect::Dialect;
use crate::error::{Code, Error, Result};
use crate::history::journal::{Entry, Journal};
use crate::history::{Checksum, Files, Migration, Problem, same_version};

pub(super) fn reconcile(
    layout: Layout,
    migrations: &mut [Migration],
    journal: &Journal,
    files: &dyn Files,
    paths: &[String],
    problems: &mut Vec<Problem>,
) -> Result<()> {
    let squashed = &mut squashed(layout, journal.dialect, files, paths)?;
    let (taken, places, twice) = (HashSet::new(), Vec::new(), HashSet::new());
    let mut pairs = Pairs { name: layout.journal(), migrations, journal, taken, places, twice };
    pairs.find_listed(problems);
    pairs.find_changed(problems);
    pairs.find_unlisted(problems);
    pairs.check_order(problems);
    for (entry, place) in journal.entries.iter().zip(&pairs.places) {
        let Some(migration) = place.and_then(|place| pairs.migrations.get_mut(place)) else { continue };
        migration.seeds = entry.seeds;
        let originals = entry.squashes.iter().map(|original| take_original(squashed, original));
        migration.replaces = originals.collect::<Vec<_>>().into();
    }
    Ok(())
}

/// Whether a file may be what became of an entry.
type Test<'t> = dyn Fn(&Migration, &Entry) -> bool + 't;

/// Which entry is of which file.
struct Pairs<'f> {
    /// The journal's path.
    name: String,
    migrations: &'f mut [Migration],
    journal: &'f Journal,
    /// The places of files that have an entry.
    taken: HashSet<usize>,
    /// For each entry the place of its file.
    places: Vec<Option<usize>>,
    /// The entries whose file has another entry.
    twice: HashSet<usize>,
}

impl Pairs<'_> {
    /// Finds the files that are called as their entries say.
    fn find_listed(&mut self, problems: &mut Vec<Problem>) {
        for (n, entry) in self.journal.entries.iter().enumerate() {
            let is_tag = |m: &Migration| m.tag() == entry.tag();
            let is_named = |m: &Migration| same_version(&m.version, &entry.version) && m.name == entry.name;
            let place = self.migrations.iter().position(is_tag).or_else(|| self.migrations.iter().position(is_named));
            let is_new = place.is_none_or(|place| self.taken.insert(place));
            if !is_new {
                self.twice.insert(n);
                let tag = shown(&entry.tag());
                problems.push(
                    Problem::new(
                        Code::MigrationDuplicate,
                        Some(entry.idx),
                        &tag,
                        format!("{tag} stands twice in {}", self.name),
                    )
                    .help("take one of the two lines out"),
                );
            }
            self.places.push(place.filter(|_| is_new));
            if let Some(migration) = place.filter(|_| is_new).map(|place| &self.migrations[place])
                && entry.checksum() != Some(migration.checksum)
            {
                problems.push(stale(migration));
            }
        }
    }

    /// Finds what became of the other entries: by text first, because a text is the surest of a migration's marks.
    fn find_changed(&mut self, problems: &mut Vec<Problem>) {
        let nothing = Checksum::of_script(Dialect::Sqlite, "").ok();
        let is_text = |m: &Migration, e: &Entry| Some(m.checksum) == e.checksum();
        let is_number = |m: &Migration, e: &Entry| same_version(&m.version, &e.version);
        let is_name = |m: &Migration, e: &Entry| m.name == e.name && !m.name.is_empty();
        let tests: [&Test<'_>; 5] = [
            &|m, e| is_text(m, e) && is_number(m, e),
            &|m, e| is_text(m, e) && is_name(m, e),
            &|m, e| is_text(m, e) && Some(m.checksum) != nothing,
            &|m, e| is_number(m, e),
            &|m, e| is_name(m, e),
        ];
        let gone: Vec<usize> =
            (0..self.places.len()).filter(|n| self.places[*n].is_none() && !self.twice.contains(n)).collect();
        for test in tests {
            for &n in &gone {
                if self.places[n].is_none() {
                    let entry = &self.journal.entries[n];
                    let is_same = |place: &usize| !self.taken.contains(place) && test(&self.migrations[*place], entry);
                    self.places[n] = (0..self.migrations.len()).find(is_same);
                    self.taken.extend(self.places[n]);
                }
            }
        }
        let mut moved = Vec::new();
        for n in gone {
            let entry = &self.journal.entries[n];
            match self.places[n].map(|place| &self.migrations[place]) {
                Some(migration) if is_number(migration, entry) => problems.push(self.renamed(entry, migration)),
                Some(migration) => moved.push((entry, migration)),
                None => self.tell_missing(entry, problems),
            }
        }
        problems.extend(self.moved(&moved));
    }

    fn find_unlisted(&self, problems: &mut Vec<Problem>) {
        for (_, migration) in self.migrations.iter().enumerate().filter(|(place, _)| !self.taken.contains(place)) {
            // One that has the number of another is told as such, and gets an entry with the next number.
            let tag = migration.tag();
            if problems.iter().any(|p| p.code == Code::MigrationDuplicate && p.name == tag) {
                continue;
            }
            let message = format!("{} does not stand in {}", migration.path, self.name);
            problems.push(
                Problem::new(Code::MigrationUnlisted, Some(migration.idx), tag, message)
                    .help("take it over with `whimbrel migrate repair`, or remove it"),
            );
        }
    }

    /// Whether the entries stand in the order in which the files run.
    fn check_order(&self, problems: &mut Vec<Problem>) {
        let is_told = |code| problems.iter().any(|p: &Problem| p.code == code);
        let places: Vec<(&Entry, usize)> = self
            .journal
            .entries
            .iter()
            .zip(&self.places)
            .filter_map(|(entry, place)| Some((entry, (*place)?)))
            .collect();
        let pair = places.windows(2).find(|pair| pair[0].1 > pair[1].1);
        if let Some([(first, _), (second, _)]) = pair.filter(|_| !is_told(Code::MigrationMoved)) {
            let (first, tag) = (shown(&first.tag()), shown(&second.tag()));
            problems.push(
                Problem::new(
                    Code::MigrationMoved,
                    Some(second.idx),
                    &tag,
                    format!("{tag} stands behind {first} in {}, and runs before it", self.name),
                )
                .help("`whimbrel migrate repair` puts the journal in the order of the files"),
            );
            return;
        }
        let mut numbers = HashSet::new();
        let same = places.iter().find(|(entry, _)| !numbers.insert(entry.idx));
        if let Some((entry, _)) = same.filter(|_| !is_told(Code::MigrationDuplicate)) {
            let tag = shown(&entry.tag());
            let message = format!("{tag} has the number of another migration in {}", self.name);
            problems.push(
                Problem::new(Code::MigrationDuplicate, Some(entry.idx), tag, message)
                    .help("`whimbrel migrate repair` takes the numbers of the files over"),
            );
        }
    }

    fn renamed(&self, entry: &Entry, migration: &Migration) -> Problem {
        let (then, now) = (shown(&entry.tag()), migration.tag());
        let message = match entry.checksum() == Some(migration.checksum) {
            true => format!("{then} is called {now} now, and {} does not know it", self.name),
            false => format!("{then} is called {now} now and was edited, and {} does not know it", self.name),
        };
        Problem::new(Code::MigrationRenamed, Some(entry.idx), &now, message)
            .help("give the file its name back, or take the new one over with `whimbrel migrate repair`")
    }

    /// One problem for all that moved: two that changed places moved once.
    fn moved(&self, moved: &[(&Entry, &Migration)]) -> Option<Problem> {
        const TOLD: usize = 3;
        let (first, migration) = moved.first()?;
        let told: Vec<String> =
            moved.iter().take(TOLD).map(|(entry, m)| format!("{} is {} now", shown(&entry.tag()), m.tag())).collect();
        let more = match moved.len().saturating_sub(TOLD) {
            0 => String::new(),
            n => format!(", so are {n} more"),
        };
        let message = format!("{}{more}, and {} does not know it", told.join(", "), self.name);
        Some(
            Problem::new(Code::MigrationMoved, Some(first.idx), migration.tag(), message)
                .help("give the files their numbers back, or take the new ones over with `whimbrel migrate repair`"),
        )
    }

    fn tell_missing(&self, entry: &Entry, problems: &mut Vec<Problem>) {
        let tag = shown(&entry.tag());
        // What is left of it, and the gap it leaves, are part of the same story.
        let is_same = |p: &Problem| p.name == tag || same_version(&p.name, &entry.version);
        problems.retain(|p| p.code != Code::MigrationMissing || !is_same(p));
        problems.push(
            Problem::new(
                Code::MigrationMissing,
                Some(entry.idx),
                &tag,
                format!("{tag} stands in {}, and its file is gone", self.name),
            )
            .help("put the file back; the newest migration is taken out with `whimbrel migrate drop --last`"),
        );
    }
}

fn stale(migration: &Migration) -> Problem {
    let message = format!("{} was edited after it was made: journal and snapshot are of the old text", migration.path);
    Problem::new(Code::MigrationStale, Some(migration.idx), migration.tag(), message)
        .help("take the new text over with `whimbrel migrate repair`, before it is released")
        .harmless()
}

/// The scripts of squashed migrations, which lie in a folder of their own.
fn squashed(layout: Layout, dialect: Dialect, files: &dyn Files, paths: &[String]) -> Result<Vec<Migration>> {
    let folder = match layout.meta() {
        BESIDE => ".whimbrel/squashed/",
        _ => "squashed/",
    };
    let inside: Vec<String> = paths.iter().filter_map(|p| p.strip_prefix(folder)).map(str::to_owned).collect();
    // What is wrong with one of them is told when the migration that it became is needed.
    let found = own::read(&Inside { files, folder }, &inside, &mut Vec::new())?;
    let moved = found.into_iter().map(|found| Found { path: format!("{folder}{}", found.path), ..found });
    moved.map(|found| found.migration(dialect)).collect()
}

/// The files of a folder inside the folder.
struct Inside<'f> {
    files: &'f dyn Files,
    folder: &'static str,
}

impl Files for Inside<'_> {
    fn list(&self) -> Result<Vec<String>> {
        Ok(self.files.list()?.iter().filter_map(|p| p.strip_prefix(self.folder)).map(str::to_owned).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.files.read(&format!("{}{path}", self.folder))
    }

    fn write(&mut self, path: &str, _: &[u8]) -> Result<()> {
        Err(Error::new(Code::MigrationFiles, format!("{path} cannot be written here")))
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        Err(Error::new(Code::MigrationFiles, format!("{path} cannot be removed here")))
    }
}

/// The migration that was squashed; where its file is gone, or is another one, all that is left is what the journal
/// says of it.
fn take_original(squashed: &mut [Migration], entry: &Entry) -> Migration {
    let checksum = entry.checksum().unwrap_or_default();
    let found = squashed.iter_mut().find(|m| same_version(&m.version, &entry.version) && m.checksum == checksum);
    let mut migration = found.map(std::mem::take).unwrap_or_else(|| Migration {
        version: entry.version.clone().into(),
        name: entry.name.clone().into(),
        checksum,
        hash: entry.hash.as_deref().and_then(|h| h.parse().ok()).unwrap_or_default(),
        transaction: true,
        ..Migration::default()
    });
    migration.idx = entry.idx;
    migration
}
