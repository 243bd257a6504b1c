//! The tokio-postgres host: an app's own client, or a connection of its own, as a [`Connection`].
//!
//! Requests go by the simple query protocol: one statement each, no prepared statements, so that they pass through every
//! pooler. Each value arrives as text. A future may be dropped before it is ready: the statement then runs on in the
//! server, and the next request waits for it; [`Postgres::cancel_token`] stops it. `COPY … FROM STDIN` has no place here.
//!
//! Everything needs a tokio runtime with its I/O and its clock enabled.

mod address;
mod failure;
mod tls;

pub use address::{Address, shown_url};

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, SimpleQueryMessage, Socket};
use whimbrel_core::postgres::host::Host;
use whimbrel_core::run::{Connection, Failure, FailureKind, Header, Row, Value};
use whimbrel_core::{Code, Error, Result};

use failure::{failure, own};
use tls::Connector;

/// A PostgreSQL client, borrowed or owned, as the procedures see it.
///
/// An app lends the client that it has:
///
/// ```
/// use whimbrel::postgres_host::Postgres;
/// use whimbrel::run::Connection;
///
/// async fn tables(client: &tokio_postgres::Client) -> usize {
///     let mut host = Postgres::new(client);
///     host.query("SELECT relname FROM pg_catalog.pg_class WHERE relkind = 'r'").await.map_or(0, |rows| rows.len())
/// }
/// ```
///
/// A program without one connects:
///
/// ```no_run
/// use whimbrel::postgres_host::Postgres;
///
/// # async fn connects() -> whimbrel::Result<()> {
/// let mut host = Postgres::connect("postgres://anna@db.example.org/notes?sslmode=verify-full").await?;
/// # host.close().await;
/// # Ok(())
/// # }
/// ```
pub struct Postgres<C = Client> {
    client: C,
    /// Of a connection of our own: where it leads, and what happens on it.
    own: Option<Own>,
}

struct Own {
    address: Address,
    connector: Connector,
    log: Arc<Mutex<Log>>,
    task: JoinHandle<()>,
}

/// What the connection's task leaves for the requests.
#[derive(Default)]
struct Log {
    notices: Vec<Notice>,
    /// How the connection ended.
    end: Option<Failure>,
}

/// A message of the server that is no error: `NOTICE`, `WARNING`, `INFO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its severity, in the server's language.
    pub severity: String,
    /// Its SQLSTATE; `00000` where nothing is the matter.
    pub sqlstate: String,
    /// Its message. A function's `RAISE NOTICE` may put anything here, rows too.
    pub message: String,
}

/// More notices than these are not kept: a function can write one for each row.
const MOST_NOTICES: usize = 1000;

/// Stops what a connection is doing at the moment, from anywhere.
#[derive(Clone)]
pub struct CancelToken {
    token: tokio_postgres::CancelToken,
    connector: Option<Connector>,
}

impl Postgres<Client> {
    /// Connects to the database at a URL, or at an address in libpq's `key=value` form.
    ///
    /// No variable of the environment is read; [`Address::completed`] takes them over for a program that wants them.
    ///
    /// # Errors
    /// [`Code::CannotOpen`] where there is no such server, database or certificate; [`Code::NotPermitted`] where the role
    /// is not let in. No error holds the password.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_to(&Address::parse(url)?).await
    }

    /// Connects to the database at an address.
    ///
    /// # Errors
    /// As [`Postgres::connect`].
    pub async fn connect_to(address: &Address) -> Result<Self> {
        let (config, connector) = address.config()?;
        Self::open(address, &config, connector).await.map_err(|failure| cannot_open(address, &failure))
    }

    async fn open(address: &Address, config: &tokio_postgres::Config, connector: Connector) -> Result<Self, Failure> {
        let (client, connection) = config.connect(connector.clone()).await.map_err(|error| failure(&error, ""))?;
        let log = Arc::new(Mutex::new(Log::default()));
        let task = tokio::spawn(attend(connection, Arc::clone(&log)));
        let own = Own { address: address.clone(), connector, log, task };
        Ok(Postgres { client, own: Some(own) })
    }

    /// Closes the connection, and waits until that is done: the server may not have noticed a connection's end yet when
    /// its owner is dropped, and would refuse to drop the database.
    pub async fn close(self) {
        let Postgres { client, own, .. } = self;
        drop(client);
        if let Some(own) = own {
            // It ends with the client; whether it ended well is of no interest any more.
            let _ = own.task.await;
        }
    }

    /// Where it is connected to.
    pub fn address(&self) -> Option<&Address> {
        self.own.as_ref().map(|own| &own.address)
    }
}

impl<C: Borrow<Client>> Postgres<C> {
    /// Wraps the client of an app, which goes on attending to the client's connection itself.
    pub fn new(client: C) -> Self {
        Postgres { client, own: None }
    }

    /// What stops a running statement. The statement fails with [`FailureKind::Interrupted`].
    pub fn cancel_token(&self) -> CancelToken {
        let connector = self.own.as_ref().map(|own| own.connector.clone());
        CancelToken { token: self.client.borrow().cancel_token(), connector }
    }

    /// What the server has said besides its answers since the last call, on a connection of our own. An app's client gives
    /// its notices to the app.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.log().map(|mut log| std::mem::take(&mut log.notices)).unwrap_or_default()
    }

    fn log(&self) -> Option<MutexGuard<'_, Log>> {
        // Nothing in there is ever half done.
        self.own.as_ref().map(|own| own.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn request(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Failure> {
        self.client.borrow().simple_query(sql).await.map_err(|error| {
            // The driver only says "closed" then; why is known to the one that saw it.
            let end = self.log().filter(|_| error.is_closed()).and_then(|log| log.end.clone());
            end.unwrap_or_else(|| failure(&error, sql))
        })
    }
}

impl<C: Borrow<Client>> Borrow<Client> for Postgres<C> {
    fn borrow(&self) -> &Client {
        self.client.borrow()
    }
}

impl<C> fmt::Debug for Postgres<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("address", &self.own.as_ref().map(|own| &own.address)).finish_non_exhaustive()
    }
}

impl CancelToken {
    /// Asks the server to stop what the connection is doing. It may be done before the request arrives; nothing is
    /// stopped then.
    ///
    /// # Errors
    /// [`FailureKind::Disconnected`] where the server cannot be reached.
    pub async fn cancel(&self) -> Result<(), Failure> {
        let asked = match &self.connector {
            Some(connector) => self.token.cancel_query(connector.clone()).await,
            None => self.token.cancel_query(tokio_postgres::NoTls).await,
        };
        asked.map_err(|error| failure(&error, ""))
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").finish_non_exhaustive()
    }
}

/// Attends to a connection until its client is dropped or it is lost.
async fn attend(
    mut connection: tokio_postgres::Connection<
        Socket,
        <Connector as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream,
    >,
    log: Arc<Mutex<Log>>,
) {
    let locked = || log.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match std::future::poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notice(notice))) => {
                let mut log = locked();
                if log.notices.len() < MOST_NOTICES {
                    log.notices.push(Notice {
                        severity: notice.severity().to_owned(),
                        sqlstate: notice.code().code().to_owned(),
                        message: notice.message().to_owned(),
                    });
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let failure = failure(&error, "");
                locked().end = Some(Failure { kind: FailureKind::Disconnected, ..failure });
                return;
            }
            None => return,
        }
    }
}

fn cannot_open(address: &Address, failure: &Failure) -> Error {
    let message = format!("{address} cannot be opened");
    let error = match failure.kind {
        FailureKind::NotPermitted => Error::new(Code::NotPermitted, message)
            .help("check role and password; the password may stand in PGPASSWORD or ~/.pgpass"),
        _ if failure.sqlstate.as_deref() == Some("3D000") => {
            Error::new(Code::CannotOpen, message).help("create the database, or look for a slip in its name")
        }
        FailureKind::Disconnected => Error::new(Code::CannotOpen, message)
            .help("check that the server runs, and that host and port are the right ones"),
        _ => Error::new(Code::CannotOpen, message),
    };
    error.object(address.to_string()).cause(&failure.message)
}

impl<C: Borrow<Client>> Connection for Postgres<C> {
    /// There is none: PostgreSQL has no database in memory. [`Host::connect`] leads to one that was made.
    type Scratch = Postgres<Client>;

    async fn execute(&mut self, sql: &str) -> Result<u64, Failure> {
        let messages = self.request(sql).await?;
        let count = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        Ok(count.unwrap_or_default())
    }

    async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        for message in self.request(sql).await? {
            let SimpleQueryMessage::Row(row) = message else { continue };
            let value = |column| match row.try_get(column) {
                Ok(Some(text)) => Ok(Value::Text(text.to_owned())),
                Ok(None) => Ok(Value::Null),
                Err(error) => Err(failure(&error, sql)),
            };
            rows.push((0..row.len()).map(value).collect::<Result<Row, Failure>>()?);
        }
        Ok(rows)
    }

    /// The driver does not tell, and the simple query protocol has no question that would. A savepoint can be set only
    /// in a transaction: outside of one the server answers 25P01, in one that has failed 25P02. It is released at once,
    /// and writes nothing.
    async fn in_transaction(&mut self) -> Result<bool, Failure> {
        match self.request("SAVEPOINT _whimbrel_asks").await {
            Ok(_) => self.request("RELEASE SAVEPOINT _whimbrel_asks").await.map(|_| true),
            Err(failure) => match failure.sqlstate.as_deref() {
                Some("25P01") => Ok(false),
                Some("25P02") => Ok(true),
                _ => Err(failure),
            },
        }
    }

    async fn scratch(&mut self) -> Result<Self::Scratch, Failure> {
        Err(own(FailureKind::Other, "PostgreSQL has no database in memory"))
    }

    async fn free_space(&mut self) -> Option<u64> {
        None
    }

    async fn header(&mut self) -> Result<Header, Failure> {
        Err(own(FailureKind::Other, "a PostgreSQL database has no header"))
    }
}

impl<C: Borrow<Client>> Host for Postgres<C> {
    type Other = Postgres<Client>;

    async fn connect(&mut self, database: &str) -> Result<Self::Other, Failure> {
        let Some(own_connection) = &self.own else {
            let message = "the app's own client leads to one database, and no address of the server is known";
            return Err(own(FailureKind::NotPermitted, message));
        };
        let address = own_connection.address.with_database(database);
        let (config, connector) = address.config().map_err(|error| own(FailureKind::Other, error.to_string()))?;
        Postgres::open(&address, &config, connector).await
    }

    async fn wait(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// The standard library seeds its hash maps from the operating system's randomness.
    fn chance(&mut self) -> u64 {
        RandomState::new().hash_one(std::process::id())
    }
}
