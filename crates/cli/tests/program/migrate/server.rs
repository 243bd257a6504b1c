//! Migrations on a PostgreSQL server: the same commands, from the declared schema to a database with rows and back.

use whimbrel_postgres_server::{Database, database};

use crate::support::Case;

const FIRST: &str = "\
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE users(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text, mood mood DEFAULT 'ok');
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touched();
";

const SECOND: &str = "\
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE users(
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL, -- whimbrel: backfill 'nobody'
  mood mood DEFAULT 'happy',
  notes integer
);
CREATE INDEX users_email ON users(email);
CREATE TABLE tags(of bigint REFERENCES users, name text);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touched();
";

/// A folder whose `whimbrel.toml` names a database on a server.
fn case(database: &Database) -> Case {
    let toml = format!("db = '{}'\nschema = 'schema.sql'\n", database.url);
    Case::new().file("whimbrel.toml", toml).file("schema.sql", FIRST)
}

fn value(database: &Database, sql: &str) -> String {
    database.query(sql)[0][0].clone().unwrap_or_default()
}

#[test]
fn from_the_first_schema_to_the_second_and_back() {
    let database = database("life");
    let case = case(&database);
    case.run("migrate generate --name start").code(0);
    assert!(case.text("migrations/meta/_journal.json").contains("\"dialect\": \"postgres\""));
    case.run("migrate status --exit-code").code(3);
    case.run("migrate apply --yes").code(0);
    database.execute("INSERT INTO users(mail) SELECT nullif('u' || g, 'u7') FROM generate_series(1, 1000) g");

    let case = case.file("schema.sql", SECOND);
    case.run("migrate generate --name more").code(4);
    case.run("migrate generate --name more --rename users.mail=email").code(0);
    let script = case.text("migrations/0002_more.sql");
    assert!(script.contains("-- whimbrel: alone\nCREATE INDEX CONCURRENTLY users_email"), "{script}");
    assert!(script.contains("-- whimbrel: backfill\nUPDATE"), "{script}");
    case.run("migrate verify").code(0);
    case.run("migrate lint").code(0);
    let pending = case.json("migrate pending", 0);
    assert_eq!(pending["pending"][0]["name"], "more");
    case.run("migrate apply --dry-run").code(0);
    assert_eq!(value(&database, "SELECT count(*) FROM _whimbrel_migrations"), "1");
    let applied = case.json("migrate apply --yes", 0);
    assert_eq!(applied["applied"][0]["name"], "more");
    assert_eq!(applied["report"]["to"], 2);
    assert_eq!(value(&database, "SELECT count(*) FROM users WHERE email = 'nobody'"), "1");
    assert_eq!(
        value(
            &database,
            "SELECT count(*) FROM pg_constraint WHERE conname LIKE '%whimbrel%' AND conrelid = 'users'::regclass"
        ),
        "0"
    );
    case.run("migrate status --verify --exit-code").code(0);
    // The migrations lead where the schema does.
    case.run("plan").code(0).stdout_eq("No changes.\n");

    database.execute("INSERT INTO tags VALUES (1, 'a')");
    case.run("migrate down --yes").code(4);
    let undone = case.json("migrate down --yes --accept-data-loss", 0);
    assert_eq!(undone["lost"][0], "table tags (1 row)");
    assert_eq!(value(&database, "SELECT count(*) FROM users WHERE mail = 'u8'"), "1");
    case.run("migrate apply --yes").code(0);
    case.run("migrate rollback --yes").code(0);
    case.run("migrate reset").code(4);
    case.run("migrate reset --accept-data-loss").code(0);
    assert_eq!(value(&database, "SELECT count(*) FROM users"), "0");
    case.run("migrate status --verify --exit-code").code(0);
}

#[test]
fn a_schema_that_somebody_changed() {
    let database = database("drift");
    let case = case(&database);
    case.run("migrate generate --name start").code(0);
    case.run("migrate apply --yes").code(0);
    database.execute("ALTER TABLE users DROP COLUMN mail");
    let status = case.json("migrate status", 4);
    assert_eq!(status["problems"][0]["code"], "W0715");
    case.run("migrate down --yes").code(4);
    database.execute("ALTER TABLE users ADD COLUMN mail text");
    case.run("migrate status").code(0);
}

#[test]
fn a_database_that_push_has_made_is_adopted() {
    let database = database("adopted");
    let case = case(&database);
    case.run("push --yes").code(0);
    database.execute("INSERT INTO users(mail) VALUES ('a')");
    case.run("migrate generate --name start").code(0);
    case.run("migrate apply --yes").code(4);
    let adopted = case.json("migrate baseline", 0);
    assert_eq!(adopted["adopted"][0]["name"], "start");
    case.run("migrate status --exit-code").code(0);
    let case = case.file("schema.sql", SECOND);
    case.run("migrate generate --name more --rename users.mail=email").code(0);
    case.run("migrate apply --yes").code(0);
    assert_eq!(value(&database, "SELECT email FROM users"), "a");
}

#[test]
fn folders_without_a_server() {
    let database = database("folders");
    let case = case(&database);
    case.run("migrate generate --name start").code(0);
    let case = case.file("schema.sql", SECOND);
    case.run("migrate generate --name more --rename users.mail=email").code(0);
    let case = case.without("whimbrel.toml");
    // What is written in the files needs no server; what they make does.
    case.run("migrate status").code(0);
    case.run("migrate list").code(0);
    case.run("migrate lint").code(0);
    let refused = case.run("migrate squash").code(1);
    let told = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(told.contains("only a PostgreSQL server can say"), "{told}");
    case.run(&format!("migrate squash --scratch {}", database.url)).code(0);
    assert_eq!(case.names_in("migrations/squashed").len(), 4);
    case.run(&format!("migrate apply --yes --db {}", database.url)).code(0);
    case.run("migrate status --db app.db").code(4);
}

/// A column that is unique is called otherwise: its constraint follows, there and back.
#[test]
fn a_unique_column_with_another_name() {
    let database = database("unique");
    let case = case(&database).file("schema.sql", "CREATE TABLE users(id bigint PRIMARY KEY, mail text UNIQUE);");
    case.run("migrate generate --name start").code(0);
    case.run("migrate apply --yes").code(0);
    database.execute("INSERT INTO users VALUES (1, 'a'), (2, 'b')");
    let case = case.file(
        "schema.sql",
        "CREATE TABLE users(id bigint PRIMARY KEY, email text UNIQUE -- whimbrel: renamed from mail\n);",
    );
    case.run("migrate generate --name email").code(0);
    case.run("migrate verify").code(0);
    case.run("migrate apply --yes").code(0);
    case.run("plan").code(0).stdout_eq("No changes.\n");
    case.run("migrate down --yes").code(0);
    assert_eq!(value(&database, "SELECT string_agg(mail, ',' ORDER BY id) FROM users"), "a,b");
    case.run("migrate status --verify").code(0);
}

/// What a database holds and what its record says go together, or neither goes.
#[test]
fn a_reset_that_fails_leaves_all_as_it_was() {
    let database = database("reset");
    let case = case(&database);
    case.run("migrate generate --name start").code(0);
    case.run("migrate apply --yes").code(0);
    database.execute("INSERT INTO users(mail) VALUES ('a')");
    // Out of sight of every plan, as all that is the server's own.
    database.execute(
        "CREATE FUNCTION information_schema.keep() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_name = '_whimbrel_state') \
         THEN RAISE 'not now'; END IF; END $$; \
         CREATE EVENT TRIGGER keep ON sql_drop EXECUTE FUNCTION information_schema.keep()",
    );
    case.run("migrate reset --accept-data-loss").code(1);
    database.execute("DROP EVENT TRIGGER keep");
    assert_eq!(value(&database, "SELECT mail FROM users"), "a");
    case.run("migrate status --verify --exit-code").code(0);
    case.run("migrate reset --accept-data-loss").code(0);
    assert_eq!(value(&database, "SELECT count(*) FROM users"), "0");
}

/// The table in which another tool keeps its record is nobody's business, also where a schema declares it.
#[test]
fn another_tools_table_in_the_schema() {
    let database = database("bookkeeping");
    let schema = "CREATE TABLE t(n integer);\nCREATE TABLE __diesel_schema_migrations(version text PRIMARY KEY);";
    let case = case(&database).file("schema.sql", schema);
    case.run("migrate generate --name start").code(0);
    case.run("migrate verify").code(0);
    case.run("migrate apply --yes").code(0);
    case.run("migrate status --verify --exit-code").code(0);
}
