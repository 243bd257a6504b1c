//! A disk in memory: files for SQLite that can be copied for nothing, that write down all that is done to them, and that
//! fail when they are told to.
//!
//! [`Content`] is copy-on-write, so that a copy of a file costs a pointer for each chunk. A [`Disk`] holds the files by
//! their names, and while it records, each create, write, truncate, sync and delete is an [`Op`] of its log. What a crash
//! leaves of them is worked out elsewhere, from the log alone. [`crate::vfs`] puts SQLite on a disk.
//!
//! **Invariant:** the memory that connections share in WAL mode is no part of the files: it is gone with the disk.

use std::collections::{BTreeMap, HashMap};
use std::ffi::c_int;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rusqlite::ffi;

const CHUNK: usize = 4096;

/// What a file holds.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Content {
    chunks: Vec<Arc<[u8; CHUNK]>>,
    len: usize,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}

fn zeros() -> Arc<[u8; CHUNK]> {
    static ZEROS: OnceLock<Arc<[u8; CHUNK]>> = OnceLock::new();
    Arc::clone(ZEROS.get_or_init(|| Arc::new([0; CHUNK])))
}

impl Content {
    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads what there is from a place on, and says how much that was.
    pub fn read(&self, from: usize, into: &mut [u8]) -> usize {
        let end = self.len.min(from.saturating_add(into.len()));
        let mut at = from;
        while at < end {
            let inner = at % CHUNK;
            let part = (CHUNK - inner).min(end - at);
            into[at - from..at - from + part].copy_from_slice(&self.chunks[at / CHUNK][inner..inner + part]);
            at += part;
        }
        at - from
    }

    /// Writes; what lies between the old end and the new bytes is zeros.
    pub fn write(&mut self, from: usize, bytes: &[u8]) {
        self.resize(self.len.max(from + bytes.len()));
        let mut done = 0;
        while done < bytes.len() {
            let inner = (from + done) % CHUNK;
            let part = (CHUNK - inner).min(bytes.len() - done);
            let chunk = Arc::make_mut(&mut self.chunks[(from + done) / CHUNK]);
            chunk[inner..inner + part].copy_from_slice(&bytes[done..done + part]);
            done += part;
        }
    }

    /// Cuts, or appends zeros.
    pub fn resize(&mut self, len: usize) {
        self.chunks.resize_with(len.div_ceil(CHUNK), zeros);
        if len < self.len && !len.is_multiple_of(CHUNK) {
            // What is behind the end has to be zeros when the file grows again.
            if let Some(last) = self.chunks.last_mut() {
                Arc::make_mut(last)[len % CHUNK..].fill(0);
            }
        }
        self.len = len;
    }
}

/// Files by their names.
pub type Files = BTreeMap<String, Content>;

/// A file, whatever it is called meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u64);

/// Something that was done to the files.
#[derive(Debug, Clone)]
pub enum Op {
    /// A file came to be.
    Create {
        /// What it is called.
        name: String,
        /// Which it is.
        file: FileId,
    },
    /// A name went.
    Delete {
        /// The name.
        name: String,
        /// Whether that was synced at once.
        synced: bool,
    },
    /// Bytes were written.
    Write {
        /// To which file.
        file: FileId,
        /// From which byte on.
        from: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file was cut, or became longer.
    Truncate {
        /// Which.
        file: FileId,
        /// Its length from then on.
        len: usize,
    },
    /// A file was synced.
    Sync {
        /// Which.
        file: FileId,
        /// Whether the names were, too.
        names: bool,
    },
}

/// What the disk says of itself to SQLite, and how it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// How many bytes are written together: as many can be lost or spoilt together.
    pub sector: usize,
    /// Whether bytes beside those that are written stay whole when power fails (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`).
    pub powersafe: bool,
    /// Whether it says that it has synced and has not: a disk that nothing is safe on.
    pub lies: bool,
}

impl Default for Device {
    fn default() -> Device {
        Device { sector: 512, powersafe: false, lies: false }
    }
}

/// A kind of call that SQLite makes to the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// Opens a file.
    Open,
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Cuts a file.
    Truncate,
    /// Syncs a file.
    Sync,
    /// Deletes a file.
    Delete,
    /// Asks whether a file exists.
    Exists,
    /// Asks how long a file is.
    Size,
    /// Takes a lock.
    Lock,
    /// Maps shared memory.
    Map,
    /// Takes a lock of shared memory.
    SharedLock,
}

impl Call {
    /// All of them.
    pub const ALL: [Call; 11] = [
        Call::Open,
        Call::Read,
        Call::Write,
        Call::Truncate,
        Call::Sync,
        Call::Delete,
        Call::Exists,
        Call::Size,
        Call::Lock,
        Call::Map,
        Call::SharedLock,
    ];

    /// What SQLite's own file systems answer when this goes wrong.
    pub fn usual_failure(self) -> c_int {
        match self {
            Call::Open => ffi::SQLITE_CANTOPEN,
            Call::Read => ffi::SQLITE_IOERR_READ,
            Call::Write => ffi::SQLITE_IOERR_WRITE,
            Call::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Call::Sync => ffi::SQLITE_IOERR_FSYNC,
            Call::Delete => ffi::SQLITE_IOERR_DELETE,
            Call::Exists => ffi::SQLITE_IOERR_ACCESS,
            Call::Size => ffi::SQLITE_IOERR_FSTAT,
            Call::Lock => ffi::SQLITE_IOERR_LOCK,
            Call::Map => ffi::SQLITE_IOERR_SHMMAP,
            Call::SharedLock => ffi::SQLITE_IOERR_SHMLOCK,
        }
    }
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// One call fails.
    Once,
    /// All calls of that kind fail from then on.
    Kind,
    /// All calls fail from then on.
    Disk,
}

/// A call that fails.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// Which kind.
    pub call: Call,
    /// Behind how many of that kind.
    pub behind: u64,
    /// What SQLite is told.
    pub code: c_int,
    /// Whether it is carried out all the same.
    pub is_done: bool,
    /// How long it lasts.
    pub lasting: Lasting,
}

/// A disk, on which SQLite works by [`crate::vfs::open`].
pub struct Disk {
    path: PathBuf,
    device: Device,
    inner: Mutex<Inner>,
    handles: AtomicU64,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("path", &self.path).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Inner {
    files: HashMap<FileId, File>,
    names: BTreeMap<String, FileId>,
    next: u64,
    log: Option<Vec<Op>>,
    calls: [u64; Call::ALL.len()],
    fault: Option<Fault>,
    failed: u64,
}

#[derive(Default)]
struct File {
    content: Content,
    open: usize,
    locks: Vec<(u64, c_int)>,
    shared: Shared,
}

/// What the connections of a database in WAL mode share.
#[derive(Default)]
struct Shared {
    regions: Vec<Arc<[AtomicU64]>>,
    users: Vec<u64>,
    slots: [Slot; SLOTS],
}

const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

#[derive(Default)]
struct Slot {
    exclusive: Option<u64>,
    shared: Vec<u64>,
}

static DISKS: Mutex<BTreeMap<PathBuf, Weak<Disk>>> = Mutex::new(BTreeMap::new());
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A lock whose holder has panicked is still good: every change under it is whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// A disk with these files, all of them synced.
    pub fn new(files: &Files, device: Device) -> Arc<Disk> {
        let mut inner = Inner::default();
        for (name, content) in files {
            let id = inner.number();
            inner.names.insert(name.clone(), id);
            inner.files.insert(id, File { content: content.clone(), ..File::default() });
        }
        // Where the path leads to in the real file system, so that locks beside the database are taken as they would be.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("whimbrel-torture-{}-{number}.db", std::process::id()));
        let disk = Arc::new(Disk { path: path.clone(), device, inner: Mutex::new(inner), handles: AtomicU64::new(0) });
        locked(&DISKS).insert(path, Arc::downgrade(&disk));
        disk
    }

    /// The disk that a file of this path lies on.
    pub(crate) fn of(path: &str) -> Option<Arc<Disk>> {
        let end = path.rfind(".db")? + 3;
        locked(&DISKS).get(std::path::Path::new(&path[..end]))?.upgrade()
    }

    /// Where the database lies.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// What it says of itself.
    pub fn device(&self) -> Device {
        self.device
    }

    /// A copy of all files that have names.
    pub fn files(&self) -> Files {
        let inner = locked(&self.inner);
        let copy = |(name, id): (&String, &FileId)| Some((name.clone(), inner.files.get(id)?.content.clone()));
        inner.names.iter().filter_map(copy).collect()
    }

    /// Which file is which, for reading the log.
    pub fn ids(&self) -> BTreeMap<String, FileId> {
        locked(&self.inner).names.clone()
    }

    /// Begins to write down what is done.
    pub fn record(&self) {
        locked(&self.inner).log = Some(Vec::new());
    }

    /// How much is written down by now.
    pub fn recorded(&self) -> usize {
        locked(&self.inner).log.as_ref().map_or(0, Vec::len)
    }

    /// Ends writing down, and gives what was written.
    pub fn recording(&self) -> Vec<Op> {
        locked(&self.inner).log.take().unwrap_or_default()
    }

    /// Lets a call fail, counted from now on.
    pub fn plan(&self, fault: Option<Fault>) {
        let mut inner = locked(&self.inner);
        inner.fault = fault;
        inner.calls = Default::default();
        inner.failed = 0;
    }

    /// How many calls of each kind there were since [`Disk::plan`].
    pub fn calls(&self) -> Vec<(Call, u64)> {
        Call::ALL.into_iter().zip(locked(&self.inner).calls).collect()
    }

    /// How many calls have failed since [`Disk::plan`].
    pub fn failed(&self) -> u64 {
        locked(&self.inner).failed
    }

    fn name<'n>(&self, path: &'n str) -> &'n str {
        let prefix = self.path.to_str().unwrap_or_default();
        path.strip_prefix(prefix).unwrap_or(path)
    }

    pub(crate) fn open(self: &Arc<Disk>, path: Option<&str>, flags: c_int) -> Result<Handle, c_int> {
        let mut inner = locked(&self.inner);
        let is_done = inner.call(Call::Open)?;
        let id = self.handles.fetch_add(1, Ordering::Relaxed);
        let handle = |place, new_names| Handle {
            disk: Arc::clone(self),
            id,
            place,
            new_names,
            goes: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
        };
        let Some(path) = path else {
            is_done?;
            return Ok(handle(Place::Nameless(Content::default()), false));
        };
        let name = self.name(path);
        let creates = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let file = match inner.names.get(name) {
            Some(_) if creates && flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0 => return Err(ffi::SQLITE_CANTOPEN),
            Some(file) => *file,
            None if !creates => return Err(ffi::SQLITE_CANTOPEN),
            None => {
                let file = inner.number();
                inner.names.insert(name.to_owned(), file);
                inner.files.insert(file, File::default());
                inner.write_down(|| Op::Create { name: name.to_owned(), file });
                file
            }
        };
        is_done?;
        if let Some(file) = inner.files.get_mut(&file) {
            file.open += 1;
        }
        // As SQLite's own for Unix: the first sync of a journal syncs its folder, too.
        let is_journal = ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
        Ok(handle(Place::Named(file), creates && flags & is_journal != 0))
    }

    pub(crate) fn delete(&self, path: &str, synced: bool) -> Result<(), c_int> {
        let mut inner = locked(&self.inner);
        let is_done = inner.call(Call::Delete)?;
        let name = self.name(path);
        let Some(file) = inner.names.remove(name) else { return Err(ffi::SQLITE_IOERR_DELETE_NOENT) };
        inner.write_down(|| Op::Delete { name: name.to_owned(), synced });
        inner.forget(file);
        is_done
    }

    pub(crate) fn exists(&self, path: &str) -> Result<bool, c_int> {
        let mut inner = locked(&self.inner);
        inner.call(Call::Exists)??;
        // An empty journal is none to SQLite's own for Unix.
        let file = inner.names.get(self.name(path)).and_then(|id| inner.files.get(id));
        Ok(file.is_some_and(|file| !file.content.is_empty()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        locked(&DISKS).remove(&self.path);
    }
}

impl Inner {
    fn number(&mut self) -> FileId {
        self.next += 1;
        FileId(self.next)
    }

    fn write_down(&mut self, op: impl FnOnce() -> Op) {
        if let Some(log) = &mut self.log {
            log.push(op());
        }
    }

    /// Counts a call. The outer error is of a call that is not carried out, the inner one of a call that is.
    fn call(&mut self, call: Call) -> Result<Result<(), c_int>, c_int> {
        let seen = self.calls[call as usize];
        self.calls[call as usize] += 1;
        let Some(fault) = self.fault else { return Ok(Ok(())) };
        let fails = match fault.lasting {
            Lasting::Once => fault.call == call && seen == fault.behind,
            Lasting::Kind => fault.call == call && seen >= fault.behind,
            Lasting::Disk => self.calls[fault.call as usize] > fault.behind,
        };
        if !fails {
            return Ok(Ok(()));
        }
        self.failed += 1;
        let code = if call == fault.call { fault.code } else { call.usual_failure() };
        // Only the first is carried out: a disk that is gone does nothing more.
        if fault.is_done && self.failed == 1 { Ok(Err(code)) } else { Err(code) }
    }

    /// A file without a name and without a handle is gone.
    fn forget(&mut self, id: FileId) {
        let is_open = self.files.get(&id).is_some_and(|file| file.open > 0);
        if !is_open && !self.names.values().any(|named| *named == id) {
            self.files.remove(&id);
        }
    }
}

enum Place {
    Named(FileId),
    Nameless(Content),
}

/// An open file.
pub(crate) struct Handle {
    pub(crate) disk: Arc<Disk>,
    id: u64,
    place: Place,
    /// Whether the next sync makes names last.
    new_names: bool,
    /// Whether the file goes when it is closed.
    goes: bool,
}

impl Handle {
    pub(crate) fn read(&self, from: usize, into: &mut [u8]) -> Result<usize, c_int> {
        let mut inner = locked(&self.disk.inner);
        inner.call(Call::Read)??;
        Ok(match &self.place {
            Place::Nameless(content) => content.read(from, into),
            Place::Named(id) => inner.files.get(id).map_or(0, |file| file.content.read(from, into)),
        })
    }

    pub(crate) fn write(&mut self, from: usize, bytes: &[u8]) -> Result<(), c_int> {
        let mut inner = locked(&self.disk.inner);
        let is_done = inner.call(Call::Write)?;
        // A write that fails may have written a part.
        let bytes = if is_done.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        match &mut self.place {
            Place::Nameless(content) => content.write(from, bytes),
            Place::Named(id) => {
                let id = *id;
                if let Some(file) = inner.files.get_mut(&id) {
                    file.content.write(from, bytes);
                }
                inner.write_down(|| Op::Write { file: id, from, bytes: bytes.to_vec() });
            }
        }
        is_done
    }

    pub(crate) fn truncate(&mut self, len: usize) -> Result<(), c_int> {
        let mut inner = locked(&self.disk.inner);
        let is_done = inner.call(Call::Truncate)?;
        match &mut self.place {
            Place::Nameless(content) => content.resize(len),
            Place::Named(id) => {
                let id = *id;
                if let Some(file) = inner.files.get_mut(&id) {
                    file.content.resize(len);
                }
                inner.write_down(|| Op::Truncate { file: id, len });
            }
        }
        is_done
    }

    pub(crate) fn sync(&mut self) -> Result<(), c_int> {
        let mut inner = locked(&self.disk.inner);
        let is_done = inner.call(Call::Sync)?;
        if let Place::Named(file) = self.place {
            let names = std::mem::take(&mut self.new_names);
            inner.write_down(|| Op::Sync { file, names });
        }
        is_done
    }

    pub(crate) fn size(&self) -> Result<usize, c_int> {
        let mut inner = locked(&self.disk.inner);
        inner.call(Call::Size)??;
        Ok(match &self.place {
            Place::Nameless(content) => content.len(),
            Place::Named(id) => inner.files.get(id).map_or(0, |file| file.content.len()),
        })
    }

    /// The five locks of a database file, as <https://www.sqlite.org/lockingv3.html> has them.
    pub(crate) fn lock(&mut self, level: c_int) -> Result<(), c_int> {
        let mut inner = locked(&self.disk.inner);
        inner.call(Call::Lock)??;
        let Place::Named(id) = &self.place else { return Ok(()) };
        let Some(file) = inner.files.get_mut(id) else { return Ok(()) };
        let own = file.level(self.id);
        if own >= level {
            return Ok(());
        }
        let highest = file.locks.iter().filter(|(id, _)| *id != self.id).map(|(_, level)| *level).max();
        let highest = highest.unwrap_or(ffi::SQLITE_LOCK_NONE);
        let may = match level {
            ffi::SQLITE_LOCK_SHARED => highest < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => highest < ffi::SQLITE_LOCK_RESERVED,
            _ => highest == ffi::SQLITE_LOCK_NONE,
        };
        if may {
            file.set_level(self.id, level);
            return Ok(());
        }
        // Who waits for the readers lets no new ones in.
        if level == ffi::SQLITE_LOCK_EXCLUSIVE && highest < ffi::SQLITE_LOCK_RESERVED {
            file.set_level(self.id, ffi::SQLITE_LOCK_PENDING);
        }
        Err(ffi::SQLITE_BUSY)
    }

    pub(crate) fn unlock(&mut self, level: c_int) {
        let mut inner = locked(&self.disk.inner);
        let Place::Named(id) = &self.place else { return };
        if let Some(file) = inner.files.get_mut(id)
            && file.level(self.id) > level
        {
            file.set_level(self.id, level);
        }
    }

    pub(crate) fn is_reserved(&self) -> bool {
        let inner = locked(&self.disk.inner);
        let Place::Named(id) = &self.place else { return false };
        inner.files.get(id).is_some_and(|f| f.locks.iter().any(|(_, level)| *level >= ffi::SQLITE_LOCK_RESERVED))
    }

    /// A region of shared memory; it stays where it is until the last user has left. `None` where there is none yet and
    /// none is to be made.
    pub(crate) fn map(&mut self, region: usize, size: usize, extends: bool) -> Result<Option<Arc<[AtomicU64]>>, c_int> {
        let mut inner = locked(&self.disk.inner);
        inner.call(Call::Map)??;
        let Place::Named(id) = &self.place else { return Err(ffi::SQLITE_IOERR_SHMMAP) };
        let Some(file) = inner.files.get_mut(id) else { return Err(ffi::SQLITE_IOERR_SHMMAP) };
        if !file.shared.users.contains(&self.id) {
            file.shared.users.push(self.id);
        }
        let regions = &mut file.shared.regions;
        while extends && regions.len() <= region {
            regions.push((0..size.div_ceil(8)).map(|_| AtomicU64::new(0)).collect());
        }
        Ok(regions.get(region).cloned())
    }

    pub(crate) fn lock_shared(&mut self, from: usize, count: usize, flags: c_int) -> Result<(), c_int> {
        let mut inner = locked(&self.disk.inner);
        let unlocks = flags & ffi::SQLITE_SHM_UNLOCK != 0;
        if !unlocks {
            inner.call(Call::SharedLock)??;
        }
        let Place::Named(id) = &self.place else { return Err(ffi::SQLITE_IOERR_SHMLOCK) };
        let Some(file) = inner.files.get_mut(id) else { return Err(ffi::SQLITE_IOERR_SHMLOCK) };
        let own = self.id;
        let slots = file.shared.slots.get_mut(from..from + count).ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        if unlocks {
            for slot in slots {
                slot.exclusive = slot.exclusive.filter(|holder| *holder != own);
                slot.shared.retain(|holder| *holder != own);
            }
            return Ok(());
        }
        let is_exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        let is_taken = |slot: &Slot| {
            slot.exclusive.is_some_and(|holder| holder != own)
                || (is_exclusive && slot.shared.iter().any(|holder| *holder != own))
        };
        if slots.iter().any(is_taken) {
            return Err(ffi::SQLITE_BUSY);
        }
        for slot in slots {
            if is_exclusive {
                slot.exclusive = Some(own);
            } else if !slot.shared.contains(&own) {
                slot.shared.push(own);
            }
        }
        Ok(())
    }

    pub(crate) fn unmap(&mut self) {
        let mut inner = locked(&self.disk.inner);
        let Place::Named(id) = &self.place else { return };
        if let Some(file) = inner.files.get_mut(id) {
            file.shared.leave(self.id);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut inner = locked(&self.disk.inner);
        let Place::Named(id) = self.place else { return };
        if let Some(file) = inner.files.get_mut(&id) {
            file.open = file.open.saturating_sub(1);
            file.set_level(self.id, ffi::SQLITE_LOCK_NONE);
            file.shared.leave(self.id);
        }
        if self.goes
            && let Some(name) = inner.names.iter().find(|(_, named)| **named == id).map(|(name, _)| name.clone())
        {
            inner.names.remove(&name);
            inner.write_down(|| Op::Delete { name, synced: false });
        }
        inner.forget(id);
    }
}

impl File {
    fn level(&self, handle: u64) -> c_int {
        self.locks.iter().find(|(id, _)| *id == handle).map_or(ffi::SQLITE_LOCK_NONE, |(_, level)| *level)
    }

    fn set_level(&mut self, handle: u64, level: c_int) {
        self.locks.retain(|(id, _)| *id != handle);
        if level > ffi::SQLITE_LOCK_NONE {
            self.locks.push((handle, level));
        }
    }
}

impl Shared {
    fn leave(&mut self, handle: u64) {
        self.users.retain(|user| *user != handle);
        for slot in &mut self.slots {
            slot.exclusive = slot.exclusive.filter(|holder| *holder != handle);
            slot.shared.retain(|holder| *holder != handle);
        }
        if self.users.is_empty() {
            self.regions.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_cut_and_grows_again_holds_zeros() {
        let mut content = Content::default();
        content.write(4000, &[7; 200]);
        let copy = content.clone();
        content.resize(4100);
        content.resize(4200);
        let mut bytes = [1; 300];
        assert_eq!(content.read(3990, &mut bytes), 210);
        assert_eq!(bytes[..10], [0; 10]);
        assert_eq!(bytes[10..110], [7; 100]);
        assert_eq!(bytes[110..210], [0; 100]);
        assert_eq!(copy.len(), 4200);
        copy.read(4100, &mut bytes);
        assert_eq!(bytes[..100], [7; 100], "a copy is not touched");
    }
}
