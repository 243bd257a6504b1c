//! A PostgreSQL of the tests' own, and a new database for each of them.
//!
//! [`database`] starts a server when the first test asks for it, on a private socket and with nothing of durability
//! switched on. All test processes of a user share it; it stops by itself some seconds after the last of them is gone,
//! however that one ended. The binaries must be installed, but no server need run.
//!
//! ```no_run
//! let database = whimbrel_postgres_server::database("notes");
//! database.execute("CREATE TABLE notes(id integer PRIMARY KEY)");
//! assert!(database.dump().contains("CREATE TABLE public.notes"));
//! ```
//!
//! | variable | means |
//! |---|---|
//! | `WHIMBREL_TEST_POSTGRES` | the URL of a server to use instead, with a superuser's role |
//! | `WHIMBREL_TEST_POSTGRES_FOLDER` | where the server's folder is made; among the temporary files otherwise |
//! | `WHIMBREL_TEST_POSTGRES_IDLE` | how many seconds it runs on when nobody uses it; 20 otherwise |
//! | `WHIMBREL_TEST_POSTGRES_BIN` | the folder of `postgres` and `initdb`, to test with another version |
//!
//! Everything here panics where it cannot go on: it is for tests.

mod binaries;
#[cfg(unix)]
mod cluster;
mod session;

pub use session::Session;

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Databases of tests begin so. Behind it stand the time, the process and a number.
const PREFIX: &str = "whimbrel_test_";

/// A database of one test. It is dropped with this value, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    /// The URL, as a superuser.
    pub url: String,
    /// The name.
    pub name: String,
    server: Access,
    roles: Mutex<Vec<String>>,
}

/// How a server is reached.
#[derive(Debug, Clone)]
struct Access {
    /// `postgres://`, up to the role.
    scheme: String,
    /// `role:password@`, if there is something.
    credentials: String,
    /// The host as it stands in front of the path.
    host: String,
    /// `?…`
    query: String,
    /// The database to connect to for making others.
    database: String,
}

/// A new, empty database, on the server that all tests share. The hint becomes a part of its name.
///
/// # Panics
/// If PostgreSQL is not installed and cannot be, or does not start.
pub fn database(hint: &str) -> Database {
    shared().database(hint)
}

/// A server for one test alone, with settings of its own. It stops with this value.
#[cfg(unix)]
#[derive(Debug)]
pub struct Server {
    access: Access,
    cluster: cluster::Cluster,
}

#[cfg(unix)]
impl Server {
    /// Starts a server. `settings` are lines of `postgresql.conf`, `entries` are put before the others in `pg_hba.conf`,
    /// and `files` are written into its data folder, where only the server can read them.
    ///
    /// # Panics
    /// As [`database`].
    pub fn start(settings: &str, entries: &str, files: &[(&str, &str)]) -> Server {
        let cluster = cluster::Cluster::of_its_own(settings, entries, files);
        Server { access: Access::socket(&cluster), cluster }
    }

    /// A new, empty database on it.
    pub fn database(&self, hint: &str) -> Database {
        self.access.database(hint)
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        self.cluster.log()
    }
}

/// The server that all share: the one of the variable, or the one of this user.
fn shared() -> &'static Access {
    static SHARED: OnceLock<Access> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var("WHIMBREL_TEST_POSTGRES") {
        Ok(url) if !url.is_empty() => {
            let access = Access::read(&url);
            access.drop_leftovers();
            access
        }
        _ => own_server(),
    })
}

#[cfg(unix)]
fn own_server() -> Access {
    // Held until the process ends: that is how the server knows.
    static CLUSTER: OnceLock<cluster::Cluster> = OnceLock::new();
    Access::socket(CLUSTER.get_or_init(cluster::Cluster::shared))
}

#[cfg(not(unix))]
fn own_server() -> Access {
    panic!("on this system the tests start no PostgreSQL: set WHIMBREL_TEST_POSTGRES to the URL of one that runs");
}

impl Access {
    #[cfg(unix)]
    fn socket(cluster: &cluster::Cluster) -> Access {
        let folder = cluster.folder().display();
        let port = match cluster.port() {
            5432 => String::new(),
            port => format!("&port={port}"),
        };
        Access {
            scheme: "postgres://".to_owned(),
            credentials: "postgres@".to_owned(),
            host: String::new(),
            query: format!("?host={folder}{port}"),
            database: "postgres".to_owned(),
        }
    }

    fn read(url: &str) -> Access {
        let (scheme, rest) = url.split_once("://").expect("WHIMBREL_TEST_POSTGRES is a URL: postgres://…");
        let (rest, query) =
            rest.split_once('?').map_or((rest, String::new()), |(rest, query)| (rest, format!("?{query}")));
        let (credentials, rest) =
            rest.split_once('@').map_or((String::new(), rest), |(credentials, rest)| (format!("{credentials}@"), rest));
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if database.is_empty() { "postgres" } else { database };
        Access {
            scheme: format!("{scheme}://"),
            credentials,
            host: host.to_owned(),
            query,
            database: database.to_owned(),
        }
    }

    fn url(&self, database: &str) -> String {
        let Access { scheme, credentials, host, query, .. } = self;
        format!("{scheme}{credentials}{host}/{database}{query}")
    }

    fn admin(&self) -> Session {
        Session::open(&self.url(&self.database))
    }

    fn database(&self, hint: &str) -> Database {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let hint: String = hint.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{now}_{}_{number}_{}", std::process::id(), hint.to_ascii_lowercase());
        // Nobody is ever connected to template0, which would keep others from copying it.
        self.admin().execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        Database { url: self.url(&name), name, server: self.clone(), roles: Mutex::default() }
    }

    /// Drops what tests have left that were killed a day ago or earlier, and their roles.
    fn drop_leftovers(&self) {
        let admin = self.admin();
        let day_ago = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() - Duration::from_secs(86_400);
        let is_old = |name: &str| {
            let seconds = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next()?.parse::<u64>().ok());
            seconds.is_some_and(|seconds| seconds < day_ago.as_secs())
        };
        let names = |sql: &str| -> Vec<String> {
            admin.query(sql).into_iter().filter_map(|mut row| row.pop().flatten()).filter(|name| is_old(name)).collect()
        };
        // Another process may be doing the same.
        for name in names("SELECT datname FROM pg_catalog.pg_database") {
            let _ = admin.try_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
        for name in names("SELECT rolname FROM pg_catalog.pg_roles") {
            let _ = admin.try_execute(&format!("DROP ROLE IF EXISTS {name}"));
        }
    }
}

impl Database {
    /// The URL for another role.
    pub fn url_as(&self, role: &str) -> String {
        let access = Access { credentials: format!("{role}@"), ..self.server.clone() };
        access.url(&self.name)
    }

    /// A new role that may log in and connect, and has what `options` say besides: `CREATEDB`, `PASSWORD '…'`, or nothing.
    /// It is dropped with the database.
    pub fn role(&self, options: &str) -> String {
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        let role = format!("{}_r{}", self.name, roles.len());
        self.execute(&format!("CREATE ROLE {role} LOGIN {options}"));
        roles.push(role.clone());
        role
    }

    /// A connection as superuser that stays open: to hold a lock, or to look from outside.
    pub fn session(&self) -> Session {
        Session::open(&self.url)
    }

    /// Executes statements, on a connection for this alone.
    ///
    /// # Panics
    /// If one fails.
    pub fn execute(&self, sql: &str) {
        self.session().execute(sql);
    }

    /// Executes a query, on a connection for this alone. NULL is `None`.
    ///
    /// # Panics
    /// If it fails.
    pub fn query(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.session().query(sql)
    }

    /// The only value of a query's only row.
    ///
    /// # Panics
    /// If it fails, or gives anything else, or NULL.
    pub fn value(&self, sql: &str) -> String {
        match self.query(sql).as_slice() {
            [row] if row.len() == 1 => row[0].clone().unwrap_or_else(|| panic!("{sql} gives NULL")),
            rows => panic!("{sql} gives no single value, but {rows:?}"),
        }
    }

    /// What psql prints for statements, without alignment and headings; `None` where there is no psql. It understands
    /// what only psql does, such as `COPY … FROM stdin`.
    ///
    /// # Panics
    /// If a statement fails.
    pub fn psql(&self, sql: &str) -> Option<String> {
        use std::io::Write;
        let mut command = Command::new(binaries::find("psql")?);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-", &self.url]);
        let pipe = std::process::Stdio::piped;
        let mut child = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().expect("psql starts");
        let mut input = child.stdin.take().expect("psql has an input");
        let sql = sql.to_owned();
        // psql may write before it has read all.
        let writer = std::thread::spawn(move || input.write_all(sql.as_bytes()));
        let output = child.wait_with_output().expect("psql ends");
        let _ = writer.join();
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The schema as `pg_dump -s` writes it, without comments, empty lines, and what differs from call to call.
    ///
    /// # Panics
    /// If pg_dump is missing or fails.
    pub fn dump(&self) -> String {
        self.dump_with(&[])
    }

    /// The same with more arguments to pg_dump.
    ///
    /// # Panics
    /// If pg_dump is missing or fails.
    pub fn dump_with(&self, arguments: &[&str]) -> String {
        let dump = binaries::find("pg_dump").unwrap_or_else(|| panic!("{}", binaries::MISSING));
        let output = Command::new(dump).args(["-s", "-d", &self.url]).args(arguments).output().expect("pg_dump starts");
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        stripped(&String::from_utf8_lossy(&output.stdout))
    }

    /// Ends all connections to the database, as an administrator does, and returns how many there were.
    pub fn terminate_backends(&self) -> usize {
        let admin = self.server.admin();
        let ended = admin.query(&format!(
            "SELECT pid, pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
        ended.len()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test that fails here too would hide why it failed before.
        let Ok(admin) = Session::try_open(&self.server.url(&self.server.database)) else { return };
        let _ = admin.try_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        for role in self.roles.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = admin.try_execute(&format!("DROP ROLE IF EXISTS {role}"));
        }
    }
}

/// A dump without comments and empty lines. Newer versions of pg_dump put a random word behind `\restrict`.
fn stripped(dump: &str) -> String {
    let is_kept = |line: &&str| {
        let line = line.trim();
        !line.is_empty()
            && !line.starts_with("--")
            && !line.starts_with("\\restrict")
            && !line.starts_with("\\unrestrict")
    };
    dump.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_server_is_read_from_its_url() {
        let access = Access::read("postgres://anna:x@db.example.org:5433/start?sslmode=require");
        assert_eq!(access.url("other"), "postgres://anna:x@db.example.org:5433/other?sslmode=require");
        assert_eq!(access.database, "start");
        assert_eq!(Access::read("postgres://localhost").url("a"), "postgres://localhost/a");
        assert_eq!(Access::read("postgres:///?host=/tmp").url("a"), "postgres:///a?host=/tmp");
    }

    #[test]
    fn a_dump_keeps_only_its_statements() {
        let dump = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET x = 1;\n\nCREATE TABLE a (\n    b text\n);\n\n\\unrestrict abc\n";
        assert_eq!(stripped(dump), "SET x = 1;\nCREATE TABLE a (\n    b text\n);\n");
    }
}
