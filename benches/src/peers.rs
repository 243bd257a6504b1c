//! The peers: programs of their own, built or installed when they are first needed.
//!
//! Each package in `peers/` has its own lock file, because each brings its own SQLite. What cannot be had here (a missing
//! language, no network) is left out with a word, and everything else is measured.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use peer_protocol::Outcome;
use serde_json::Value;

use crate::cases::Who;
use crate::measure::Program;

/// The peers' programs, as far as they were needed.
#[derive(Debug)]
pub struct Peers {
    /// The folder `peers`.
    source: PathBuf,
    programs: HashMap<Who, Result<Program, String>>,
    tell: fn(&str),
}

impl Peers {
    /// Peers beside this package.
    pub fn new(tell: fn(&str)) -> Peers {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        Peers { source, programs: HashMap::new(), tell }
    }

    /// The program of a contestant.
    ///
    /// # Errors
    /// Why there is none.
    pub fn program(&mut self, who: Who) -> Outcome<Program> {
        if let Some(known) = self.programs.get(&who) {
            return Ok(known.clone()?);
        }
        let made = match who {
            Who::Whimbrel => self.contestant("whimbrel"),
            Who::ByHand => self.contestant("by-hand"),
            Who::Peer(name) => {
                (self.tell)(&format!("making {name} ready"));
                let (python_script, npm_script) = (format!("{name}_peer.py"), format!("{name}_peer.mjs"));
                match &self.source {
                    source if source.join("python").join(&python_script).is_file() => {
                        python(&source.join("python"), &python_script)
                    }
                    source if source.join("npm").join(&npm_script).is_file() => npm(&source.join("npm"), &npm_script),
                    source => cargo(&source.join(name), &kept(name)?),
                }
            }
        };
        let made = made.map_err(|e| e.to_string());
        self.programs.insert(who, made.clone());
        Ok(made?)
    }

    /// The program beside this one, in the same workspace, as one of the two that it can be.
    fn contestant(&self, word: &str) -> Outcome<Program> {
        (self.tell)(&format!("making {word} ready"));
        let program = cargo(&self.source.with_file_name("contestants"), &target()?)?;
        Ok(Program { words: vec![word.to_owned()], ..program })
    }
}

/// The folder of what cargo makes, in which this program lies.
fn target() -> Outcome<PathBuf> {
    Ok(std::env::current_exe()?.ancestors().nth(2).ok_or("this program lies nowhere")?.to_owned())
}

/// Where what a peer needs is kept between runs: among the files that cargo makes.
fn kept(name: &str) -> Outcome<PathBuf> {
    Ok(target()?.join("peers").join(name))
}

/// Builds a package of Rust. Peers have a folder of their own each: what they share, they build with other features.
fn cargo(package: &Path, target: &Path) -> Outcome<Program> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--release", "--locked", "--quiet", "--message-format=json", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let values = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = values.filter_map(|value| value["executable"].as_str().map(PathBuf::from)).last();
    match path {
        Some(path) if output.status.success() => Ok(Program { path, words: Vec::new(), environment: BTreeMap::new() }),
        _ => Err("it could not be built".into()),
    }
}

/// Installs the pinned packages for Python into an environment of their own.
fn python(source: &Path, script: &str) -> Outcome<Program> {
    let folder = kept("python")?;
    let bin = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let (path, is_ready) = (bin.join("python"), folder.join("requirements.txt"));
    let requirements = fs::read(source.join("requirements.txt"))?;
    if fs::read(&is_ready).ok().as_ref() != Some(&requirements) {
        let found = ["python3", "python"].into_iter().find(|name| succeeds(Command::new(name).arg("--version")));
        let python = found.ok_or("there is no Python here")?;
        if !succeeds(Command::new(python).args(["-m", "venv", "--clear"]).arg(&folder)) {
            return Err("Python cannot make an environment here".into());
        }
        let mut install = Command::new(&path);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        if !succeeds(install.arg(source.join("requirements.txt"))) {
            return Err("its packages cannot be installed".into());
        }
        fs::write(is_ready, requirements)?;
    }
    let script = source.join(script).to_string_lossy().into_owned();
    let environment = BTreeMap::from([("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())]);
    Ok(Program { path, words: vec![script], environment })
}

/// Installs the pinned packages of npm into a folder of their own. The scripts are copied there: they find what they import
/// beside them.
fn npm(source: &Path, script: &str) -> Outcome<Program> {
    let folder = kept("npm")?;
    fs::create_dir_all(&folder)?;
    let (path, is_ready) = (PathBuf::from("node"), folder.join("installed.json"));
    if !succeeds(Command::new(&path).arg("--version")) {
        return Err("there is no Node here".into());
    }
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    let packages = fs::read(source.join("package-lock.json"))?;
    if fs::read(&is_ready).ok().as_ref() != Some(&packages) {
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let mut install = Command::new(npm);
        if !succeeds(install.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder)) {
            return Err("its packages cannot be installed".into());
        }
        fs::write(is_ready, packages)?;
    }
    let script = folder.join(script).to_string_lossy().into_owned();
    Ok(Program { path, words: vec![script], environment: BTreeMap::new() })
}

fn succeeds(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
