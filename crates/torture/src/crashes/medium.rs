//! What is on the medium at a point of a disk's log, and what a crash leaves of it.
//!
//! It follows what SQLite assumes of a file system (<https://www.sqlite.org/atomiccommit.html#hardware>): what was synced
//! stays; of what was not, each sector may be there, be missing or be spoilt, in any combination; a name that came or went
//! lasts when the folder was synced. Where the device does not promise more, a write spoils its whole sectors.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::disk::{Content, Device, FileId, Files, Op};

/// The medium at a point of a log.
pub(super) struct Medium {
    device: Device,
    files: BTreeMap<FileId, Kept>,
    names: BTreeMap<String, FileId>,
    synced_names: BTreeMap<String, FileId>,
    /// Names that have come or gone since they were synced.
    changes: Vec<(String, Option<FileId>)>,
}

struct Kept {
    now: Content,
    synced: Content,
    /// Where in the log it was changed since.
    since: Vec<usize>,
}

/// How power fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    /// How likely it is that something that was not synced has come through.
    pub(super) kept: f64,
    /// How likely it is that a sector that has not come through is spoilt, and not as it was.
    pub(super) spoilt: f64,
}

impl Medium {
    /// Where all of these files are synced.
    pub(super) fn new(files: &Files, ids: &BTreeMap<String, FileId>, device: Device) -> Medium {
        let kept = |content: &Content| Kept { now: content.clone(), synced: content.clone(), since: Vec::new() };
        let files = ids.iter().filter_map(|(name, id)| Some((*id, kept(files.get(name)?)))).collect();
        Medium { device, files, names: ids.clone(), synced_names: ids.clone(), changes: Vec::new() }
    }

    /// Goes on by one entry of the log.
    pub(super) fn go_on(&mut self, log: &[Op], n: usize) {
        match &log[n] {
            Op::Create { name, file } => {
                self.files
                    .insert(*file, Kept { now: Content::default(), synced: Content::default(), since: Vec::new() });
                self.names.insert(name.clone(), *file);
                self.changes.push((name.clone(), Some(*file)));
            }
            Op::Delete { name, synced } => {
                self.names.remove(name);
                self.changes.push((name.clone(), None));
                if *synced {
                    self.sync_names();
                }
            }
            Op::Write { file, from, bytes } => {
                if let Some(kept) = self.files.get_mut(file) {
                    kept.now.write(*from, bytes);
                    kept.since.push(n);
                }
            }
            Op::Truncate { file, len } => {
                if let Some(kept) = self.files.get_mut(file) {
                    kept.now.resize(*len);
                    kept.since.push(n);
                }
            }
            Op::Sync { .. } if self.device.lies => {}
            Op::Sync { file, names } => {
                if let Some(kept) = self.files.get_mut(file) {
                    kept.synced = kept.now.clone();
                    kept.since.clear();
                }
                if *names {
                    self.sync_names();
                }
            }
        }
    }

    fn sync_names(&mut self) {
        if !self.device.lies {
            self.synced_names = self.names.clone();
            self.changes.clear();
        }
    }

    /// Whether all is synced.
    pub(super) fn is_synced(&self) -> bool {
        self.changes.is_empty() && self.files.values().all(|kept| kept.since.is_empty())
    }

    /// What is left when the process ends: all that it has done.
    pub(super) fn killed(&self) -> Files {
        let now = |(name, id): (&String, &FileId)| Some((name.clone(), self.files.get(id)?.now.clone()));
        self.names.iter().filter_map(now).collect()
    }

    /// What is left when the write that comes next is done in part.
    pub(super) fn torn(&self, next: &Op, failure: Failure, rng: &mut Rng) -> Files {
        let mut files = self.killed();
        if let Op::Write { file, .. } = next
            && let Some((name, _)) = self.names.iter().find(|(_, id)| *id == file)
            && let Some(content) = files.get_mut(name)
        {
            self.half(content, next, failure, rng);
        }
        files
    }

    /// What is left when power fails.
    pub(super) fn failed(&self, log: &[Op], failure: Failure, rng: &mut Rng) -> Files {
        let mut names = self.synced_names.clone();
        // What was done to one name comes through in its order.
        let mut stuck: Vec<&str> = Vec::new();
        for (name, file) in &self.changes {
            if stuck.contains(&name.as_str()) || rng.f64() >= failure.kept {
                stuck.push(name);
                continue;
            }
            match file {
                Some(file) => names.insert(name.clone(), *file),
                None => names.remove(name),
            };
        }
        let mut files = Files::new();
        for (name, id) in names {
            let Some(kept) = self.files.get(&id) else { continue };
            let mut content = kept.synced.clone();
            for n in &kept.since {
                self.half(&mut content, &log[*n], failure, rng);
            }
            files.insert(name, content);
        }
        files
    }

    /// Does as much as comes through.
    fn half(&self, content: &mut Content, op: &Op, failure: Failure, rng: &mut Rng) {
        let sector = self.device.sector;
        match op {
            Op::Truncate { len, .. } => {
                if rng.f64() < failure.kept {
                    content.resize(*len);
                }
            }
            Op::Write { from, bytes, .. } => {
                let end = from + bytes.len();
                for number in from / sector..end.div_ceil(sector) {
                    let (first, last) = (from.max(&(number * sector)).to_owned(), end.min((number + 1) * sector));
                    if rng.f64() < failure.kept {
                        content.write(first, &bytes[first - from..last - from]);
                    } else if rng.f64() < failure.spoilt {
                        // Without more promised, what lies beside the bytes in the same sector goes, too.
                        let (first, last) = match self.device.powersafe {
                            true => (first, last),
                            false => (number * sector, last.max(content.len().min((number + 1) * sector))),
                        };
                        content.write(first, &spoilt(last - first, rng));
                    } else if rng.u8(..) < 64 {
                        // The length is kept elsewhere than the bytes.
                        content.resize(content.len().max(last));
                    }
                }
            }
            Op::Create { .. } | Op::Delete { .. } | Op::Sync { .. } => {}
        }
    }
}

fn spoilt(len: usize, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0; len];
    match rng.u8(..4) {
        0 => {}
        1 => bytes.fill(0xff),
        _ => rng.fill(&mut bytes),
    }
    bytes
}
