//! An empty place on a server, to try things in: PostgreSQL itself executes the declared schema there, and the plan.
//!
//! A database of its own is made and dropped where the role may do that and the host can connect to it. Else the place
//! is a transaction on the connection itself that is always rolled back, in which every schema that is there is renamed
//! aside; or one in an empty database that the caller has given.
//!
//! **What is locked meanwhile.** A database of its own locks nothing of the live one. In the transaction, the renamed
//! schemas are rows of a catalogue with a new version that nobody else sees: reads and writes of live tables go on.
//! Whoever renames, drops or grants on one of these schemas, or makes another of their name, waits for its end, and so
//! does `ALTER EXTENSION` on an extension that had to be moved. Event triggers fire as for any other statement. Objects
//! that are made take room in the lock table that all sessions share.
//!
//! **Invariant:** the transaction cannot be committed, whatever is executed in it: a deferred constraint that is broken
//! from the start would stop that.
//! **Invariant:** after [`Place::close`] nothing is left. What a killed run leaves is dropped by a later one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::host::Host;
use super::read::read_schema;
use super::schema::{Body, Kind, ObjectId, Schema};
use super::settings::{EXECUTING, PRINTING, making};
use super::token::{Token, TokenKind, quote_literal, quote_name, tokenize};
use crate::error::{Code, Error, Result};
use crate::run::{Connection, Failure, FailureKind, Row, Value};

/// Where things are tried out.
#[derive(Debug, Default)]
pub enum Scratch<'h, H> {
    /// In a database that is made for it; where that cannot be, in a transaction.
    #[default]
    Automatic,
    /// In a transaction on the connection itself, with the live schemas renamed aside.
    Transaction,
    /// In a transaction on this connection, whose database must be empty.
    Given(&'h mut H),
}

impl<H> Scratch<'_, H> {
    /// The same for another time.
    pub fn again(&mut self) -> Scratch<'_, H> {
        match self {
            Scratch::Automatic => Scratch::Automatic,
            Scratch::Transaction => Scratch::Transaction,
            Scratch::Given(connection) => Scratch::Given(connection),
        }
    }
}

/// An empty place on a server. It has to be closed, whatever happens: see [`Place::close`].
pub struct Place<'h, H: Host> {
    ground: Ground<'h, H>,
    facts: Facts,
    is_used: bool,
}

enum Ground<'h, H: Host> {
    Database { host: &'h mut H, database: Database<H::Other> },
    Transaction { connection: &'h mut H, inside: Inside },
}

struct Database<C> {
    name: String,
    connection: C,
}

/// A place that is laid aside: its database, where it has one.
pub struct Aside<C>(Option<(Database<C>, Facts)>);

impl<C: Connection> Aside<C> {
    /// Nothing that would have to be closed.
    pub fn nothing() -> Aside<C> {
        Aside(None)
    }

    /// The same place again, empty; another one where it had no database.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub async fn take_up<'h, H: Host<Other = C>>(
        &mut self,
        host: &'h mut H,
        scratch: Scratch<'h, H>,
    ) -> Result<Place<'h, H>> {
        let Some((database, facts)) = self.0.take() else { return Place::open(host, scratch).await };
        let mut place = Place { ground: Ground::Database { host, database }, facts, is_used: true };
        match place.empty().await {
            Ok(()) => Ok(place),
            Err(e) => Err(place.abandon(e).await),
        }
    }

    /// Drops the database, where there is one that was not taken up again.
    ///
    /// # Errors
    /// As [`Place::close`].
    pub async fn close<H: Host<Other = C>>(self, host: &mut H) -> Result<()> {
        match self.0 {
            Some((database, facts)) => {
                Place { ground: Ground::Database { host, database }, facts, is_used: true }.close().await
            }
            None => Ok(()),
        }
    }
}

/// What was there before the transaction, and is not to be seen in it.
#[derive(Default)]
struct Inside {
    /// What the names of schemas that were renamed start with; every other one is left where it is.
    prefix: String,
    /// Whether the schemas are renamed.
    is_live: bool,
    /// Schemas that stay under their names, because an extension stands in them that cannot be moved.
    kept: BTreeSet<String>,
    /// What stands in no schema, or in one that was kept.
    before: BTreeSet<ObjectId>,
    /// What of that was declared.
    wanted: BTreeSet<ObjectId>,
}

/// What has to be as in the live database.
#[derive(Debug, Clone, Default)]
struct Facts {
    version: u32,
    role: String,
    may_create: bool,
    /// The clauses of `CREATE DATABASE`.
    locale: String,
    /// Settings by which names are found, and days and times are read.
    settings: Vec<(&'static str, String)>,
}

/// In a transaction on the live database: nothing there is worth a longer wait.
const LOCK_TIMEOUT: &str = "2s";

/// How many relations are dropped one by one: with more of them a new database is made sooner.
const MOST_CLEARED: usize = 1_000;

/// Statements of one request: few enough to hold only few locks at a time.
const BATCH: usize = 50;

/// Bytes of one request.
const BATCH_BYTES: usize = 100_000;

/// The comment of a scratch database, and the start of those that others give.
const COMMENT: &str = "Scratch database of Whimbrel";

impl<C: Connection> Database<C> {
    /// Drops all that was made in the database, where that is not much. Whether it is empty now: if not, another one is
    /// made in its place.
    async fn clear(&mut self) -> bool {
        self.try_to_clear().await.unwrap_or(false)
    }

    async fn try_to_clear(&mut self) -> Result<bool, Failure> {
        let connection = &mut self.connection;
        connection.query("RESET ALL").await?;
        let ours = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'";
        // Each of them is locked, in a table that all sessions share.
        let sql = format!(
            "SELECT pg_catalog.quote_ident(n.nspname), (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c \
             WHERE c.relnamespace = n.oid), pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner)), n.nspname \
             FROM pg_catalog.pg_namespace n WHERE {ours}"
        );
        let schemas = connection.query(&sql).await?;
        let relations: usize = schemas.iter().map(|row| text(row, 1).parse().unwrap_or(usize::MAX / 8)).sum();
        if relations > MOST_CLEARED {
            return Ok(false);
        }
        let extensions =
            "SELECT pg_catalog.quote_ident(x.extname) FROM pg_catalog.pg_extension x WHERE x.extname <> 'plpgsql'";
        let mut drops: Vec<String> = Vec::new();
        for row in connection.query(extensions).await? {
            drops.push(format!("DROP EXTENSION IF EXISTS {} CASCADE", text(&row, 0)));
        }
        for row in &schemas {
            let (name, owner) = (text(row, 0), text(row, 2));
            drops.push(format!("DROP SCHEMA {name} CASCADE"));
            if text(row, 3) == "public" {
                drops.push(format!("CREATE SCHEMA public AUTHORIZATION {owner}"));
            }
        }
        drops.insert(0, "SET client_min_messages = warning; SET search_path = pg_catalog".to_owned());
        for sql in drops {
            connection.execute(&sql).await?;
        }
        // What stands in no schema, such as a cast, is still there.
        let left = read_schema(connection).await.map(|schema| schema.objects.keys().any(|id| id.name != "public"));
        Ok(matches!(left, Ok(false)))
    }
}

impl<'h, H: Host> Place<'h, H> {
    /// Opens an empty place on the server of `host`, whose session and database are the model: the same encoding and
    /// locale, the same settings.
    ///
    /// # Errors
    /// [`Code::NotPermitted`] where the role may neither make a database nor rename the schemas that are there.
    /// [`Code::TransactionOpen`] where the connection has a transaction open.
    pub async fn open(host: &'h mut H, scratch: Scratch<'h, H>) -> Result<Place<'h, H>> {
        refuse_transaction(host).await?;
        let facts = facts(host).await?;
        let (connection, is_live, why) = match scratch {
            Scratch::Given(connection) => {
                refuse_transaction(connection).await?;
                let version = self::facts(connection).await?.version;
                if version / 10_000 != facts.version / 10_000 {
                    let (there, here) = (version / 10_000, facts.version / 10_000);
                    let message = format!("the scratch database is on PostgreSQL {there}, and the live one on {here}");
                    return Err(Error::new(Code::CannotOpen, message)
                        .help("give one on a server of the same version: others print a schema in other words"));
                }
                (connection, false, None)
            }
            Scratch::Transaction => (host, true, None),
            Scratch::Automatic => match make_database(host, &facts).await? {
                Ok(database) => {
                    let mut place = Place { ground: Ground::Database { host, database }, facts, is_used: false };
                    if let Err(e) = place.prepare().await {
                        return Err(place.abandon(e).await);
                    }
                    return Ok(place);
                }
                Err(why) => (host, true, Some(why)),
            },
        };
        let inside = match look_around(connection, is_live).await {
            Ok(inside) => inside,
            Err(e) => return Err(why_not(e, why.as_ref())),
        };
        let mut place = Place { ground: Ground::Transaction { connection, inside }, facts, is_used: false };
        let begun = match place.begin().await {
            Ok(()) => place.prepare().await,
            Err(e) => Err(e),
        };
        match begun {
            Ok(()) => Ok(place),
            Err(e) => Err(why_not(place.abandon(e).await, why.as_ref())),
        }
    }

    /// Whether it is a transaction on the live connection.
    pub fn is_on_live_connection(&self) -> bool {
        matches!(&self.ground, Ground::Transaction { inside, .. } if inside.is_live)
    }

    /// Whether what is executed is committed statement by statement: only then can a new value of an enum be used.
    pub fn commits(&self) -> bool {
        matches!(self.ground, Ground::Database { .. })
    }

    /// Puts the settings of the session back to what they were at the start.
    ///
    /// # Errors
    /// [`Code::Setting`] where a setting cannot be made.
    pub async fn prepare(&mut self) -> Result<()> {
        let mut settings: Vec<(&str, &str)> =
            self.facts.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        settings.extend(PRINTING);
        settings.extend(EXECUTING);
        settings.push(("client_min_messages", "warning"));
        match self.ground {
            // Whatever is lost with the server's power has to be dropped anyway.
            Ground::Database { .. } => settings.push(("synchronous_commit", "off")),
            Ground::Transaction { .. } => settings.push(("lock_timeout", LOCK_TIMEOUT)),
        }
        let sql = making(&settings, false);
        self.query("RESET ALL").await.map_err(unset)?;
        self.query(&sql).await.map(drop).map_err(unset)
    }

    /// The search path of the session that is the model.
    pub fn path(&self) -> &str {
        let found = self.facts.settings.iter().find(|(name, _)| *name == "search_path");
        found.map_or("", |(_, path)| path.as_str())
    }

    /// Executes one statement.
    ///
    /// # Errors
    /// As the server says; what was executed before stays.
    pub async fn execute(&mut self, sql: &str) -> Result<(), Failure> {
        self.is_used = true;
        if !self.is_special(sql).await? {
            return Ok(());
        }
        match &mut self.ground {
            Ground::Database { database, .. } => database.connection.execute(sql).await.map(drop),
            Ground::Transaction { connection, .. } => in_savepoint(*connection, sql).await,
        }
    }

    /// Executes statements, many in a request: that makes a large schema in a tenth of the time.
    ///
    /// # Errors
    /// The place of the statement that failed, and why. Those before it are executed.
    pub async fn execute_all<S: AsRef<str>>(&mut self, statements: &[S]) -> Result<(), (usize, Failure)> {
        let mut from = 0;
        while from < statements.len() {
            let mut end = from;
            let mut bytes = 0;
            while let Some(sql) = statements.get(end).map(AsRef::as_ref)
                && end - from < BATCH
                && (end == from || bytes + sql.len() < BATCH_BYTES)
                && !self.may_be_special(sql)
            {
                bytes += sql.len();
                end += 1;
            }
            if end - from > 1 {
                self.is_used = true;
                let texts: Vec<&str> = statements[from..end].iter().map(AsRef::as_ref).collect();
                // A comment may stand at the end of one.
                let batch = texts.join("\n;\n");
                let outcome = match &mut self.ground {
                    Ground::Database { database, .. } => database.connection.execute(&batch).await.map(drop),
                    Ground::Transaction { connection, .. } => in_savepoint(*connection, &batch).await,
                };
                match outcome {
                    Ok(()) => {
                        from = end;
                        continue;
                    }
                    Err(failure) if failure.kind == FailureKind::Disconnected => return Err((from, failure)),
                    // Nothing of it was done: which one it is shows one by one.
                    Err(_) => {}
                }
            }
            for (at, sql) in statements.iter().enumerate().take(end.max(from + 1)).skip(from) {
                self.execute(sql.as_ref()).await.map_err(|failure| (at, failure))?;
            }
            from = end.max(from + 1);
        }
        Ok(())
    }

    /// Executes a query, and returns its rows.
    ///
    /// # Errors
    /// As the server says.
    pub async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        match &mut self.ground {
            Ground::Database { database, .. } => database.connection.query(sql).await,
            Ground::Transaction { connection, .. } => connection.query(sql).await,
        }
    }

    /// Reads the schema of what was made here.
    ///
    /// # Errors
    /// As [`read_schema`].
    pub async fn read(&mut self) -> Result<Schema> {
        // A script may have set another.
        let zone = self.facts.settings.iter().filter(|(name, _)| *name == "TimeZone");
        let zone: Vec<(&str, &str)> = zone.map(|(name, value)| (*name, value.as_str())).collect();
        let sql = making(&zone, false);
        self.query(&sql).await.map_err(unset)?;
        match &mut self.ground {
            Ground::Database { database, .. } => {
                let mut schema = read_schema(&mut database.connection).await?;
                put_public_last(&mut schema);
                Ok(schema)
            }
            Ground::Transaction { connection, inside } => {
                let failed = |f: Failure| f.error(Code::Database, "the schema cannot be read");
                connection.execute("SAVEPOINT _whimbrel_read").await.map_err(failed)?;
                let outcome = read_schema(*connection).await;
                // Reading a view takes a weak lock on its tables, which ends here.
                let ended = connection.execute("ROLLBACK TO SAVEPOINT _whimbrel_read").await;
                let schema = outcome?;
                ended.map_err(failed)?;
                Ok(inside.visible(schema))
            }
        }
    }

    /// Makes the place empty again, for another use.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub async fn empty(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_used) {
            match &mut self.ground {
                Ground::Database { host, database } => {
                    if database.clear().await {
                        return self.prepare().await;
                    }
                    let next = match make_database(*host, &self.facts).await? {
                        Ok(next) => next,
                        Err(failure) => {
                            return Err(failure.error(Code::Database, "another scratch database cannot be made"));
                        }
                    };
                    let Database { name, connection } = std::mem::replace(database, next);
                    drop(connection);
                    drop_database(*host, &name, self.facts.version).await.map_err(|f| not_dropped(&name, &f))?;
                }
                Ground::Transaction { connection, .. } => {
                    let ended = connection.execute("ROLLBACK").await;
                    ended.map_err(|f| f.error(Code::Database, "the scratch transaction cannot be rolled back"))?;
                    self.begin().await?;
                }
            }
        }
        self.prepare().await
    }

    /// Drops the database, or rolls the transaction back. It must be called on every way out: a value that is only
    /// dropped leaves a database, which a later run drops, or a transaction, which ends with its connection.
    ///
    /// # Errors
    /// Where the server refuses that.
    pub async fn close(self) -> Result<()> {
        match self.ground {
            Ground::Database { host, database: Database { name, connection } } => {
                drop(connection);
                drop_database(host, &name, self.facts.version).await.map_err(|f| not_dropped(&name, &f))
            }
            Ground::Transaction { connection, .. } => match connection.execute("ROLLBACK").await {
                Ok(_) => Ok(()),
                Err(f) => Err(f
                    .error(Code::Database, "the scratch transaction cannot be rolled back")
                    .help("close this connection, which rolls back")),
            },
        }
    }

    /// Lays the place aside while its host is asked for something else: a database is kept, a transaction ended. What is
    /// laid aside has to be taken up or closed.
    ///
    /// # Errors
    /// As [`Place::close`].
    pub async fn lay_aside(self) -> Result<Aside<H::Other>> {
        match self.ground {
            Ground::Database { database, .. } => Ok(Aside(Some((database, self.facts)))),
            ground @ Ground::Transaction { .. } => {
                Place { ground, ..self }.close().await?;
                Ok(Aside(None))
            }
        }
    }

    async fn abandon(self, error: Error) -> Error {
        match self.close().await {
            Ok(()) => error,
            Err(e) => error.help(format!("besides, {}", e.report().message)),
        }
    }

    /// Begins the transaction, and makes it look like an empty database.
    async fn begin(&mut self) -> Result<()> {
        let Ground::Transaction { connection, inside } = &mut self.ground else { return Ok(()) };
        let failed = |f: Failure| f.error(Code::Database, "a scratch transaction cannot be begun");
        connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await.map_err(failed)?;
        connection.execute(&format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await.map_err(failed)?;
        inside.wanted.clear();
        inside.prefix = format!("_whimbrel_aside_{:016x}_", connection.chance());
        let prefix = inside.prefix.clone();
        if inside.is_live {
            let live = schemas(*connection).await?;
            if let Some(right) = missing_right(*connection, &live, &inside.kept, &self.facts.role).await? {
                return Err(right);
            }
            for (n, schema) in live.iter().filter(|s| !inside.kept.contains(&s.name)).enumerate() {
                let rename = format!("ALTER SCHEMA {} RENAME TO {prefix}{n}", quote_name(&schema.name));
                connection.execute(&rename).await.map_err(|f| {
                    f.error(Code::NotPermitted, format!("the schema {} cannot be renamed aside", schema.name))
                        .help("a role with CREATEDB needs no renaming; or give an empty database with `--scratch URL`")
                })?;
            }
            if !inside.kept.contains("public") {
                connection.execute("CREATE SCHEMA public").await.map_err(failed)?;
            }
        }
        // Two rows that are equal, where that is looked at only when the transaction is committed.
        let guard = format!(
            "CREATE SCHEMA {prefix}guard; \
             CREATE TABLE {prefix}guard.never_committed(n integer UNIQUE DEFERRABLE INITIALLY DEFERRED); \
             INSERT INTO {prefix}guard.never_committed VALUES (1), (1)"
        );
        connection.execute(&guard).await.map_err(failed)?;
        Ok(())
    }

    fn may_be_special(&self, sql: &str) -> bool {
        if self.commits() {
            return false;
        }
        let mut words = sql.split_whitespace().map(str::to_ascii_lowercase);
        let first = words.next().unwrap_or_default();
        // With a comment in front, more is looked at than has to be.
        first.starts_with("--")
            || first.starts_with("/*")
            || (matches!(&*first, "create" | "drop")
                && words.next().is_some_and(|word| matches!(&*word, "extension" | "schema")))
    }

    /// In a transaction on a database with extensions, these are there already, and seen when they are declared.
    /// Whether the statement is still to be executed.
    async fn is_special(&mut self, sql: &str) -> Result<bool, Failure> {
        if !self.may_be_special(sql) {
            return Ok(true);
        }
        let Ground::Transaction { connection, inside } = &mut self.ground else { return Ok(true) };
        let Some(special) = Special::of(sql) else { return Ok(true) };
        match special {
            Special::CreateSchema(name) => {
                let id = ObjectId::new(Kind::Namespace, "", &name);
                if inside.kept.contains(&name) && inside.wanted.insert(id) {
                    return Ok(false);
                }
                Ok(true)
            }
            Special::DropExtension(name) => {
                let id = ObjectId::new(Kind::Extension, "", &name);
                Ok(!inside.wanted.remove(&id))
            }
            Special::CreateExtension { name, schema } => {
                let id = ObjectId::new(Kind::Extension, "", &name);
                if !inside.before.contains(&id) || inside.wanted.contains(&id) {
                    return Ok(true);
                }
                let schema = schema.map_or("pg_catalog.current_schema()".to_owned(), |name| quote_literal(&name));
                let ask = format!(
                    "SELECT {schema}, n.nspname, x.extrelocatable FROM pg_catalog.pg_extension x \
                     JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace WHERE x.extname = {}",
                    quote_literal(&name)
                );
                let rows = connection.query(&ask).await?;
                let cell = |n: usize| rows.first().map(|row| text(row, n)).unwrap_or_default();
                let (to, from, is_movable) = (cell(0), cell(1), cell(2) == "t");
                if is_movable && to != from && from != "pg_catalog" {
                    let alter = format!("ALTER EXTENSION {} SET SCHEMA {}", quote_name(&name), quote_name(&to));
                    in_savepoint(*connection, &alter).await?;
                }
                inside.wanted.insert(id);
                Ok(false)
            }
        }
    }
}

impl Inside {
    /// The schema without what was there before.
    fn visible(&self, mut schema: Schema) -> Schema {
        let aside = |name: &str| name.starts_with(&self.prefix);
        schema.objects.retain(|id, _| {
            let is_aside = aside(&id.schema) || (id.kind == Kind::Namespace && aside(&id.name));
            !is_aside && (!self.before.contains(id) || self.wanted.contains(id))
        });
        let there: BTreeSet<ObjectId> = schema.objects.keys().cloned().collect();
        for object in schema.objects.values_mut() {
            object.needs.retain(|need| there.contains(&need.on));
        }
        put_public_last(&mut schema);
        schema
    }
}

/// On the schema that every database has PostgreSQL keeps no dependency: reading puts it last. One that is new stands
/// anywhere.
fn put_public_last(schema: &mut Schema) {
    let public = ObjectId::new(Kind::Namespace, "", "public");
    for object in schema.objects.values_mut() {
        if let Some(at) = object.needs.iter().position(|need| need.on == public) {
            let need = object.needs.remove(at);
            object.needs.extend((object.id.kind != Kind::Extension).then_some(need));
        }
    }
}

/// Statements that mean something else where a database is not really empty.
#[derive(Debug, PartialEq, Eq)]
enum Special {
    CreateExtension { name: String, schema: Option<String> },
    DropExtension(String),
    CreateSchema(String),
}

impl Special {
    fn of(sql: &str) -> Option<Special> {
        let tokens: Vec<Token> =
            tokenize(sql).ok()?.into_iter().filter(|token| token.kind != TokenKind::Comment).collect();
        let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is(sql, word));
        let name = |at: usize| tokens.get(at).and_then(|token| token.name(sql));
        let behind_if = |at: usize| match () {
            () if is(at, "if") && is(at + 1, "not") => at + 3,
            () if is(at, "if") => at + 2,
            () => at,
        };
        if is(0, "create") && is(1, "extension") {
            let at = behind_if(2);
            let schema = (at + 1..tokens.len()).find(|n| is(*n, "schema")).and_then(|n| name(n + 1));
            return Some(Special::CreateExtension { name: name(at)?, schema });
        }
        if is(0, "drop") && is(1, "extension") {
            return Some(Special::DropExtension(name(behind_if(2))?));
        }
        if is(0, "create") && is(1, "schema") {
            return Some(Special::CreateSchema(name(behind_if(2))?));
        }
        None
    }
}

/// A value of a row as text.
pub(super) fn text(row: &Row, at: usize) -> String {
    match row.get(at) {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Integer(n)) => n.to_string(),
        _ => String::new(),
    }
}

fn unset(failure: Failure) -> Error {
    failure.error(Code::Setting, "a setting of the scratch session cannot be made")
}

/// Executes statements of which all or none are done, and the transaction goes on. Outside of a transaction nothing is
/// done: there is no savepoint there.
async fn in_savepoint<C: Connection>(connection: &mut C, sql: &str) -> Result<(), Failure> {
    const BEFORE: &str = "SAVEPOINT _whimbrel_try; ";
    let whole = format!("{BEFORE}{sql}\n; RELEASE SAVEPOINT _whimbrel_try");
    match connection.execute(&whole).await {
        Ok(_) => Ok(()),
        Err(mut failure) => {
            failure.offset = failure.offset.and_then(|offset| offset.checked_sub(BEFORE.len()));
            if failure.kind != FailureKind::Disconnected && failure.sqlstate.as_deref() != Some("25P01") {
                connection.execute("ROLLBACK TO SAVEPOINT _whimbrel_try").await?;
            }
            Err(failure)
        }
    }
}

pub(super) async fn refuse_transaction<C: Connection>(connection: &mut C) -> Result<()> {
    let open = connection.in_transaction().await;
    if open.map_err(|f| f.error(Code::Database, "the connection does not answer"))? {
        return Err(Error::new(Code::TransactionOpen, "the connection has a transaction open").help("finish it first"));
    }
    Ok(())
}

async fn facts<C: Connection>(connection: &mut C) -> Result<Facts> {
    const NAMES: [&str; 3] = ["search_path", "TimeZone", "DateStyle"];
    let read = |name: &&str| format!("pg_catalog.current_setting({})", quote_literal(name));
    let settings: Vec<String> = NAMES.iter().map(read).collect();
    let sql = format!(
        "SELECT pg_catalog.current_setting('server_version_num'), r.rolname, r.rolsuper OR r.rolcreatedb, \
         pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, \
         pg_catalog.to_jsonb(d) ->> 'datlocprovider', \
         coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale'), \
         pg_catalog.to_jsonb(d) ->> 'daticurules', {} \
         FROM pg_catalog.pg_database d, pg_catalog.pg_roles r \
         WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user",
        settings.join(", ")
    );
    let rows = connection.query(&sql).await;
    let rows = rows.map_err(|f| f.error(Code::Database, "the settings of the database cannot be read"))?;
    let Some(row) = rows.first() else {
        return Err(Error::new(Code::Database, "the settings of the database cannot be read"));
    };
    let literal = |at: usize| quote_literal(&text(row, at));
    let mut locale = format!("ENCODING {} LC_COLLATE {} LC_CTYPE {}", literal(3), literal(4), literal(5));
    match text(row, 6).as_str() {
        "i" => {
            locale.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {}", literal(7)));
            if row.get(8).is_some_and(|value| *value != Value::Null) {
                locale.push_str(&format!(" ICU_RULES {}", literal(8)));
            }
        }
        "b" => locale.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", literal(7))),
        "c" => locale.push_str(" LOCALE_PROVIDER libc"),
        // Before PostgreSQL 15 there is no other.
        _ => {}
    }
    Ok(Facts {
        version: text(row, 0).parse().unwrap_or_default(),
        role: text(row, 1),
        may_create: text(row, 2) == "t",
        locale,
        settings: NAMES.iter().enumerate().map(|(n, name)| (*name, text(row, 9 + n))).collect(),
    })
}

/// Makes a database and connects to it; why that cannot be, where a transaction may do instead.
async fn make_database<H: Host>(host: &mut H, facts: &Facts) -> Result<Result<Database<H::Other>, Failure>> {
    if !facts.may_create {
        let message = format!("the role {} lacks CREATEDB", facts.role);
        let kind = FailureKind::NotPermitted;
        return Ok(Err(Failure { kind, message, offset: None, sqlstate: Some("42501".into()) }));
    }
    drop_leftovers(host).await;
    let owner = match host
        .query(&format!(
            "SELECT {} FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()",
            owner_digits()
        ))
        .await
    {
        Ok(rows) => rows.first().map(|row| text(row, 0)).unwrap_or_default(),
        Err(failure) => return Err(failure.error(Code::Database, "a scratch database cannot be made")),
    };
    let name = format!("_whimbrel_{owner:0>14}{:02x}", host.chance() & 0xff);
    let create = format!("CREATE DATABASE {} TEMPLATE template0 {}", quote_name(&name), facts.locale);
    if let Err(failure) = host.execute(&create).await {
        return match failure.kind {
            FailureKind::Disconnected | FailureKind::Full | FailureKind::ReadOnly | FailureKind::Interrupted => {
                Err(failure.error(Code::Database, "a scratch database cannot be made"))
            }
            _ => Ok(Err(failure)),
        };
    }
    let connected = match mark(host, &name).await {
        Ok(()) => host.connect(&name).await,
        Err(failure) => Err(failure),
    };
    match connected {
        Ok(connection) => Ok(Ok(Database { name, connection })),
        Err(failure) => {
            drop_database(host, &name, facts.version).await.map_err(|f| not_dropped(&name, &f))?;
            Ok(Err(failure))
        }
    }
}

/// Says in the database's comment what it is.
async fn mark<H: Host>(host: &mut H, name: &str) -> Result<(), Failure> {
    let comment = quote_literal(COMMENT);
    host.execute(&format!("COMMENT ON DATABASE {} IS {comment}", quote_name(name))).await.map(drop)
}

/// The session `a` of `pg_stat_activity` in fourteen digits: its number, and of its start as much as has room. Numbers are
/// given out again. Of other roles' sessions the start may not be seen.
fn owner_digits() -> &'static str {
    "pg_catalog.lpad(pg_catalog.to_hex(a.pid), 8, '0') || pg_catalog.lpad(pg_catalog.to_hex(\
     (extract(epoch FROM a.backend_start)::numeric * 1000000)::bigint & 16777215), 6, '0')"
}

/// How many databases of killed runs one run drops: each makes the server write a checkpoint.
const MOST_LEFTOVERS: u32 = 3;

/// Drops what killed runs have left: databases whose session is gone, and to which nobody is connected. Failures are of no
/// interest: the next run tries again.
async fn drop_leftovers<H: Host>(host: &mut H) {
    let comment = "pg_catalog.shobj_description(d.oid, 'pg_database')";
    let sql = format!(
        "SELECT d.datname FROM pg_catalog.pg_database d \
         WHERE d.datname ~ '^_whimbrel_[0-9a-f]{{16}}$' AND pg_catalog.pg_has_role(d.datdba, 'USAGE') \
         AND ({comment} IS NULL OR pg_catalog.starts_with({comment}, {})) \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid \
         OR pg_catalog.substr(d.datname::text, 11, 14) = {} \
         OR (a.backend_start IS NULL AND pg_catalog.substr(d.datname::text, 11, 8) = \
         pg_catalog.lpad(pg_catalog.to_hex(a.pid), 8, '0'))) LIMIT {MOST_LEFTOVERS}",
        quote_literal(COMMENT),
        owner_digits(),
    );
    for row in host.query(&sql).await.unwrap_or_default() {
        // Not by force: who has connected in between keeps it.
        let _ = host.execute(&format!("DROP DATABASE IF EXISTS {}", quote_name(&text(&row, 0)))).await;
    }
}

async fn drop_database<H: Host>(host: &mut H, name: &str, version: u32) -> Result<(), Failure> {
    let force = if version >= 130_000 { " WITH (FORCE)" } else { "" };
    let drop = format!("DROP DATABASE IF EXISTS {}{force}", quote_name(name));
    let end = format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = {}",
        quote_literal(name)
    );
    let mut attempt = 0;
    loop {
        match host.execute(&drop).await {
            Ok(_) => return Ok(()),
            // Our own session there is closed, and the server has not noticed yet.
            Err(failure) if failure.kind == FailureKind::Busy && attempt < 30 => {
                attempt += 1;
                if attempt == 3 {
                    // Whoever this role may not end will be waited for.
                    let _ = host.query(&end).await;
                }
                host.wait(Duration::from_millis(50 * attempt.min(6))).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn not_dropped(name: &str, failure: &Failure) -> Error {
    failure
        .error(Code::Database, format!("the scratch database {name} cannot be dropped"))
        .help(format!("a later run drops it; or do it yourself: DROP DATABASE {}", quote_name(name)))
}

fn why_not(error: Error, why: Option<&Failure>) -> Error {
    match why {
        Some(why) => error.help(format!("a scratch database of its own could not be used: {why}")),
        None => error,
    }
}

/// A schema that is there.
struct Live {
    name: String,
    is_ours: bool,
}

async fn schemas<C: Connection>(connection: &mut C) -> Result<Vec<Live>> {
    let sql = "SELECT n.nspname, pg_catalog.pg_has_role(n.nspowner, 'USAGE') FROM pg_catalog.pg_namespace n \
               WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' \
               AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e \
               WHERE e.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND e.objid = n.oid \
               AND e.deptype = 'e') ORDER BY n.nspname";
    let rows = connection.query(sql).await;
    let rows = rows.map_err(|f| f.error(Code::Database, "the schemas cannot be read"))?;
    Ok(rows.iter().map(|row| Live { name: text(row, 0), is_ours: text(row, 1) == "t" }).collect())
}

/// What is there before the transaction, read once.
async fn look_around<C: Connection>(connection: &mut C, is_live: bool) -> Result<Inside> {
    let schema = read_schema(connection).await?;
    let mut inside = Inside { is_live, ..Inside::default() };
    // A kind that stands in no schema cannot be in the way: it is only left out.
    let stands = |id: &&ObjectId| !matches!(id.kind, Kind::Extension | Kind::Namespace) && !id.schema.is_empty();
    if is_live {
        let sql = "SELECT x.extname, n.nspname FROM pg_catalog.pg_extension x \
                   JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace \
                   WHERE NOT x.extrelocatable AND n.nspname <> 'pg_catalog'";
        let rows = connection.query(sql).await;
        let rows = rows.map_err(|f| f.error(Code::Database, "the extensions cannot be read"))?;
        for row in rows {
            let (extension, name) = (text(&row, 0), text(&row, 1));
            if schema.objects.keys().filter(stands).any(|id| id.schema == name) {
                let message = format!("the extension {extension} cannot be moved out of the schema {name}");
                return Err(Error::new(Code::NotPermitted, message)
                    .object(format!("extension {extension}"))
                    .help("use a role with CREATEDB, or give an empty database with `--scratch URL`"));
            }
            inside.kept.insert(name);
        }
    } else {
        let found: Vec<&ObjectId> = schema.objects.keys().filter(stands).collect();
        if let Some(first) = found.first() {
            let message = match found.len() {
                1 => format!("the scratch database is not empty: it has the {first}"),
                n => format!("the scratch database is not empty: it has the {first} and {} more", n - 1),
            };
            return Err(Error::new(Code::CannotOpen, message)
                .help("give one that nobody uses; it may have extensions and nothing else"));
        }
        inside.kept.extend(schema.objects.keys().filter(|id| id.kind == Kind::Namespace).map(|id| id.name.clone()));
    }
    let public = ObjectId::new(Kind::Namespace, "", "public");
    let left_out = |id: &&ObjectId| match id.kind {
        Kind::Namespace => inside.kept.contains(&id.name) && **id != public,
        _ => id.schema.is_empty() || inside.kept.contains(&id.schema),
    };
    inside.before = schema.objects.keys().filter(left_out).cloned().collect();
    debug_assert!(schema.objects.values().all(|o| !matches!(o.body, Body::Extension { .. }) || o.id.schema.is_empty()));
    Ok(inside)
}

/// The right that renaming the schemas needs and the role lacks, as an error.
async fn missing_right<C: Connection>(
    connection: &mut C,
    live: &[Live],
    kept: &BTreeSet<String>,
    role: &str,
) -> Result<Option<Error>> {
    let sql = "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), \
               pg_catalog.current_database()";
    let rows = connection.query(sql).await;
    let rows = rows.map_err(|f| f.error(Code::Database, "the rights of the role cannot be read"))?;
    let (may_create, database) = rows.first().map(|row| (text(row, 0) == "t", text(row, 1))).unwrap_or_default();
    let others: Vec<&str> =
        live.iter().filter(|s| !s.is_ours && !kept.contains(&s.name)).map(|s| s.name.as_str()).collect();
    let lacks = match others.as_slice() {
        [] if may_create => return Ok(None),
        [] => format!("the right to create in the database {database}"),
        [one] => format!("ownership of the schema {one}"),
        many => format!("ownership of the schemas {}", many.join(", ")),
    };
    let message = format!("the role {role} lacks CREATEDB, and {lacks}: there is no place to try the schema out");
    Ok(Some(
        Error::new(Code::NotPermitted, message)
            .help(format!("have CREATEDB granted: ALTER ROLE {} CREATEDB", quote_name(role)))
            .help("or give an empty database on a server of the same version with `--scratch URL`"),
    ))
}
