//! SQLite on a [`Disk`]: the file system of it that SQLite is given, and a memory that fails when it is told to.
//!
//! This is the only file of the workspace that speaks with SQLite's C interface itself. It translates and decides nothing:
//! what a call does is said by [`crate::disk`]. The crates for this were looked at; `docs/decisions.md` says why none
//! serves.
//!
//! **Invariant:** SQLite calls the methods of a file only between a successful open and its close, with the file that
//! was opened (<https://www.sqlite.org/c3ref/io_methods.html>). All that is unsafe here rests on that.

#![expect(unsafe_code, reason = "SQLite takes a file system, and a memory, as tables of C functions")]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::ffi::{
    self, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_mem_methods, sqlite3_vfs,
};
use rusqlite::{Connection, OpenFlags};

use crate::disk::{Device, Disk, Files, Handle};

const NAME: &CStr = c"whimbrel-torture";

/// Opens the database of a disk.
///
/// # Errors
/// What SQLite says.
pub fn open(disk: &Disk) -> rusqlite::Result<Connection> {
    register();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(disk.path(), flags, NAME)
}

fn register() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        memory();
        let vfs = Box::leak(Box::new(sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(size_of::<File>()).unwrap_or(0),
            mxPathname: 1024,
            pNext: ptr::null_mut(),
            zName: NAME.as_ptr(),
            pAppData: ptr::null_mut(),
            xOpen: Some(open_file),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_path),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(days),
            xGetLastError: None,
            xCurrentTimeInt64: Some(milliseconds),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: the table is complete and is never freed.
        unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
    });
}

/// What SQLite keeps of an open file; it gives the room for it.
#[repr(C)]
struct File {
    base: sqlite3_file,
    handle: *mut Handle,
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(map),
    xShmLock: Some(lock_shared),
    xShmBarrier: Some(barrier),
    xShmUnmap: Some(unmap),
    xFetch: None,
    xUnfetch: None,
};

thread_local! {
    /// Files without a name lie on the disk whose database this thread has opened last.
    static LAST: RefCell<Weak<Disk>> = const { RefCell::new(Weak::new()) };
}

fn code(outcome: Result<(), c_int>) -> c_int {
    outcome.err().unwrap_or(ffi::SQLITE_OK)
}

fn place(number: sqlite3_int64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn length(number: c_int) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// The text at a pointer of SQLite's.
///
/// # Safety
/// It is null, or points to a text that ends with a zero and lives as long as the call.
unsafe fn text<'t>(name: *const c_char) -> Option<&'t str> {
    // SAFETY: as above.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) }).and_then(|name| name.to_str().ok())
}

/// The handle of an open file.
///
/// # Safety
/// The file was opened by [`open_file`] and is not closed, and no other call works on it at the same time.
unsafe fn handle<'h>(file: *mut sqlite3_file) -> &'h mut Handle {
    // SAFETY: `open_file` has put a handle of its own there, which lives until `close`.
    unsafe { &mut *(*file.cast::<File>()).handle }
}

unsafe extern "C" fn open_file(
    _: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives room for a `File`, and looks at no more than the methods where opening fails.
    unsafe { (*file).pMethods = ptr::null() };
    // SAFETY: SQLite's names are texts that live as long as the file is open.
    let name = unsafe { text(name) };
    let disk = match name {
        Some(name) => Disk::of(name),
        None => LAST.with_borrow(Weak::upgrade).or_else(|| Some(Disk::new(&Files::new(), Device::default()))),
    };
    let Some(disk) = disk else { return ffi::SQLITE_CANTOPEN };
    if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 {
        LAST.set(Arc::downgrade(&disk));
    }
    match disk.open(name, flags) {
        Err(code) => code,
        Ok(opened) => {
            // SAFETY: as above; where it is not null, there is room for the flags, too.
            unsafe {
                let base = sqlite3_file { pMethods: &METHODS };
                file.cast::<File>().write(File { base, handle: Box::into_raw(Box::new(opened)) });
                if !out_flags.is_null() {
                    *out_flags = flags;
                }
            }
            ffi::SQLITE_OK
        }
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the handle was made by `open_file`, and SQLite closes a file once.
    unsafe {
        drop(Box::from_raw((*file.cast::<File>()).handle));
        (*file).pMethods = ptr::null();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut sqlite3_file, into: *mut c_void, count: c_int, from: sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and SQLite gives room for as many bytes as it asks for.
    let (handle, into) = unsafe {
        ptr::write_bytes(into.cast::<u8>(), 0, length(count));
        (handle(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), length(count)))
    };
    match handle.read(place(from), into) {
        Ok(found) if found == into.len() => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(code) => code,
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, bytes: *const c_void, count: c_int, from: sqlite3_int64) -> c_int {
    // SAFETY: the file is open, and there are as many bytes as SQLite says.
    let (handle, bytes) = unsafe { (handle(file), std::slice::from_raw_parts(bytes.cast::<u8>(), length(count))) };
    code(handle.write(place(from), bytes))
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, len: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.truncate(place(len)))
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.sync())
}

unsafe extern "C" fn size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    match unsafe { handle(file) }.size() {
        Err(code) => code,
        Ok(len) => {
            // SAFETY: SQLite gives room for the number.
            unsafe { *out = sqlite3_int64::try_from(len).unwrap_or(sqlite3_int64::MAX) };
            ffi::SQLITE_OK
        }
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.lock(level))
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { handle(file) }.unlock(level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn is_reserved(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open, and SQLite gives room for the answer.
    unsafe { *out = c_int::from(handle(file).is_reserved()) };
    ffi::SQLITE_OK
}

/// No control is known: SQLite goes on without.
unsafe extern "C" fn control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open.
    c_int::try_from(unsafe { handle(file) }.disk.device().sector).unwrap_or(512)
}

unsafe extern "C" fn characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open.
    match unsafe { handle(file) }.disk.device().powersafe {
        true => ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE,
        false => 0,
    }
}

unsafe extern "C" fn map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extends: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open.
    let mapped = unsafe { handle(file) }.map(length(region), length(size), extends != 0);
    let (pointer, code) = match &mapped {
        // Atomic numbers may be written through a shared reference, and the disk keeps them where they are.
        Ok(Some(numbers)) => (numbers.as_ptr().cast_mut().cast::<c_void>(), ffi::SQLITE_OK),
        Ok(None) => (ptr::null_mut(), ffi::SQLITE_OK),
        Err(code) => (ptr::null_mut(), *code),
    };
    // SAFETY: SQLite gives room for the pointer.
    unsafe { *out = pointer };
    code
}

unsafe extern "C" fn lock_shared(file: *mut sqlite3_file, from: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    code(unsafe { handle(file) }.lock_shared(length(from), length(count), flags))
}

unsafe extern "C" fn barrier(_: *mut sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe { handle(file) }.unmap();
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, synced: c_int) -> c_int {
    // SAFETY: SQLite's names are texts.
    let name = unsafe { text(name) };
    match name.and_then(|name| Some((Disk::of(name)?, name))) {
        Some((disk, name)) => code(disk.delete(name, synced != 0)),
        None => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access(_: *mut sqlite3_vfs, name: *const c_char, _: c_int, out: *mut c_int) -> c_int {
    // SAFETY: SQLite's names are texts.
    let name = unsafe { text(name) };
    let exists =
        name.and_then(|name| Some((Disk::of(name)?, name))).map_or(Ok(false), |(disk, name)| disk.exists(name));
    match exists {
        Err(code) => code,
        Ok(exists) => {
            // SAFETY: SQLite gives room for the answer.
            unsafe { *out = c_int::from(exists) };
            ffi::SQLITE_OK
        }
    }
}

unsafe extern "C" fn full_path(_: *mut sqlite3_vfs, name: *const c_char, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite's names are texts.
    let Some(name) = (unsafe { text(name) }).filter(|name| name.len() < length(room)) else {
        return ffi::SQLITE_CANTOPEN;
    };
    // SAFETY: there is room for the name and the zero behind it.
    unsafe {
        ptr::copy_nonoverlapping(name.as_ptr().cast::<c_char>(), out, name.len());
        *out.add(name.len()) = 0;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut sqlite3_vfs, count: c_int, out: *mut c_char) -> c_int {
    let mut bytes = vec![0; length(count)];
    fastrand::fill(&mut bytes);
    // SAFETY: there is room for as many bytes as SQLite asks for.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast::<c_char>(), out, bytes.len()) };
    count
}

/// Nobody has to wait for real: whoever holds a lock in this process either gives it back meanwhile or never.
unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    std::thread::yield_now();
    microseconds
}

/// Milliseconds since noon of the day that Julian day numbers count from.
fn now() -> sqlite3_int64 {
    const EPOCH: sqlite3_int64 = 24_405_875 * 8_640_000;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EPOCH + sqlite3_int64::try_from(since.as_millis()).unwrap_or(0)
}

unsafe extern "C" fn milliseconds(_: *mut sqlite3_vfs, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite gives room for the number.
    unsafe { *out = now() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn days(_: *mut sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite gives room for the number.
    unsafe { *out = now() as f64 / 86_400_000.0 };
    ffi::SQLITE_OK
}

/// When memory runs out, on a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scarcity {
    /// So many requests for memory are still met.
    pub behind: u64,
    /// Whether all that follow fail, and not only one.
    pub lasts: bool,
}

thread_local! {
    static SCARCITY: Cell<Option<Scarcity>> = const { Cell::new(None) };
    static ASKED: Cell<u64> = const { Cell::new(0) };
    static REFUSED: Cell<u64> = const { Cell::new(0) };
}

/// Lets SQLite's memory on this thread run out, or end that. Says how many requests there were since the last time, and
/// how many of them were refused.
pub fn scarce(scarcity: Option<Scarcity>) -> (u64, u64) {
    SCARCITY.set(scarcity);
    (ASKED.replace(0), REFUSED.replace(0))
}

/// Whether memory can be made scarce: SQLite takes its memory only before it is used for the first time.
pub fn memory() -> bool {
    static DONE: OnceLock<bool> = OnceLock::new();
    *DONE.get_or_init(|| {
        let mut methods = NOTHING;
        // SAFETY: SQLite fills the table in, which is of the size that it expects.
        let found = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut methods) };
        let (Some(malloc), Some(realloc)) = (methods.xMalloc, methods.xRealloc) else { return false };
        if found != ffi::SQLITE_OK || USUAL.set((malloc, realloc)).is_err() {
            return false;
        }
        methods.xMalloc = Some(allocate);
        methods.xRealloc = Some(reallocate);
        // SAFETY: SQLite copies the table, whose functions are its own and the two below. It refuses where it is in use.
        unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw mut methods) == ffi::SQLITE_OK }
    })
}

type Allocate = unsafe extern "C" fn(c_int) -> *mut c_void;
type Reallocate = unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void;

/// SQLite's own.
static USUAL: OnceLock<(Allocate, Reallocate)> = OnceLock::new();

const NOTHING: sqlite3_mem_methods = sqlite3_mem_methods {
    xMalloc: None,
    xFree: None,
    xRealloc: None,
    xSize: None,
    xRoundup: None,
    xInit: None,
    xShutdown: None,
    pAppData: ptr::null_mut(),
};

fn is_refused() -> bool {
    let asked = ASKED.get();
    ASKED.set(asked + 1);
    let is_refused = SCARCITY.get().is_some_and(|s| asked == s.behind || (s.lasts && asked > s.behind));
    if is_refused {
        REFUSED.set(REFUSED.get() + 1);
    }
    is_refused
}

unsafe extern "C" fn allocate(bytes: c_int) -> *mut c_void {
    match USUAL.get() {
        // SAFETY: it is called as SQLite calls it.
        Some((usual, _)) if !is_refused() => unsafe { usual(bytes) },
        _ => ptr::null_mut(),
    }
}

unsafe extern "C" fn reallocate(old: *mut c_void, bytes: c_int) -> *mut c_void {
    match USUAL.get() {
        // SAFETY: it is called as SQLite calls it.
        Some((_, usual)) if !is_refused() => unsafe { usual(old, bytes) },
        _ => ptr::null_mut(),
    }
}
