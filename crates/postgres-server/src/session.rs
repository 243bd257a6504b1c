//! A connection for tests: blocking, and held by a thread of its own, so that it works within a runtime and outside.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Rows of a result, as text.
type Rows = Vec<Vec<Option<String>>>;

/// What goes to the thread: statements, and where the answer goes.
type Job = (String, Sender<Result<Rows, String>>);

/// An open connection of a superuser.
#[derive(Debug)]
pub struct Session {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// An answer that is still to come: what a statement that waits for a lock gives.
#[derive(Debug)]
pub struct Answer(Receiver<Result<Rows, String>>);

impl Session {
    /// Opens a connection.
    ///
    /// # Panics
    /// If that fails.
    pub fn open(url: &str) -> Session {
        Self::try_open(url).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Opens a connection, or says why not.
    ///
    /// # Errors
    /// The server's words.
    pub fn try_open(url: &str) -> Result<Session, String> {
        let (jobs, inbox) = channel();
        let (opened, is_open) = channel();
        let url = url.to_owned();
        let thread = std::thread::spawn(move || attend(&url, &inbox, &opened));
        match is_open.recv() {
            Ok(Ok(())) => Ok(Session { jobs: Some(jobs), thread: Some(thread) }),
            Ok(Err(why)) => Err(why),
            Err(_) => Err("the thread of the connection ended".to_owned()),
        }
    }

    /// Executes statements.
    ///
    /// # Panics
    /// If one fails.
    pub fn execute(&self, sql: &str) {
        self.query(sql);
    }

    /// Executes statements, or says what failed.
    ///
    /// # Errors
    /// SQLSTATE and message.
    pub fn try_execute(&self, sql: &str) -> Result<(), String> {
        self.start(sql).wait().map(|_| ())
    }

    /// Executes a query.
    ///
    /// # Panics
    /// If it fails.
    pub fn query(&self, sql: &str) -> Rows {
        self.start(sql).wait().unwrap_or_else(|why| panic!("{why}, in: {sql}"))
    }

    /// Starts a statement and does not wait for its end.
    pub fn start(&self, sql: &str) -> Answer {
        let (sender, receiver) = channel();
        if let Some(jobs) = &self.jobs {
            // A thread that is gone drops the sender, which the answer tells.
            let _ = jobs.send((sql.to_owned(), sender));
        }
        Answer(receiver)
    }
}

impl Answer {
    /// Waits for it.
    ///
    /// # Errors
    /// SQLSTATE and message.
    pub fn wait(self) -> Result<Rows, String> {
        self.0.recv().unwrap_or_else(|_| Err("the connection is gone".to_owned()))
    }

    /// Whether it is there within this time.
    pub fn is_there_within(&self, time: std::time::Duration) -> Option<Result<Rows, String>> {
        self.0.recv_timeout(time).ok()
    }
}

/// Closing is waited for: the database may be dropped next.
impl Drop for Session {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn attend(url: &str, inbox: &Receiver<Job>, opened: &Sender<Result<(), String>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(opened.send(Err(error.to_string()))),
    };
    let (client, connection) = match runtime.block_on(tokio_postgres::connect(url, NoTls)) {
        Ok(both) => both,
        Err(error) => return drop(opened.send(Err(words(&error)))),
    };
    let task = runtime.spawn(connection);
    let _ = opened.send(Ok(()));
    for (sql, sender) in inbox {
        let answer = runtime.block_on(client.simple_query(&sql)).map_err(|error| words(&error));
        // Whoever asked may have gone.
        let _ = sender.send(answer.map(rows));
    }
    drop(client);
    let _ = runtime.block_on(task);
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Rows {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(error) => format!("{} {}", error.code().code(), error.message()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
