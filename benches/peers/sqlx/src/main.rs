//! sqlx: a table of what has run, with checksums that are compared at each start, on a thread of its own.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use peer_protocol::{Clock, Outcome, Request, Time, introduce};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqlSafeStr};

fn main() -> ExitCode {
    peer_protocol::main(|request| tokio::runtime::Builder::new_current_thread().build()?.block_on(run(request)))
}

async fn open(file: &Path) -> Outcome<SqliteConnection> {
    Ok(SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await?)
}

async fn run(request: &Request) -> Outcome {
    let mut memory = SqliteConnection::connect("sqlite::memory:").await?;
    let version: (String,) = sqlx::query_as("SELECT sqlite_version()").fetch_one(&mut memory).await?;
    introduce("sqlx 0.9.0", &version.0);
    let mut migrations = Vec::new();
    for script in request.scripts()? {
        let sql = AssertSqlSafe(script.sql).into_sql_str();
        let number = script.number.into();
        migrations.push(Migration::new(number, script.name.into(), MigrationType::Simple, sql, false));
    }
    let migrator = Migrator::with_migrations(migrations);
    for _ in 0..request.repetitions {
        let (clock, mut start) = (Clock::start(), Instant::now());
        let mut conn = open(&request.file).await?;
        if request.case == "start-check" {
            start = Instant::now();
        }
        migrator.run(&mut conn).await?;
        match request.case.as_str() {
            "apply" | "start-prepare" => clock.stop(),
            "start-check" | "start-open" => Time::from(start.elapsed()),
            other => return Err(format!("no such case: {other}").into()),
        }
        .tell();
        conn.close().await?;
    }
    Ok(())
}
