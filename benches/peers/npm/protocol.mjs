// What a contestant reads from its arguments and prints; peers/protocol tells the same for Rust.

import Database from "better-sqlite3";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** How long it takes, in nanoseconds. */
export async function timed(what) {
  const start = process.hrtime.bigint();
  await what();
  return Number(process.hrtime.bigint() - start);
}

/** Where a comparison has found anything else than the one change that there is, no figure of it counts. */
export function expectOneTable(statements) {
  const renames = statements.join("\n").matchAll(/RENAME TO ["`]?(\w+)/g);
  const { size } = new Set(Array.from(renames, ([, table]) => table));
  if (size !== 1) throw new Error(`${size} tables are to be made anew, and not one`);
}

/** How many of the tables of an app's schema the database has. */
export function tableCount(file) {
  const database = new Database(file, { readonly: true });
  const sql = "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'table_*[0-9]'";
  const count = database.prepare(sql).pluck().get();
  database.close();
  return count;
}

/**
 * Gives the tables of a file the texts that they would have if the tool had made them, where it takes any other for a
 * change of its own: `NOT NULL` at an `INTEGER PRIMARY KEY`, say. `own` executes what makes them in an empty database. What
 * the rows look like stays the same, and so only the catalogue is written.
 */
export async function reword(file, own) {
  const model = await own();
  const tables = model.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").all();
  model.close();
  const database = new Database(file);
  database.unsafeMode();
  const version = database.pragma("schema_version", { simple: true });
  database.exec("BEGIN; PRAGMA writable_schema = ON");
  const update = database.prepare("UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?");
  for (const { name, sql } of tables) update.run(sql, name);
  database.exec(`PRAGMA schema_version = ${version + 1}; PRAGMA writable_schema = OFF; COMMIT`);
  database.close();
}

/** Does something with a file of its own: a copy of one that everybody reads, or a new one. */
export async function withFile(original, what) {
  const folder = mkdtempSync(join(tmpdir(), "peer-"));
  try {
    const file = join(folder, "app.db");
    if (original) copyFileSync(original, file);
    return await what(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The columns of the table of items, where some are other than in the fixture; one that is null goes. */
export function changed(columns, other) {
  return Object.fromEntries(Object.entries({ ...columns, ...other }).filter(([, column]) => column !== null));
}

/** The version of an installed package. */
export function version(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}

/** Runs the case that the arguments name: a function of the file that gives nanoseconds, so often. */
export async function main(about, cases) {
  const [name, file, repetitions] = process.argv.slice(2);
  if (!Object.hasOwn(cases, name)) throw new Error(`no such case: ${name}`);
  const memory = new Database(":memory:");
  tell({ about, sqlite: memory.prepare("SELECT sqlite_version()").pluck().get() });
  memory.close();
  await cases[name](file, async (once) => {
    for (let n = 0; n < Number(repetitions); n++) tell({ ns: await once() });
  });
  tell({ peak_kib: process.resourceUsage().maxRSS });
}

// The last line that is printed is why a contestant is left out.
process.on("uncaughtException", (error) => {
  process.stderr.write(`${String(error?.message ?? error).split("\n")[0]}\n`);
  process.exit(1);
});
