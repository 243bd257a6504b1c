//! The server that tests share: it is there for many processes, and gone when they are, however they ended.
//!
//! The processes are this program itself, started again with a variable that makes one test wait.

#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "that is how the other process tells where its database is")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use whimbrel_postgres_server::{Server, Session, database};

/// Tells the test below what to do in a process of its own.
const ROLE: &str = "WHIMBREL_TEST_ROLE";

/// Another process that uses a server in a folder of its own, and waits.
struct Process {
    child: Child,
    url: String,
}

fn process(temporary: &std::path::Path) -> Process {
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--exact", "waits_where_it_is_told_to", "--nocapture"])
        .env(ROLE, "wait")
        .env("WHIMBREL_TEST_POSTGRES_FOLDER", temporary)
        .env("WHIMBREL_TEST_POSTGRES_IDLE", "3")
        .env_remove("WHIMBREL_TEST_POSTGRES")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program starts");
    let output = BufReader::new(child.stdout.take().expect("its output is piped"));
    let url = output.lines().map_while(Result::ok).find_map(|line| Some(line.split_once("at ")?.1.to_owned()));
    Process { child, url: url.expect("it says where its database is") }
}

impl Process {
    fn folder(&self) -> &str {
        self.url.split_once("host=").expect("the socket is in the URL").1
    }

    fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

#[test]
fn waits_where_it_is_told_to() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let database = database("waits");
    println!("at {}", database.url);
    std::thread::sleep(Duration::from_secs(300));
}

#[test]
fn processes_share_a_server_which_ends_after_them() {
    let temporary = std::env::temp_dir().join(format!("whimbrel-server-{}", std::process::id()));
    std::fs::create_dir_all(&temporary).expect("a folder can be made");
    let (mut one, mut other) = (process(&temporary), process(&temporary));
    assert_eq!(one.folder(), other.folder());
    assert_ne!(one.url, other.url);

    one.kill();
    Session::open(&other.url).execute("SELECT 1");
    other.kill();
    let until = Instant::now() + Duration::from_secs(60);
    while Session::try_open(&other.url).is_ok() || std::path::Path::new(other.folder()).join("data").exists() {
        assert!(Instant::now() < until, "the server still runs, and nobody uses it");
        std::thread::sleep(Duration::from_millis(500));
    }

    // What a script leaves that was killed itself is found by the next one that starts a server.
    let left = temporary.join(std::path::Path::new(other.folder()).parent().expect("it has one")).join("abc");
    std::fs::create_dir_all(left.join("data")).expect("a folder can be made");
    std::fs::write(left.join("ready"), "").expect("a file can be made");
    let mut one = process(&temporary);
    assert!(!left.exists());
    assert_ne!(one.folder(), other.folder());
    one.kill();
    let _ = std::fs::remove_dir_all(&temporary);
}

#[test]
fn a_database_is_new_and_gone_with_its_value() {
    let (one, other) = (database("One, with ä"), database("two"));
    one.execute("CREATE TABLE t(a integer PRIMARY KEY, b text)");
    assert_eq!(other.value("SELECT count(*) FROM pg_class WHERE relname = 't'"), "0");
    assert_eq!(one.value("SELECT current_setting('server_encoding')"), "UTF8");
    one.session().execute("INSERT INTO t VALUES (1, NULL), (2, 'ä')");
    let rows = one.query("SELECT a, b FROM t ORDER BY a");
    assert_eq!(rows, [[Some("1".to_owned()), None], [Some("2".to_owned()), Some("ä".to_owned())]]);

    let dump = one.dump();
    assert!(dump.contains("CREATE TABLE public.t (") && !dump.contains("--") && !dump.contains("restrict"), "{dump}");
    if let Some(count) = one.psql("COPY t FROM stdin;\n3\tx\n\\.\nSELECT count(*) FROM t;\n") {
        assert_eq!(count, "3\n");
    }

    // Somebody is still connected.
    let held = one.session();
    let (name, url) = (one.name.clone(), one.url.clone());
    drop(one);
    assert_eq!(other.value(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")), "0");
    assert!(held.try_execute("SELECT 1").is_err());
    assert!(Session::try_open(&url).is_err_and(|why| why.starts_with("3D000")));
}

#[test]
fn a_role_has_what_was_asked_for_and_no_more() {
    let database = database("roles");
    let (plain, maker) = (database.role(""), database.role("CREATEDB"));
    let session = Session::open(&database.url_as(&plain));
    assert_eq!(session.query("SELECT current_user"), [[Some(plain.clone())]]);
    let refused = session.try_execute("CREATE DATABASE whimbrel_test_never").expect_err("it lacks the right");
    assert!(refused.starts_with("42501"), "{refused}");
    let made = format!("{}_made", database.name);
    let session = Session::open(&database.url_as(&maker));
    session.execute(&format!("CREATE DATABASE {made} TEMPLATE template0"));
    session.execute(&format!("DROP DATABASE {made}"));
}

#[test]
fn backends_are_terminated_and_a_lock_is_held() {
    let database = database("held");
    database.execute("CREATE TABLE t(a integer)");
    let (one, other) = (database.session(), database.session());
    one.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    let waits = other.start("SELECT * FROM t");
    assert!(waits.is_there_within(Duration::from_millis(200)).is_none(), "the lock holds nobody up");
    one.execute("COMMIT");
    assert!(waits.wait().expect("the lock is gone").is_empty());

    assert_eq!(database.terminate_backends(), 2);
    assert!(one.try_execute("SELECT 1").is_err());
    database.execute("SELECT 1");
}

#[test]
fn a_server_of_a_tests_own_has_its_settings_and_goes() {
    let server = Server::start("work_mem = '5MB'", "", &[("extra.txt", "x")]);
    let database = server.database("own");
    assert_eq!(database.value("SHOW work_mem"), "5MB");
    assert_eq!(database.value("SELECT pg_read_file('extra.txt')"), "x");
    assert!(server.log().contains("ready to accept connections"));
    let url = database.url.clone();
    drop(database);
    drop(server);
    assert!(Session::try_open(&url).is_err(), "it still runs");
}
