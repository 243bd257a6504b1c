//! A device that skips releases, goes back to an older one, or is new.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const RELEASE_1: &str = env!("CARGO_BIN_EXE_release-1");
const RELEASE_2: &str = env!("CARGO_BIN_EXE_release-2");
const RELEASE_3: &str = env!("CARGO_BIN_EXE_release-3");

/// A folder with the database of one device.
struct Device {
    folder: TempDir,
}

impl Device {
    fn new() -> Device {
        Device { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("notes.db")
    }

    fn start(&self, release: &str, arguments: &[&str]) -> Output {
        Command::new(release).arg(self.path()).args(arguments).output().unwrap()
    }

    /// What the release prints. It must not fail.
    #[track_caller]
    fn run(&self, release: &str, arguments: &[&str]) -> String {
        let output = self.start(release, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let name = |path: &Path| path.file_name().and_then(OsStr::to_str).unwrap().to_owned();
        let mut files: Vec<String> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| name(&entry.unwrap().path())).collect();
        files.sort();
        files
    }
}

/// A device with release 1 and rows.
fn with_rows() -> Device {
    let device = Device::new();
    assert_eq!(device.run(RELEASE_1, &["add", "Count the waders #birds #coast\nat low tide"]), "1\n");
    assert_eq!(device.run(RELEASE_1, &["add", "Mend the telescope"]), "2\n");
    device.run(RELEASE_1, &["done", "2"]);
    device
}

const LIST: &str = "   1 [ ] Count the waders #birds #coast (birds, coast)
         at low tide
   2 [x] Mend the telescope
";

#[test]
fn from_release_1_to_release_3() {
    let device = with_rows();
    assert_eq!(device.run(RELEASE_3, &["list"]), LIST);
    assert_eq!(device.files().len(), 2, "the database and its backup: {:?}", device.files());
    assert!(device.run(RELEASE_3, &["search", "tide"]).starts_with("   1 [ ] Count the waders"));
    assert_eq!(device.run(RELEASE_3, &["search", "telescope"]), "   2 [x] Mend the telescope\n");
    assert_eq!(device.run(RELEASE_3, &["search", "Count tele"]), "");
}

#[test]
fn one_release_after_the_other() {
    let device = with_rows();
    assert!(device.run(RELEASE_2, &["list"]).contains("at low tide (birds, coast)"));
    device.run(RELEASE_2, &["tag", "2", "home"]);
    device.run(RELEASE_2, &["add", "New"]);
    let list = LIST.replace("telescope", "telescope (home)");
    let (open, done) = list.split_at(list.find("   2").unwrap());
    assert_eq!(device.run(RELEASE_3, &["list"]), format!("{open}   3 [ ] New\n{done}"));
}

#[test]
fn a_new_device() {
    let device = Device::new();
    assert_eq!(device.run(RELEASE_3, &["add", "Hello", "to the world"]), "1\n");
    assert_eq!(device.run(RELEASE_3, &["search", "world"]), "   1 [ ] Hello\n         to the world\n");
    assert_eq!(device.files(), ["notes.db"]);
}

#[test]
fn an_older_release_is_told_and_changes_nothing() {
    let device = with_rows();
    device.run(RELEASE_3, &["list"]);
    let (bytes, files) = (device.bytes(), device.files());
    for release in [RELEASE_1, RELEASE_2] {
        for arguments in [&["list"] as &[&str], &["add", "from an older release"], &["done", "1"]] {
            let output = device.start(release, arguments);
            let told = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success());
            assert!(told.starts_with("These notes were written by a newer release. Please update"), "{told}");
            assert!(told.contains("W0714") && told.contains("0005_add-search"), "{told}");
            assert!(device.bytes() == bytes, "{release} changed the database");
            assert_eq!(device.files(), files);
        }
    }
    assert_eq!(device.run(RELEASE_3, &["list"]), LIST);
}

#[test]
fn the_releases_share_what_they_have_in_common() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text =
        |release: &str, file: &str| fs::read_to_string(root.join(release).join("migrations").join(file)).unwrap();
    for (older, newer) in [("release-1", "release-2"), ("release-2", "release-3")] {
        let files = fs::read_dir(root.join(older).join("migrations")).unwrap().map(|entry| entry.unwrap().file_name());
        for file in files.filter(|file| file.to_str().unwrap().ends_with(".sql")) {
            let file = file.to_str().unwrap();
            assert_eq!(text(older, file), text(newer, file), "{file}");
        }
    }
}

#[test]
fn without_arguments_they_say_what_they_take() {
    for release in [RELEASE_1, RELEASE_2, RELEASE_3] {
        let output = Command::new(release).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains("FILE list"));
    }
}
