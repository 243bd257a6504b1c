//! Too little space: a limit on the size of files, and where this process may have one, a file system that is too small.
//!
//! The limit on files needs no right. A file system of its own is mounted in a name space of the child's own, and is
//! gone with the child, whatever becomes of either; the child works on a copy, which is brought back at its end.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use fastrand::Rng;
use whimbrel_oracle::Side;

use super::{App, Way, app, last_words, one, program, start_child};
use crate::scenarios::said;
use crate::{Layer, Tally};

/// The layer.
pub const LAYER: Layer = Layer {
    name: "quota",
    counted: "starts without enough space",
    about: "the disk, or what a process may write, is full in the middle",
    full: 300,
    quick: 10,
    unit,
};

const ROWS: u32 = 1_500;

/// Limits the size of files, in units of 512 bytes, and has the process see an error in place of a signal.
const LIMITED: &str = r#"trap "" XFSZ; ulimit -f "$1"; exec "$2""#;

/// Works on a file system of so many KiB: the folder of the first argument, which nobody else sees.
const SMALL: &str = r#"set -e; mount -t tmpfs -o "size=$1k" tmpfs "$3/small"; cp -p "$3"/app.db* "$3/small/"
"$2"; rm -f "$3"/app.db*; cp -p "$3/small"/app.db* "$3/""#;

fn unit(seed: u64) -> Tally {
    if cfg!(not(unix)) {
        return Tally { tried: 1, ..Tally::default() };
    }
    match app(seed, ROWS) {
        Ok(app) => one(seed, &app.story(), fill(seed, &app)),
        Err(why) => one(seed, "", Err(why)),
    }
}

fn fill(seed: u64, app: &App) -> Result<&'static str, String> {
    let folder = tempfile::tempdir().map_err(said)?;
    let path = folder.path().join("app.db");
    app.make(&path)?;
    let size = std::fs::metadata(&path).map_err(said)?.len();
    let mut random = Rng::with_seed(!seed);
    // From what is not enough for one page more to what is enough for everything.
    let is_small = random.bool() && can_mount();
    let (mut command, place, limit) = if is_small {
        let limit = size / 1024 + random.u64(16..5 * size / 1024);
        std::fs::create_dir(folder.path().join("small")).map_err(said)?;
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", SMALL, "sh", &limit.to_string()]).arg(program()?).arg(folder.path());
        (command, folder.path().join("small/app.db"), limit * 1024)
    } else {
        let limit = random.u64(8..4 * size / 512);
        let mut command = Command::new("sh");
        command.args(["-c", LIMITED, "sh", &limit.to_string()]).arg(program()?);
        (command, path.clone(), limit * 512)
    };
    let words = last_words(start_child(&mut command, seed, ROWS, Way::StopAtTick(u64::MAX), &place)?)?;
    let about = |why: String| format!("{limit} bytes for a database of {size}, said was: {words}: {why}");
    let side = app.look(&path).map_err(about)?;
    judge(&words, side).map_err(about)?;
    Ok(match (is_small, words.starts_with("done")) {
        (true, true) => "went through on a small disk",
        (true, false) => "refused on a small disk",
        (false, true) => "went through with a limit",
        (false, false) => "refused with a limit",
    })
}

/// Whether a child knows what it has left behind.
fn judge(words: &str, side: Option<Side>) -> Result<(), String> {
    let says_old = words.starts_with("failed ") && (words.contains(" Unchanged ") || words.contains(" RolledBack "));
    match side {
        Some(Side::Old) | None if words.starts_with("done ") => Err("it was said to be done, and is not".to_owned()),
        None if says_old => Err("it was said to be the old version, and is begun".to_owned()),
        Some(Side::New) if says_old => Err("it was said to be the old version, and is the new one".to_owned()),
        // The app's own settings may fail before anything else does.
        _ if words.starts_with("done ") || words.starts_with("failed ") || words.starts_with("broken ") => Ok(()),
        _ => Err("the child has said nothing".to_owned()),
    }
}

/// Whether this process may mount a file system for a child.
fn can_mount() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let folder = tempfile::tempdir();
        folder.is_ok_and(|folder| try_mount(folder.path()))
    })
}

fn try_mount(folder: &Path) -> bool {
    let script = r#"mount -t tmpfs -o size=64k tmpfs "$1""#;
    let output = Command::new("unshare").args(["-m", "sh", "-c", script, "sh"]).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}
