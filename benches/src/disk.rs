//! How much room a process takes on the disk: the files in a folder, and those that it has open and nobody can see.
//!
//! SQLite removes the name of a file for sorting as soon as it has opened it. On Linux such a file is still found among
//! the process's descriptors; elsewhere only the folder counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Bytes of the files in a folder, as they were allotted.
pub fn bytes_in(folder: &Path) -> u64 {
    files_in(folder).values().sum()
}

/// The most bytes that the folder and the process's removed files had until it was over.
pub fn peak(process: u32, folder: &Path, is_over: &AtomicBool) -> u64 {
    let mut most = 0;
    while !is_over.load(Ordering::Relaxed) {
        let mut files = files_in(folder);
        files.extend(removed_files(process));
        most = most.max(files.values().sum());
        std::thread::sleep(Duration::from_millis(5));
    }
    most
}

#[cfg(unix)]
fn size(data: &fs::Metadata) -> ((u64, u64), u64) {
    use std::os::unix::fs::MetadataExt;
    ((data.dev(), data.ino()), data.blocks() * 512)
}

#[cfg(not(unix))]
fn size(data: &fs::Metadata) -> ((u64, u64), u64) {
    // Without a number of the file, its time and length stand for it.
    let time = data.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    ((time.map_or(0, |time| time.as_nanos() as u64), data.len()), data.len())
}

fn files_in(folder: &Path) -> BTreeMap<(u64, u64), u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|data| size(&data)).collect()
}

fn removed_files(process: u32) -> BTreeMap<(u64, u64), u64> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_removed = fs::read_link(&path).is_ok_and(|to| to.to_string_lossy().ends_with(" (deleted)"));
        if let (true, Ok(data)) = (is_removed, fs::metadata(&path)) {
            files.extend(data.is_file().then(|| size(&data)));
        }
    }
    files
}
