//! The host over tokio-postgres, on a real server: what fails as what, what is stopped and how, and who is trusted.

use std::future::Future;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use whimbrel::Code;
use whimbrel::postgres_host::{Address, Postgres, shown_url};
use whimbrel::run::{Connection, Failure, FailureKind, Value};
use whimbrel_core::postgres::host::Host;
use whimbrel_postgres_server::{Database, Server, database};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(future)
}

async fn connect(database: &Database) -> Postgres {
    Postgres::connect(&database.url).await.expect("the database is there")
}

async fn fails(host: &mut Postgres, sql: &str) -> Failure {
    host.query(sql).await.err().unwrap_or_else(|| panic!("{sql} does not fail"))
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[test]
fn values_arrive_as_text_and_changes_are_counted() {
    let database = database("values");
    run(async {
        let mut host = connect(&database).await;
        assert_eq!(host.execute("CREATE TABLE t(a integer, b bytea)").await.expect("it is made"), 0);
        assert_eq!(host.execute("INSERT INTO t VALUES (1, '\\x00ff'), (2, NULL)").await.expect("they fit"), 2);
        let rows = host.query("SELECT a, b, a > 1, 1.50 FROM t ORDER BY a").await.expect("it can be read");
        assert_eq!(rows[0], [text("1"), text("\\x00ff"), text("f"), text("1.50")]);
        assert_eq!(rows[1], [text("2"), Value::Null, text("t"), text("1.50")]);
        assert_eq!(host.execute("DELETE FROM t").await.expect("they can be deleted"), 2);
        assert_eq!(host.execute("").await.expect("nothing is something"), 0);
        assert_eq!(host.scratch().await.err().map(|failure| failure.kind), Some(FailureKind::Other));
        assert!(host.header().await.is_err() && host.free_space().await.is_none());
    });
}

#[test]
fn each_kind_of_failure_is_told_by_its_state() {
    let database = database("kinds");
    database.execute(
        "CREATE TABLE t(id integer PRIMARY KEY, mail text UNIQUE NOT NULL, age integer CHECK (age > 0));
         CREATE VIEW v AS SELECT mail FROM t; INSERT INTO t VALUES (1, 'a@b.c', 30);
         CREATE VIEW old AS SELECT * FROM t WHERE age > 20 WITH CHECK OPTION;
         CREATE DOMAIN small AS integer CONSTRAINT is_small CHECK (VALUE < 10)",
    );
    use FailureKind::*;
    let cases = [
        (Constraint, "23505", "INSERT INTO t VALUES (2, 'a@b.c', 1)", "constraint \"t_mail_key\" (table \"t\")"),
        (Constraint, "23502", "UPDATE t SET mail = NULL", "column \"mail\" of relation \"t\""),
        (Constraint, "23514", "UPDATE t SET age = -4711", "\"t_age_check\""),
        (Constraint, "23514", "SELECT 4711::small", "\"is_small\""),
        (Constraint, "44000", "INSERT INTO old VALUES (3, 'x@b.c', 7)", "check option for view \"old\""),
        (Constraint, "23505", "WITH x AS (INSERT INTO t VALUES (1, 'q', 1)) SELECT 1", "\"t_pkey\""),
        (Statement, "42601", "SELEC 1", "syntax error"),
        (Statement, "42P01", "SELECT * FROM nowhere", "relation \"nowhere\" does not exist"),
        (Statement, "42703", "SELECT emial FROM t", "does not exist"),
        (Statement, "2BP01", "DROP TABLE t", "depends on table t"),
        (Statement, "42704", "CREATE TABLE u(a nonsense)", "type \"nonsense\" does not exist"),
        (Statement, "22P02", "SELECT mail::integer FROM t", "type integer: \"…\""),
        (Statement, "22P02", "SELECT integer 'abc'", "type integer: \"abc\""),
        (Statement, "22012", "SELECT 1 / (id - 1) FROM t", "division by zero"),
        (Statement, "0A000", "SELECT 1 FROM t GROUP BY id FOR UPDATE", "GROUP BY"),
        (Statement, "3F000", "CREATE TABLE nowhere.u(a integer)", "nowhere"),
        (Statement, "55000", "SELECT * FROM empty_one", "has not been populated. Use the REFRESH"),
        (Other, "P0001", "DO $$ BEGIN RAISE 'the author says no' USING DETAIL = 'a@b.c'; END $$", "the author says no"),
    ];
    run(async {
        let mut host = connect(&database).await;
        let made = host.execute("CREATE MATERIALIZED VIEW empty_one AS SELECT id FROM t WITH NO DATA").await;
        made.expect("it can be made");
        for (kind, state, sql, words) in cases {
            let failure = fails(&mut host, sql).await;
            assert_eq!((failure.kind, failure.sqlstate.as_deref()), (kind, Some(state)), "{sql}: {failure}");
            assert!(failure.message.contains(words), "{sql}: {failure}");
            let values = ["a@b.c", "4711", "x@b.c", "(1)"];
            assert!(!values.iter().any(|value| failure.message.contains(value)), "{sql}: {failure}");
        }

        host.execute("SET default_transaction_read_only = on").await.expect("it can be set");
        let failure = fails(&mut host, "CREATE TABLE u(a integer)").await;
        assert_eq!((failure.kind, failure.error(Code::Database, "").code()), (ReadOnly, Code::ReadOnly));
        host.execute("RESET default_transaction_read_only").await.expect("it can be reset");

        host.execute("SET statement_timeout = '20ms'").await.expect("it can be set");
        let failure = fails(&mut host, "SELECT pg_sleep(10)").await;
        assert_eq!((failure.kind, failure.sqlstate.as_deref()), (Interrupted, Some("57014")));
    });
}

#[test]
fn a_role_without_a_right_is_not_permitted() {
    let database = database("rights");
    database.execute("CREATE TABLE t(a integer)");
    let role = database.role("");
    run(async {
        let mut host = Postgres::connect(&database.url_as(&role)).await.expect("it may connect");
        for sql in ["SELECT * FROM t", "ALTER TABLE t ADD b integer", "CREATE DATABASE whimbrel_test_never"] {
            let failure = fails(&mut host, sql).await;
            assert_eq!(
                (failure.kind, failure.sqlstate.as_deref()),
                (FailureKind::NotPermitted, Some("42501")),
                "{sql}"
            );
            let error = failure.error(Code::Database, "the table cannot be read");
            assert_eq!(error.code(), Code::NotPermitted);
            assert!(error.to_string().contains("the table cannot be read: "), "{error}");
        }
    });
    let error = run(Postgres::connect(&database.url_as("nobody_of_this_name"))).expect_err("there is no such role");
    assert_eq!(error.code(), Code::NotPermitted, "{error}");
}

#[test]
fn the_place_of_a_mistake_is_counted_in_bytes() {
    let database = database("place");
    run(async {
        let mut host = connect(&database).await;
        let sql = "SELECT 'ä☃', emial";
        let failure = fails(&mut host, sql).await;
        assert_eq!(failure.offset.map(|offset| &sql[offset..]), Some("emial"));
        let failure = fails(&mut host, "DO $$ BEGIN EXECUTE 'SELECT emial'; END $$").await;
        assert_eq!(failure.offset, None);
    });
}

#[test]
fn a_lock_that_another_holds_is_waited_for_no_longer_than_said() {
    let database = database("lock");
    database.execute("CREATE TABLE t(a integer)");
    let other = database.session();
    other.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE");
    run(async {
        let mut host = connect(&database).await;
        host.execute("SET lock_timeout = '100ms'").await.expect("it can be set");
        let started = Instant::now();
        let failure = fails(&mut host, "ALTER TABLE t ADD b integer").await;
        let waited = started.elapsed();
        assert_eq!((failure.kind, failure.sqlstate.as_deref()), (FailureKind::Busy, Some("55P03")));
        assert!(waited >= Duration::from_millis(100) && waited < Duration::from_secs(5), "{waited:?}");
        assert!(failure.error(Code::Database, "").is_busy());
        other.execute("ROLLBACK");
        host.execute("ALTER TABLE t ADD b integer").await.expect("nobody holds it any more");
    });
}

#[test]
fn a_deadlock_and_a_failed_serialization_are_busy() {
    let database = database("deadlock");
    database.execute("CREATE TABLE t(a integer PRIMARY KEY, b integer); INSERT INTO t VALUES (1, 0), (2, 0)");
    let other = database.session();
    run(async {
        let mut host = connect(&database).await;
        // The other one waits for longer, so that this one is chosen.
        other.execute("SET deadlock_timeout = '60s'; BEGIN; UPDATE t SET b = 1 WHERE a = 1");
        for sql in ["SET deadlock_timeout = '10ms'", "BEGIN", "UPDATE t SET b = 2 WHERE a = 2"] {
            host.execute(sql).await.expect("nobody is in the way");
        }
        let waits = other.start("UPDATE t SET b = 1 WHERE a = 2");
        while database.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "0" {
            host.wait(Duration::from_millis(5)).await;
        }
        let failure = fails(&mut host, "UPDATE t SET b = 2 WHERE a = 1").await;
        assert_eq!((failure.kind, failure.sqlstate.as_deref()), (FailureKind::Busy, Some("40P01")), "{failure}");
        host.execute("ROLLBACK").await.expect("it can be rolled back");
        waits.wait().expect("it is its turn");
        other.execute("COMMIT");

        host.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.expect("it begins");
        host.query("SELECT * FROM t").await.expect("it can be read");
        other.execute("UPDATE t SET b = 3");
        let failure = fails(&mut host, "UPDATE t SET b = 4").await;
        assert_eq!((failure.kind, failure.sqlstate.as_deref()), (FailureKind::Busy, Some("40001")), "{failure}");
    });
}

#[test]
fn a_running_statement_is_cancelled_and_the_connection_goes_on() {
    let database = database("cancel");
    run(async {
        let mut host = connect(&database).await;
        let token = host.cancel_token();
        let started = Instant::now();
        let task = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            token.cancel().await
        });
        let failure = fails(&mut host, "SELECT pg_sleep(60)").await;
        task.await.expect("the task ends").expect("the server is asked");
        assert_eq!((failure.kind, failure.sqlstate.as_deref()), (FailureKind::Interrupted, Some("57014")));
        assert!(started.elapsed() < Duration::from_secs(20));
        assert_eq!(host.query("SELECT 1").await.expect("it goes on"), [[text("1")]]);
    });
}

#[test]
fn a_terminated_backend_is_told_with_the_servers_words() {
    let database = database("terminated");
    run(async {
        // In the middle of a statement.
        let mut host = connect(&database).await;
        let pid = host.query("SELECT pg_backend_pid()").await.expect("it can be asked")[0][0].clone();
        let other = database.session();
        let sql = format!("SELECT pg_sleep(0.1), pg_terminate_backend({})", pid.text().expect("it is text"));
        let ends = other.start(&sql);
        let failure = fails(&mut host, "SELECT pg_sleep(60)").await;
        ends.wait().expect("it can be ended");
        assert_eq!((failure.kind, failure.sqlstate.as_deref()), (FailureKind::Disconnected, Some("57P01")));
        let error = failure.error(Code::StatementFailed, "the statement failed");
        assert_eq!(error.code(), Code::Disconnected);

        // Between two statements: the reason is still known afterwards.
        let mut host = connect(&database).await;
        host.query("SELECT 1").await.expect("it is connected");
        drop(other);
        assert_eq!(database.terminate_backends(), 1);
        host.wait(Duration::from_millis(50)).await;
        for _ in 0..2 {
            let failure = fails(&mut host, "SELECT 1").await;
            assert_eq!(
                (failure.kind, failure.sqlstate.as_deref()),
                (FailureKind::Disconnected, Some("57P01")),
                "{failure}"
            );
            assert!(failure.message.contains("terminating connection"), "{failure}");
        }
    });
}

#[test]
fn whether_a_transaction_is_open_is_known_in_each_state() {
    let database = database("transaction");
    run(async {
        let mut host = connect(&database).await;
        assert!(!host.in_transaction().await.expect("it can be asked"));
        host.execute("BEGIN").await.expect("it begins");
        assert!(host.in_transaction().await.expect("it can be asked"));
        host.execute("CREATE TABLE t(a integer)").await.expect("it is still usable");
        assert!(host.in_transaction().await.expect("it can be asked"));
        fails(&mut host, "SELECT nothing").await;
        assert!(host.in_transaction().await.expect("it can be asked"));
        host.execute("ROLLBACK").await.expect("it ends");
        assert!(!host.in_transaction().await.expect("it can be asked"));
        host.execute("BEGIN READ ONLY").await.expect("it begins");
        assert!(host.in_transaction().await.expect("it can be asked"));
        host.execute("COMMIT").await.expect("it ends");
        database.terminate_backends();
        assert_eq!(host.in_transaction().await.err().map(|failure| failure.kind), Some(FailureKind::Disconnected));
    });
}

#[test]
fn what_the_server_says_besides_is_kept_until_it_is_taken() {
    let database = database("notices");
    run(async {
        let mut host = connect(&database).await;
        host.execute("DROP TABLE IF EXISTS nothing").await.expect("it is allowed");
        host.execute("DO $$ BEGIN RAISE WARNING 'look out'; END $$").await.expect("it is allowed");
        let notices = host.take_notices();
        assert_eq!(notices.len(), 2, "{notices:?}");
        assert!(notices[0].message.contains("nothing") && notices[0].severity == "NOTICE", "{notices:?}");
        assert!(notices[1].message == "look out" && notices[1].sqlstate == "01000", "{notices:?}");
        assert_eq!(host.take_notices(), []);
        let many = "DO $$ BEGIN FOR i IN 1..5000 LOOP RAISE NOTICE '%', i; END LOOP; END $$";
        host.execute(many).await.expect("it is allowed");
        assert_eq!(host.take_notices().len(), 1000);
    });
}

#[test]
fn the_client_of_an_app_is_borrowed() {
    let database = database("borrowed");
    run(async {
        let (client, connection) =
            tokio_postgres::connect(&database.url, tokio_postgres::NoTls).await.expect("the driver connects");
        tokio::spawn(connection);
        let mut host = Postgres::new(&client);
        host.execute("CREATE TABLE t(a integer)").await.expect("it is made");
        assert!(!host.in_transaction().await.expect("it can be asked"));
        assert_eq!(host.take_notices(), []);
        let failure = host.connect("postgres").await.expect_err("no address is known");
        assert_eq!(failure.kind, FailureKind::NotPermitted);
        let token = host.cancel_token();
        let task = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            token.cancel().await
        });
        let failure = host.query("SELECT pg_sleep(60)").await.expect_err("it is cancelled");
        assert_eq!(failure.kind, FailureKind::Interrupted);
        task.await.expect("the task ends").expect("the server is asked");
        client.simple_query("SELECT * FROM t").await.expect("the app goes on");
    });
}

#[test]
fn another_database_is_reached_with_the_same_role() {
    let (one, other) = (database("one"), database("other"));
    other.execute("CREATE TABLE only_there(a integer)");
    run(async {
        let mut host = connect(&one).await;
        let mut there = host.connect(&other.name).await.expect("it is reached");
        let rows = there.query("SELECT current_database(), current_user").await.expect("it can be asked");
        assert_eq!(rows, [[text(&other.name), text("postgres")]]);
        there.query("SELECT * FROM only_there").await.expect("it is there");
        there.close().await;
        // Nobody is left there, or this would be refused.
        host.execute(&format!("DROP DATABASE {}", other.name)).await.expect("it is closed");
        let failure = host.connect("no_such_database").await.expect_err("there is none");
        assert_eq!((failure.kind, failure.sqlstate.as_deref()), (FailureKind::Statement, Some("3D000")));
        assert_ne!(host.chance(), host.chance());
    });
}

/// An app may send the future of a procedure to another thread.
#[test]
fn requests_are_send() {
    fn is_send(_: impl Send) {}
    async fn all(host: &mut (impl Host + Send)) {
        let _ = host.execute("").await;
    }
    fn check(host: &mut Postgres, borrowed: &mut Postgres<&tokio_postgres::Client>) {
        is_send(host.query(""));
        is_send(host.in_transaction());
        is_send(all(host));
        is_send(host.connect(""));
        is_send(host.wait(Duration::ZERO));
        is_send(host.cancel_token().cancel());
        is_send(borrowed.execute(""));
        is_send(borrowed.in_transaction());
        is_send(Postgres::connect(""));
    }
    let _ = check;
}

#[test]
fn nobody_who_listens_is_told_so() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = format!("postgres://anna:secret@/notes?host={}", folder.path().display());
    let error = run(Postgres::connect(&url)).expect_err("nobody listens");
    assert_eq!(error.code(), Code::CannotOpen);
    assert!(error.to_string().contains("postgres://anna@/notes?host="), "{error}");
    let missing = database("missing");
    let url = missing.url.replace(&missing.name, "whimbrel_test_never");
    let error = run(Postgres::connect(&url)).expect_err("there is no such database");
    assert!(error.code() == Code::CannotOpen && error.to_string().contains("create the database"), "{error}");
}

/// A port that nobody uses now.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).expect("it has no names");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key can be made")).expect("it can be signed")
}

/// A server with TLS on a port, and a role whose password it asks for.
struct Encrypted {
    _server: Server,
    database: Database,
    port: u16,
}

fn encrypted(certificate: &str, key: &str) -> Encrypted {
    let port = free_port();
    let settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\npassword_encryption = 'scram-sha-256'\n\
         ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'"
    );
    let entries = "hostssl all all 127.0.0.1/32 scram-sha-256\nhostnossl all all 127.0.0.1/32 reject";
    let server = Server::start(&settings, entries, &[("server.crt", certificate), ("server.key", key)]);
    let database = server.database("tls");
    database.execute("CREATE ROLE anna LOGIN PASSWORD 'sesame'");
    Encrypted { _server: server, database, port }
}

impl Encrypted {
    fn url(&self, host: &str, rest: &str) -> String {
        format!("postgres://anna:sesame@{host}:{}/{}?{rest}", self.port, self.database.name)
    }

    /// Whether the connection that comes about is encrypted, or why there is none.
    fn try_url(&self, url: &str) -> Result<bool, String> {
        run(async {
            let mut host = Postgres::connect(url).await.map_err(|error| error.to_string())?;
            let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            let rows = host.query(query).await.map_err(|failure| failure.message)?;
            // The token needs the same way to the server.
            host.cancel_token().cancel().await.map_err(|failure| failure.message)?;
            Ok(rows[0][0] == text("t"))
        })
    }
}

#[test]
fn certificates_are_looked_at_as_the_mode_says() {
    let authority = authority();
    let key = KeyPair::generate().expect("a key can be made");
    let parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("the name is one");
    let certificate = parameters.signed_by(&key, &authority).expect("it can be signed");
    let server = encrypted(&certificate.pem(), &key.serialize_pem());

    let folder = tempfile::tempdir().expect("a folder can be made");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path.to_str().expect("its name is text").to_owned()
    };
    let root = write("root.crt", &authority.pem());
    let wrong_root = write("wrong.crt", &self::authority().pem());

    let accepted = [
        ("localhost", "sslmode=prefer".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("localhost", format!("sslmode=verify-full&sslrootcert={root}")),
        ("localhost", "sslmode=require&channel_binding=require".to_owned()),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={root}")),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={root}")),
        ("127.0.0.1", format!("sslmode=prefer&sslrootcert={wrong_root}")),
    ];
    for (host, rest) in accepted {
        assert_eq!(server.try_url(&server.url(host, &rest)), Ok(true), "{host} {rest}");
    }
    let refused = [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={root}"), "not valid for name"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={wrong_root}"), "certificate"),
        ("localhost", format!("sslmode=verify-ca&sslrootcert={wrong_root}"), "certificate"),
        ("localhost", format!("sslmode=require&sslrootcert={wrong_root}"), "certificate"),
        ("localhost", "sslrootcert=system".to_owned(), "certificate"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={root}.not"), "cannot be read"),
        // Without TLS the server does not let anybody in.
        ("localhost", "sslmode=disable".to_owned(), "no encryption"),
    ];
    for (host, rest, why) in refused {
        let error = server.try_url(&server.url(host, &rest)).expect_err(&rest);
        assert!(error.contains(why), "{host} {rest}: {error}");
        assert!(!error.contains("sesame"), "{error}");
    }
}

#[test]
fn a_servers_own_certificate_can_be_the_one_that_is_trusted() {
    // As PostgreSQL's manual makes them: it may sign others, too.
    let issuer = |not_after: i32| {
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).expect("the name is one");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.not_after = rcgen::date_time_ymd(not_after, 1, 1);
        let key = KeyPair::generate().expect("a key can be made");
        let pem = parameters.self_signed(&key).expect("it can be signed").pem();
        (pem, key.serialize_pem())
    };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let root = folder.path().join("root.crt");
    for (not_after, expected) in [(4000, Ok(())), (2001, Err("expired"))] {
        let (certificate, key) = issuer(not_after);
        std::fs::write(&root, &certificate).expect("a file can be written");
        let server = encrypted(&certificate, &key);
        let rest = format!("sslmode=verify-full&sslrootcert={}", root.display());
        match (server.try_url(&server.url("localhost", &rest)), expected) {
            (Ok(is_encrypted), Ok(())) => assert!(is_encrypted),
            (Err(error), Err(why)) => assert!(error.contains(why), "{error}"),
            (outcome, _) => panic!("a certificate valid until {not_after}: {outcome:?}"),
        }
        if expected.is_ok() {
            let error = server.try_url(&server.url("127.0.0.1", &rest)).expect_err("it has another name");
            assert!(error.contains("not valid for name"), "{error}");
        }
    }
}

#[test]
fn a_password_is_in_no_message() {
    let settings = "password_encryption = 'scram-sha-256'";
    let server = Server::start(settings, "local all anna scram-sha-256", &[]);
    let database = server.database("password");
    database.execute("CREATE ROLE anna LOGIN PASSWORD 'sesame'");
    let url = |password: &str| database.url.replace("postgres@", &format!("anna{password}@"));
    run(async {
        let host = Postgres::connect(&url(":sesame")).await.expect("the password is right");
        assert!(!format!("{host:?} {:?} {:?}", host.address(), host.cancel_token()).contains("sesame"));

        for password in [":wr0ng", ""] {
            let error = Postgres::connect(&url(password)).await.expect_err("it is not right");
            assert_eq!(error.code(), Code::NotPermitted, "{error}");
            assert!(
                error.to_string().contains("PGPASSWORD") && !format!("{error} {error:?}").contains("wr0ng"),
                "{error}"
            );
        }
        // From the surroundings.
        let address = Address::parse(&url("")).expect("it is read");
        let address = address.completed(|name| (name == "PGPASSWORD").then(|| "sesame".to_owned()));
        let mut host = Postgres::connect_to(&address).await.expect("the password is right");
        let other = host.connect("postgres").await.expect("the password is known there too");
        assert!(!format!("{other:?}").contains("sesame"));
    });
    assert!(!shown_url(&url(":sesame")).contains("sesame"));
}
