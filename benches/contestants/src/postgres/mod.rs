//! PostgreSQL: the same two contestants, and somebody who writes while they change a table.
//!
//! What counts in a change is how long that writer waits at most, not how long the change takes; that is told as a part.

pub mod by_hand;
pub mod whimbrel;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use peer_protocol::{Outcome, Request, Time, tell_number, timed};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// How many rows the writer has written before a change begins.
const BEFORE: u32 = 100;

/// The URL of the database.
fn url(request: &Request) -> Outcome<&str> {
    Ok(request.file.to_str().ok_or("the URL is no text")?)
}

fn runtime() -> Outcome<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn connect(url: &str) -> Outcome<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Changes a table while somebody writes to it, and tells that one's longest wait.
fn while_somebody_writes(request: &Request, change: impl FnOnce() -> Outcome) -> Outcome {
    let (inbox, is_over) = (channel(), Arc::new(AtomicBool::new(false)));
    let (url, over, sender) = (url(request)?.to_owned(), Arc::clone(&is_over), inbox.0);
    let writer: JoinHandle<Result<Duration, String>> =
        std::thread::spawn(move || write(&url, &sender, &over).map_err(|e| e.to_string()));
    // Where the writer fails, it says so when it is waited for.
    let has_begun = inbox.1.recv().is_ok();
    let changed = if has_begun { timed(change) } else { Err("nobody could write".into()) };
    is_over.store(true, Ordering::Relaxed);
    let longest = writer.join().map_err(|_| "the writer ended")??;
    Time::from(longest).tell_with(&[("change", changed?.0)]);
    Ok(())
}

/// Writes rows, one in a transaction, until it is over, and gives the longest wait.
fn write(url: &str, begins: &Sender<()>, is_over: &AtomicBool) -> Outcome<Duration> {
    runtime()?.block_on(async {
        let client = connect(url).await?;
        let insert = client
            .prepare("INSERT INTO items (name, price, created, note, shelf) VALUES ('written', '1', 1, 'a note', 1)")
            .await?;
        let (mut longest, mut written) = (Duration::ZERO, 0);
        while !is_over.load(Ordering::Relaxed) {
            let start = Instant::now();
            client.execute(&insert, &[]).await?;
            written += 1;
            match written {
                ..BEFORE => {}
                BEFORE => begins.send(())?,
                _ => longest = longest.max(start.elapsed()),
            }
        }
        tell_number("written", u64::from(written));
        Ok(longest)
    })
}
