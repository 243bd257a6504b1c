//! What a person who knows PostgreSQL well would do by hand: one query for the whole catalogue, and the ways to change a
//! table of which some keep writers out for long.

use std::process::{Command, Stdio};

use peer_protocol::{Outcome, Request, introduce, timed};

use super::{connect, runtime, url, while_somebody_writes};

pub fn run(request: &Request, case: &str, way: &str) -> Outcome {
    introduce("by hand", "");
    match (case, way) {
        ("pg-diff", "dump") => request.repeat(|_| {
            let mut dump = Command::new("pg_dump");
            dump.args(["-s", "-d", url(request)?]).stdin(Stdio::null()).stdout(Stdio::null());
            let (time, status) = timed(|| Ok(dump.status().map_err(|_| "there is no pg_dump on the path")?))?;
            if status.success() { Ok(time) } else { Err("pg_dump failed".into()) }
        }),
        ("pg-diff", _) => {
            let runtime = runtime()?;
            let client = runtime.block_on(connect(url(request)?))?;
            request.repeat(|_| {
                let (time, json) = timed(|| {
                    let row = runtime.block_on(client.query_one(CATALOGUE, &[]))?;
                    Ok(row.try_get::<_, String>(0)?)
                })?;
                if json.contains("table_0") { Ok(time) } else { Err("the catalogue has no table".into()) }
            })
        }
        _ => {
            let statements = statements(case, way).ok_or_else(|| format!("no such case: {}", request.case))?;
            let runtime = runtime()?;
            let client = runtime.block_on(connect(url(request)?))?;
            while_somebody_writes(request, || {
                for statement in statements {
                    runtime.block_on(client.batch_execute(statement))?;
                }
                Ok(())
            })
        }
    }
}

/// All tables of a schema with what they consist of, as PostgreSQL prints it.
const CATALOGUE: &str = "
    SELECT json_build_object(
      'relations', (
        SELECT json_agg(json_build_array(c.oid, c.relname, c.relkind, c.relpersistence, c.reloptions, c.relrowsecurity))
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace),
      'columns', (
        SELECT json_agg(json_build_array(a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
          a.attnotnull, a.attidentity, a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid)))
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
          AND NOT a.attisdropped),
      'constraints', (
        SELECT json_agg(json_build_array(k.conrelid, k.conname, k.contype, k.convalidated, pg_get_constraintdef(k.oid)))
        FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace),
      'indexes', (
        SELECT json_agg(json_build_array(i.indrelid, i.indexrelid, i.indisunique, i.indisvalid,
          pg_get_indexdef(i.indexrelid)))
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace)
    )::text";

/// The statements of a way to change the table of items, each a transaction.
fn statements(case: &str, way: &str) -> Option<&'static [&'static str]> {
    Some(match (case, way) {
        ("pg-set-not-null", "checked-before") => &[
            "ALTER TABLE items ADD CONSTRAINT note_is_there CHECK (note IS NOT NULL) NOT VALID",
            "ALTER TABLE items VALIDATE CONSTRAINT note_is_there",
            "ALTER TABLE items ALTER COLUMN note SET NOT NULL",
            "ALTER TABLE items DROP CONSTRAINT note_is_there",
        ],
        ("pg-set-not-null", "alter") => &["ALTER TABLE items ALTER COLUMN note SET NOT NULL"],
        ("pg-foreign-key", "validated-after") => &[
            "ALTER TABLE items ADD CONSTRAINT items_shelf_fkey FOREIGN KEY (shelf) REFERENCES shelves NOT VALID",
            "ALTER TABLE items VALIDATE CONSTRAINT items_shelf_fkey",
        ],
        ("pg-foreign-key", "alter") => {
            &["ALTER TABLE items ADD CONSTRAINT items_shelf_fkey FOREIGN KEY (shelf) REFERENCES shelves"]
        }
        ("pg-index", "concurrently") => &["CREATE INDEX CONCURRENTLY items_price ON items (price)"],
        ("pg-index", "plain") => &["CREATE INDEX items_price ON items (price)"],
        _ => return None,
    })
}
