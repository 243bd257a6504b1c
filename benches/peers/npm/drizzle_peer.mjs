// drizzle-kit: what its `push` does, which is to read the database, compare, and execute the statements that it has found.

import Database from "better-sqlite3";
import { pushSQLiteSchema } from "drizzle-kit/api";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { check, index, integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";

import { changed, expectOneTable, main, reword, tableCount, timed, version, withFile } from "./protocol.mjs";

/** The tables of the fixture as an app declares them. */
function manyTables(count, isChanged) {
  const tables = {};
  for (let n = 0; n < count; n++) {
    const columns = {
      id: integer().primaryKey(),
      name: text().notNull(),
      amount: isChanged && n === Math.floor(count / 2) ? text() : real(),
      createdAt: integer("created_at").notNull().default(0),
      note: text(),
    };
    if (n % 3 === 2) columns.parent = integer().references(() => tables[`table_${n - 1}`].id);
    const indexes = (table) => (n % 2 === 0 ? [index(`table_${n}_name`).on(table.name)] : []);
    tables[`table_${n}`] = sqliteTable(`table_${n}`, columns, indexes);
  }
  return tables;
}

const shelves = sqliteTable("shelves", { id: integer().primaryKey(), place: text().notNull() });
const ITEMS = {
  id: integer().primaryKey(),
  name: text().notNull(),
  price: text(),
  created: integer().notNull(),
  note: text(),
};

function items(other, checks = () => []) {
  const table = sqliteTable("items", changed(ITEMS, other), (table) => [
    index("items_name").on(table.name),
    index("items_created").on(table.created),
    ...checks(table),
  ]);
  return { shelves, items: table };
}

/** The statements, once each: those that make the indexes of a table anew stand there twice, and would fail. */
async function push(tables, database) {
  const orm = drizzle(database);
  const statements = [...new Set((await pushSQLiteSchema(tables, orm)).statementsToExecute)];
  for (const statement of ["begin", ...statements, "commit"]) orm.run(sql.raw(statement));
}

async function made(tables) {
  const database = new Database(":memory:");
  await push(tables, database);
  return database;
}

function diff(file, repeat) {
  return withFile(file, async (copy) => {
    const count = tableCount(copy);
    await reword(copy, () => made(manyTables(count, false)));
    const tables = manyTables(count, true);
    const database = new Database(copy);
    await repeat(async () => {
      let found;
      const time = await timed(async () => (found = await pushSQLiteSchema(tables, drizzle(database))));
      expectOneTable(found.statementsToExecute);
      return time;
    });
    database.close();
  });
}

function pushed(tables) {
  return async (file, repeat) => {
    await reword(file, () => made(items({})));
    const database = new Database(file);
    await repeat(() => timed(() => push(tables, database)));
    database.close();
  };
}

// It takes DEFAULT 0 for no default at all, and empties the table before it adds such a column. Where one column goes and one
// comes, as in the five changes, it asks at the terminal what was renamed.
await main(`drizzle-kit ${version("drizzle-kit")}`, {
  "diff:changed": diff,
  "type": pushed(items({ price: integer() })),
  "drop-column": pushed(items({ note: null })),
  "set-not-null": pushed(items({ note: text().notNull() })),
  "add-check": pushed(items({}, (table) => [check("note_is_there", sql`length(${table.note}) > 0`)])),
  "set-default": pushed(items({ note: text().default("none") })),
});
