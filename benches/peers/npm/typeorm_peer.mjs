// TypeORM: what its `schema:sync` does: `log()` reads the database and compares, `synchronize()` also executes.

import "reflect-metadata";
import Database from "better-sqlite3";
import { DataSource, EntitySchema } from "typeorm";

import { changed, expectOneTable, main, reword, tableCount, timed, version, withFile } from "./protocol.mjs";

/** The tables of the fixture as an app declares them. */
function manyTables(count, isChanged) {
  return Array.from({ length: count }, (_, n) => {
    const columns = {
      id: { type: "integer", primary: true },
      name: { type: "text" },
      amount: { type: isChanged && n === Math.floor(count / 2) ? "text" : "real", nullable: true },
      created_at: { type: "integer", default: 0 },
      note: { type: "text", nullable: true },
    };
    const foreignKeys = [];
    if (n % 3 === 2) {
      columns.parent = { type: "integer", nullable: true };
      foreignKeys.push({ target: `table_${n - 1}`, columnNames: ["parent"], referencedColumnNames: ["id"] });
    }
    const indices = n % 2 === 0 ? [{ name: `table_${n}_name`, columns: ["name"] }] : [];
    return new EntitySchema({ name: `table_${n}`, columns, foreignKeys, indices });
  });
}

const shelves = new EntitySchema({
  name: "shelves",
  columns: { id: { type: "integer", primary: true }, place: { type: "text" } },
});
const ITEMS = {
  id: { type: "integer", primary: true },
  name: { type: "text" },
  price: { type: "text", nullable: true },
  created: { type: "bigint" },
  note: { type: "text", nullable: true },
};
const INDEXES = [
  { name: "items_name", columns: ["name"] },
  { name: "items_created", columns: ["created"] },
];

function items(other, checks = []) {
  return [shelves, new EntitySchema({ name: "items", columns: changed(ITEMS, other), indices: INDEXES, checks })];
}

async function connected(file, entities, what) {
  const source = new DataSource({ type: "better-sqlite3", database: file, entities });
  await source.initialize();
  await what(source);
  await source.destroy();
}

/** A connection in memory is over when its source is; so what it has made goes into a file. */
function made(entities) {
  return withFile(null, async (file) => {
    await connected(file, entities, (source) => source.synchronize());
    const database = new Database(file);
    const image = database.serialize();
    database.close();
    return new Database(image);
  });
}

function diff(file, repeat) {
  return withFile(file, async (copy) => {
    const count = tableCount(copy);
    await reword(copy, () => made(manyTables(count, false)));
    await connected(copy, manyTables(count, true), (source) =>
      repeat(async () => {
        let found;
        const time = await timed(async () => (found = await source.driver.createSchemaBuilder().log()));
        expectOneTable(found.upQueries.map(({ query }) => query));
        return time;
      }),
    );
  });
}

function synchronized(entities) {
  return async (file, repeat) => {
    await reword(file, () => made(items({})));
    await connected(file, entities, (source) => repeat(() => timed(() => source.synchronize())));
  };
}

const FIVE = {
  price: { type: "integer" },
  created: { type: "integer" },
  note: null,
  stock: { type: "integer", default: 0 },
};

await main(`TypeORM ${version("typeorm")}`, {
  "diff:changed": diff,
  "type": synchronized(items({ price: { type: "integer", nullable: true } })),
  "same-storage": synchronized(items({ created: { type: "integer" } })),
  "five-changes": synchronized(items(FIVE, [{ name: "name_is_there", expression: "length(name) > 0" }])),
  "drop-column": synchronized(items({ note: null })),
  "add-column": synchronized(items({ stock: { type: "integer", default: 0 } })),
  "set-not-null": synchronized(items({ note: { type: "text" } })),
  "add-check": synchronized(items({}, [{ name: "note_is_there", expression: "length(note) > 0" }])),
  "set-default": synchronized(items({ note: { type: "text", nullable: true, default: "none" } })),
});
