//! A server of the tests' own: who starts it, who shares it, and who stops it.
//!
//! Everything is in one folder per user, `whimbrel-postgres-<user>` among the temporary files:
//!
//! | | |
//! |---|---|
//! | `lock` | held while somebody looks for the shared server or starts it |
//! | `current` | the name of the folder with the shared server |
//! | `<name>/` | a server: `data`, `log`, its socket, `users`, `ready` |
//!
//! Each process that uses a server holds the pipe `users` open. A small shell script, the server's parent, reads it: the
//! end of the pipe says that nobody uses the server any more, also when processes were killed. It then waits a while for
//! the next test program, takes `ready` away, looks once more, and stops the server. A folder whose pipe nobody reads was
//! left behind by a script that was itself killed; whoever finds it removes it, and a server that has lost its data folder
//! ends by itself.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::binaries;

/// How long the shared server waits for another user, in seconds: test programs run one after another.
const IDLE: u32 = 20;

/// The variable that says otherwise.
const IDLE_VARIABLE: &str = "WHIMBREL_TEST_POSTGRES_IDLE";

/// Nothing is kept, so nothing need be durable; and nothing happens by itself that could hold a lock or change a plan.
const SETTINGS: &str = "
listen_addresses = ''
max_connections = 200
max_locks_per_transaction = 256
shared_buffers = 64MB
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
jit = off
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
";

/// Ends with the last process that holds `users` open. A byte says that somebody was here, however shortly.
const SCRIPT: &str = r#"
"$1/postgres" -D data </dev/null >>log 2>&1 &
server=$!
trap 'kill -QUIT $server 2>/dev/null' TERM INT HUP
exec 4<>users 3<users 4>&-
quiet=0
while kill -0 $server 2>/dev/null && [ -e data ]; do
    if [ $(cat <&3 | wc -c) -gt 0 ]; then quiet=0; fi
    quiet=$((quiet + 1))
    limit=$2
    if [ ! -e ready ]; then limit=60; fi
    if [ $quiet -le $limit ]; then sleep 1 3<&-; continue; fi
    mv ready ending || break
    (cat <&3 >/dev/null; mv ending ended) &
    late=$!
    sleep 1 3<&-
    if [ -e ended ]; then break; fi
    kill $late
    mv ending ready
    quiet=0
done
kill -QUIT $server 2>/dev/null
wait $server
rm -rf -- data log users ready ending ended .s.PGSQL.*
rmdir "$PWD" 2>/dev/null
exit 0
"#;

/// A server, in use as long as this value lives.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    /// The pipe that is held open.
    users: Option<File>,
    /// The script, where this process has started it.
    script: Option<Child>,
    /// Whether nobody else uses it.
    is_own: bool,
}

/// A shared server's script notices by itself. One of a test's own is seen to its end, so that its folder is gone.
impl Drop for Cluster {
    fn drop(&mut self) {
        self.users = None;
        if let Some(mut script) = self.script.take().filter(|_| self.is_own) {
            let _ = script.wait();
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

impl Cluster {
    /// The server that all of this user's tests share; it is started if there is none.
    pub fn shared() -> Cluster {
        let base = base();
        let lock = OpenOptions::new().create(true).append(true).open(base.join("lock"));
        let lock = lock.unwrap_or_else(|error| panic!("{} cannot be locked: {error}", base.display()));
        lock.lock().unwrap_or_else(|error| panic!("{} cannot be locked: {error}", base.display()));
        let current = base.join("current");
        if let Some(cluster) = fs::read_to_string(&current).ok().and_then(|name| Cluster::join(&base.join(name))) {
            return cluster;
        }
        remove_leftovers(&base);
        let idle = std::env::var(IDLE_VARIABLE).ok().and_then(|seconds| seconds.parse().ok());
        let cluster = Cluster::start(&base, idle.unwrap_or(IDLE).max(1), "", "", &[]);
        let name = cluster.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        fs::write(&current, name).unwrap_or_else(|error| panic!("{} cannot be written: {error}", current.display()));
        cluster
    }

    /// A server that nobody else uses.
    pub fn of_its_own(settings: &str, entries: &str, files: &[(&str, &str)]) -> Cluster {
        Cluster::start(&base(), 0, settings, entries, files)
    }

    /// The folder with its socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        port(&self.folder).unwrap_or(5432)
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Becomes a user of a server that runs. While its script is about to stop it, that is waited for.
    fn join(folder: &Path) -> Option<Cluster> {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            let users = hold(folder).ok()?;
            // Looked at with the pipe held: the script takes `ready` away before it looks at the pipe a last time.
            if folder.join("ready").exists() {
                return accepts(folder).then(|| Cluster {
                    folder: folder.to_owned(),
                    users: Some(users),
                    script: None,
                    is_own: false,
                });
            }
            drop(users);
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    }

    fn start(base: &Path, idle: u32, settings: &str, entries: &str, files: &[(&str, &str)]) -> Cluster {
        let binaries = binaries::of_server_or_install();
        let user = binaries::is_root().then(server_user);
        let folder = new_folder(base);
        // The server refuses to run as root.
        if let Some((user, group)) = user {
            must(chown(&folder, Some(user), Some(group)), &folder);
        }
        let command = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&folder).stdin(Stdio::null()).env("LC_ALL", "C");
            for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
                command.env_remove(name);
            }
            if let Some((user, group)) = user {
                command.uid(user).gid(group);
            }
            command
        };
        let initdb = command(&binaries.join("initdb"))
            .args(["-D", "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .unwrap_or_else(|error| panic!("initdb cannot be started: {error}"));
        assert!(
            initdb.status.success(),
            "initdb failed: {}{}",
            String::from_utf8_lossy(&initdb.stdout),
            String::from_utf8_lossy(&initdb.stderr)
        );
        let data = folder.join("data");
        let sockets = format!("unix_socket_directories = '{}'\n", folder.display());
        append(&data.join("postgresql.conf"), &format!("{SETTINGS}{sockets}{settings}\n"));
        let hba = data.join("pg_hba.conf");
        let usual = fs::read_to_string(&hba).unwrap_or_default();
        must(fs::write(&hba, format!("{entries}\n{usual}")), &hba);
        for (name, text) in files {
            let path = data.join(name);
            must(fs::write(&path, text), &path);
            must(fs::set_permissions(&path, Permissions::from_mode(0o600)), &path);
            if let Some((user, group)) = user {
                must(chown(&path, Some(user), Some(group)), &path);
            }
        }
        let made = command(Path::new("mkfifo")).arg("users").status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo failed in {}", folder.display());
        let mut script = command(Path::new("/bin/sh"));
        script.args(["-c", SCRIPT, "whimbrel-postgres"]).arg(&binaries).arg(idle.to_string());
        // A group of its own: an interrupt at the terminal is for the tests, and the script outlives them.
        script.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let script = script.spawn().unwrap_or_else(|error| panic!("/bin/sh cannot be started: {error}"));
        let mut cluster = Cluster { folder: folder.clone(), users: None, script: Some(script), is_own: idle == 0 };
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            // Held as soon as it is read, or the script takes the server for unused.
            if cluster.users.is_none() {
                cluster.users = hold(&folder).ok();
            }
            if cluster.users.is_some() && accepts(&folder) {
                let ready = folder.join("ready");
                must(fs::write(&ready, ""), &ready);
                return cluster;
            }
            let has_ended = cluster.script.as_mut().is_some_and(|script| !matches!(script.try_wait(), Ok(None)));
            assert!(!has_ended && Instant::now() < until, "PostgreSQL does not start:\n{}", cluster.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Becomes a user: opens the pipe for writing. That fails if nobody reads it.
fn hold(folder: &Path) -> io::Result<File> {
    let mut users = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(folder.join("users"))?;
    if !users.metadata()?.file_type().is_fifo() {
        return Err(io::Error::other("not a pipe"));
    }
    users.write_all(b".")?;
    Ok(users)
}

/// Whether the server answers: it listens before it is ready, and says in its file when it is.
fn accepts(folder: &Path) -> bool {
    let state = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let is_ready = state.lines().nth(7).is_some_and(|line| line.trim() == "ready");
    is_ready
        && port(folder).is_some_and(|port| {
            std::os::unix::net::UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).is_ok()
        })
}

/// The port, which is a part of the socket's name. The server writes it into its file.
fn port(folder: &Path) -> Option<u16> {
    let state = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
    state.lines().nth(3)?.trim().parse().ok()
}

/// The folder of this user. Others may not look into it; only where root runs the tests, the server's user has to pass.
fn base() -> PathBuf {
    let user = binaries::effective_user().expect("the folder for temporary files can be written");
    let name = format!("whimbrel-postgres-{user}");
    let base = match std::env::var_os("WHIMBREL_TEST_POSTGRES_FOLDER") {
        Some(folder) => PathBuf::from(folder).join(name),
        // A socket's path has at most 103 bytes on some systems, and another user has to get there where root runs the
        // tests.
        None if std::env::temp_dir().as_os_str().len() > 50 || binaries::is_root() => Path::new("/tmp").join(name),
        None => std::env::temp_dir().join(name),
    };
    let mode = if binaries::is_root() { 0o711 } else { 0o700 };
    match DirBuilder::new().mode(mode).create(&base) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => must(Err(error), &base),
        _ => {}
    }
    let meta = fs::symlink_metadata(&base).unwrap_or_else(|error| panic!("{}: {error}", base.display()));
    assert!(meta.is_dir() && meta.uid() == user, "{} belongs to somebody else", base.display());
    must(fs::set_permissions(&base, Permissions::from_mode(mode)), &base);
    base
}

/// A new folder for a server. No two have one name, ever: a server that is about to end removes the files it knows.
fn new_folder(base: &Path) -> PathBuf {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let folder = base.join(format!("{:x}", now ^ u128::from(std::process::id()) << 40));
    must(DirBuilder::new().mode(0o700).create(&folder), &folder);
    folder
}

/// Removes the folders of servers whose script was killed. One that is just being started has no pipe yet, and is young.
fn remove_leftovers(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let age = fs::metadata(&folder).and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
        let is_young = age.is_none_or(|age| age < Duration::from_secs(120));
        let is_read = hold(&folder).is_ok();
        let is_being_made = is_young && !folder.join("ready").exists();
        if !is_read && !is_being_made {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// The user and group that a server runs as when root runs the tests.
fn server_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let mut fields =
            users.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).unwrap_or_else(|| {
        panic!("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run the tests as another user")
    })
}

fn append(path: &Path, text: &str) {
    let appended = OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    must(appended, path);
}

fn must<T>(done: io::Result<T>, path: &Path) -> T {
    done.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
