//! What `core` promises about itself: no host, no I/O, and futures that may cross threads when their host may.

use std::process::Command;

use whimbrel_core::Schema;
use whimbrel_core::history::History;
use whimbrel_core::run::{
    Baseline, Cancel, Connection, Failure, Row, Settings, UpgradeSettings, baseline, downgrade, make_plan, recreate,
    replay, run_plan, upgrade,
};

/// A host that can be sent to another thread; it is never asked anything.
struct Sendable;

impl Connection for Sendable {
    type Scratch = Sendable;

    async fn execute(&mut self, _: &str) -> Result<u64, Failure> {
        Ok(0)
    }

    async fn query(&mut self, _: &str) -> Result<Vec<Row>, Failure> {
        Ok(Vec::new())
    }

    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn scratch(&mut self) -> Result<Sendable, Failure> {
        Ok(Sendable)
    }

    async fn free_space(&mut self) -> Option<u64> {
        None
    }
}

#[test]
fn procedures_are_send_when_their_host_is() {
    fn is_send(_: impl Send) {}
    let (schema, settings, plan) = (Schema::default(), Settings::default(), Default::default());
    is_send(make_plan(&mut Sendable, &schema, &settings, &mut |_| None));
    is_send(run_plan(&mut Sendable, &plan, &mut (), &Cancel::default()));
    let (history, settings) = (History::default(), UpgradeSettings::default());
    is_send(upgrade(&mut Sendable, &history, &settings, &mut (), &mut (), &Cancel::default()));
    is_send(downgrade(&mut Sendable, &history, &[], &settings, &mut (), &Cancel::default()));
    is_send(baseline(&mut Sendable, &history, &Baseline::default()));
    is_send(replay(&mut Sendable, &history));
    is_send(recreate(&mut Sendable, &schema, &mut ()));
}

fn cargo(arguments: &[&str]) -> std::process::Output {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).args(["--manifest-path", manifest]);
    command.output().expect("cargo runs")
}

#[test]
fn core_depends_on_no_host() {
    let output = cargo(&["tree", "--edges", "normal", "--prefix", "none", "--package", "whimbrel-core"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout).into_owned();
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(crates.contains(&"whimbrel-core") && crates.contains(&"serde_json"), "{tree}");
    let hosts = ["rusqlite", "libsqlite3-sys", "tokio", "tokio-postgres", "wasm-bindgen", "getrandom", "rand", "libc"];
    // sha2 asks the processor for its features through libc on some targets only; nothing else may.
    for host in hosts.into_iter().filter(|host| *host != "libc") {
        assert!(!crates.contains(&host), "core depends on {host}:\n{tree}");
    }
}

/// The macro runs in the compiler: whatever it depends on is compiled for every app a second time.
#[test]
fn the_macro_brings_no_database() {
    let output = cargo(&["tree", "--edges", "normal", "--prefix", "none", "--package", "whimbrel-embed"]);
    let tree = String::from_utf8_lossy(&output.stdout).into_owned();
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(output.status.success() && crates.contains(&"whimbrel-files"), "{tree}");
    let database = crates.iter().find(|name| name.contains("sqlite"));
    assert_eq!(database, None, "the macro depends on a database:\n{tree}");
}

#[test]
fn core_builds_for_wasm() {
    let target = "wasm32-unknown-unknown";
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs");
    let installed = std::path::Path::new(String::from_utf8_lossy(&sysroot.stdout).trim())
        .join("lib/rustlib")
        .join(target)
        .join("lib")
        .is_dir();
    if !installed {
        let added = Command::new("rustup").args(["target", "add", target]).status();
        assert!(
            added.is_ok_and(|status| status.success()),
            "the standard library for {target} is not installed: `rustup target add {target}`"
        );
    }
    // A folder of its own: the one of the running build is locked.
    let folder = concat!(env!("CARGO_TARGET_TMPDIR"), "/wasm");
    let output = cargo(&["build", "--lib", "--target", target, "--target-dir", folder]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
