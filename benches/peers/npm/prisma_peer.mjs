// prisma: its schema engine as WebAssembly, over its adapter for better-sqlite3: `migrate diff` and `db push`.

import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import * as engine from "@prisma/schema-engine-wasm/schema_engine_bg";
import { readFileSync } from "node:fs";

import { changed, expectOneTable, main, tableCount, timed, version } from "./protocol.mjs";

const wasm = readFileSync(new URL("node_modules/@prisma/schema-engine-wasm/schema_engine_bg.wasm", import.meta.url));
const { instance } = await WebAssembly.instantiate(wasm, { "./schema_engine_bg.js": engine });
engine.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();

const PROVIDER = 'datasource db {\n  provider = "sqlite"\n}\n';
const model = (name, lines) => `model ${name} {\n  ${lines.join("\n  ")}\n}\n`;
const files = (content) => ({ files: [{ path: "schema.prisma", content }] });
const filters = { externalTables: [], externalEnums: [] };

/** The tables of the fixture as an app declares them. */
function manyTables(count) {
  const noAction = "onDelete: NoAction, onUpdate: NoAction";
  const models = Array.from({ length: count }, (_, n) => {
    const amount = n === Math.floor(count / 2) ? "String?" : "Float?";
    const lines = ["id Int @id", "name String", `amount ${amount}`, "created_at Int @default(0)", "note String?"];
    if (n % 3 === 2) {
      lines.push("parent Int?");
      lines.push(`before table_${n - 1}? @relation(fields: [parent], references: [id], ${noAction})`);
    }
    if (n % 3 === 1 && n + 1 < count) lines.push(`after table_${n + 1}[]`);
    if (n % 2 === 0) lines.push(`@@index([name], map: "table_${n}_name")`);
    return model(`table_${n}`, lines);
  });
  return PROVIDER + models.join("");
}

const ITEMS = { id: "Int @id", name: "String", price: "String?", created: "BigInt", note: "String?" };

function items(other) {
  const lines = Object.entries(changed(ITEMS, other)).map((pair) => pair.join(" "));
  lines.push('@@index([name], map: "items_name")', '@@index([created], map: "items_created")');
  return PROVIDER + model("shelves", ["id Int @id", "place String"]) + model("items", lines);
}

async function connected(file, what) {
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaBetterSqlite3({ url: `file:${file}` }));
  const made = await engine.SchemaEngine.new({ datamodels: undefined }, () => {}, factory);
  await what(made);
  made.free();
}

function diff(file, repeat) {
  const params = {
    from: { tag: "schemaDatasource", ...files(PROVIDER), configDir: "." },
    to: { tag: "schemaDatamodel", ...files(manyTables(tableCount(file))) },
    script: true,
    exitCode: null,
    filters,
  };
  return connected(file, (made) =>
    repeat(async () => {
      let found;
      const time = await timed(async () => (found = await made.diff(params)));
      expectOneTable([found.stdout]);
      return time;
    }),
  );
}

function pushed(schema) {
  const input = { force: true, schema: files(schema), filters };
  return (file, repeat) => connected(file, (made) => repeat(() => timed(() => made.schemaPush(input))));
}

// It has no CHECK, which is one of the five changes, too.
await main(`prisma's schema engine ${version("@prisma/schema-engine-wasm").split("-")[0]}`, {
  "diff:changed": diff,
  "type": pushed(items({ price: "Int?" })),
  "same-storage": pushed(items({ created: "Int" })),
  "drop-column": pushed(items({ note: null })),
  "add-column": pushed(items({ stock: "Int @default(0)" })),
  "set-not-null": pushed(items({ note: "String" })),
  "set-default": pushed(items({ note: 'String? @default("none")' })),
});
