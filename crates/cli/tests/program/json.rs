//! `--json`, as `docs/json.md` describes it.

use snapbox::cmd::OutputAssert;
use snapbox::str;

use crate::support::{Case, NOTES};

fn value(outcome: &OutputAssert) -> serde_json::Value {
    let output = outcome.get_output();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn a_plan() {
    let next = NOTES.replace("mail TEXT", "age INTEGER,\n  email TEXT").replace("  body TEXT\n", "  text TEXT\n");
    let case = Case::with_notes().file("next.sql", next);
    case.run_untouched("plan --json --sql --db app.db --schema next.sql --rename users.mail=email --accept-data-loss")
        .code(0)
        .stdout_eq(str![[r#"
{
  "format": 1,
  "command": "plan",
  "plan": {
    "database": "app.db",
    "creates_database": false,
    "sqlite": "[FULL_VERSION]",
    "pending": true,
    "changes": [
      {
        "action": "alter",
        "kind": "table",
        "name": "users",
        "before": null,
        "parts": [
          {
            "kind": "rename_column",
            "name": "email",
            "before": "mail",
            "text": "mail → email"
          },
          {
            "kind": "add_column",
            "name": "age",
            "before": null,
            "text": "age INTEGER"
          }
        ]
      },
      {
        "action": "alter",
        "kind": "table",
        "name": "notes",
        "before": null,
        "parts": [
          {
            "kind": "add_column",
            "name": "text",
            "before": null,
            "text": "text TEXT"
          },
          {
            "kind": "drop_column",
            "name": "body",
            "before": null,
            "text": "body"
          }
        ]
      }
    ],
    "steps": [
      {
        "change": 0,
        "parts": [
          0
        ],
        "object": "users",
        "title": "rename column mail to email",
        "strategy": "in_place",
        "reason": null,
        "hazards": [],
        "rows": 0,
        "bytes": 0,
        "sql": [
          "ALTER TABLE main.\"users\" RENAME COLUMN \"mail\" TO \"email\""
        ]
      },
      {
        "change": 0,
        "parts": [
          1
        ],
        "object": "users",
        "title": "add age INTEGER",
        "strategy": "in_place",
        "reason": null,
        "hazards": [],
        "rows": 0,
        "bytes": 0,
        "sql": [
          "ALTER TABLE main.\"users\" ADD COLUMN age INTEGER"
        ]
      },
      {
        "change": 1,
        "parts": [
          0
        ],
        "object": "notes",
        "title": "add text TEXT",
        "strategy": "in_place",
        "reason": null,
        "hazards": [],
        "rows": 0,
        "bytes": 0,
        "sql": [
          "ALTER TABLE main.\"notes\" ADD COLUMN text TEXT"
        ]
      },
      {
        "change": 1,
        "parts": [
          1
        ],
        "object": "notes",
        "title": "drop body",
        "strategy": "in_place",
        "reason": null,
        "hazards": [
          {
            "kind": "data_loss",
            "what": "column notes.body",
            "rows": 1
          },
          {
            "kind": "irreversible"
          }
        ],
        "rows": 3,
        "bytes": 4096,
        "sql": [
          "ALTER TABLE main.\"notes\" DROP COLUMN \"body\""
        ]
      }
    ],
    "questions": [],
    "obstacles": [],
    "losses": [
      {
        "what": "column notes.body",
        "rows": 1
      }
    ],
    "notes": [
      {
        "kind": "column_order",
        "table": "users",
        "stored": [
          "id",
          "email",
          "age"
        ],
        "declared": [
          "id",
          "age",
          "email"
        ]
      }
    ],
    "warnings": [],
    "ignored": [],
    "rows": 0,
    "disk_bytes": 4096,
    "sql": "PRAGMA foreign_keys = OFF;\nBEGIN EXCLUSIVE;\n\n-- users: rename column mail to email\nALTER TABLE main.\"users\" RENAME COLUMN \"mail\" TO \"email\";\n\n-- users: add age INTEGER\nALTER TABLE main.\"users\" ADD COLUMN age INTEGER;\n\n-- notes: add text TEXT\nALTER TABLE main.\"notes\" ADD COLUMN text TEXT;\n\n-- notes: drop body\nALTER TABLE main.\"notes\" DROP COLUMN \"body\";\n\nCOMMIT;\nPRAGMA foreign_keys = ON;\n"
  },
  "answered": [
    {
      "key": "column:notes.body",
      "path": "notes.body",
      "before": "body",
      "candidates": [
        "text"
      ],
      "renames": [
        "notes.body=text"
      ]
    }
  ]
}

"#]])
        .stderr_eq("");
}

#[test]
fn a_question() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("mail TEXT", "email TEXT,\n  phone TEXT"));
    let outcome = case.run_untouched("push --json --db app.db --schema next.sql").code(4);
    let value = value(&outcome);
    let answer = serde_json::json!([{
        "key": "column:users.mail", "path": "users.mail", "before": "mail",
        "candidates": ["email", "phone"], "renames": ["users.mail=email", "users.mail=phone"],
    }]);
    assert_eq!(value["error"]["code"], "W0201");
    assert_eq!(value["error"]["questions"], answer);
    assert_eq!(value["plan"]["questions"], answer);
    assert_eq!(value["plan"]["steps"], serde_json::json!([]));
}

#[test]
fn an_error_with_its_place() {
    let case = Case::with_notes().file("wrong.sql", "CREATE TABLE a(b);\n  CREATE TABEL c(d);");
    case.run_untouched("push --json --db app.db --schema wrong.sql")
        .code(1)
        .stdout_eq(str![[r#"
{
  "format": 1,
  "command": "push",
  "error": {
    "code": "W0101",
    "message": "expected `TABLE`, `INDEX`, `VIEW`, `TRIGGER` or `VIRTUAL TABLE`",
    "migration": null,
    "object": null,
    "statement": null,
    "state": "unchanged",
    "file": "wrong.sql",
    "line": 2,
    "column": 10,
    "label": "here",
    "cause": null,
    "help": [],
    "questions": []
  }
}

"#]])
        .stderr_eq("");
}

#[test]
fn what_a_push_did() {
    let case = Case::with_notes().file("next.sql", "CREATE TABLE users(id INTEGER PRIMARY KEY, mail TEXT, x UNIQUE);");
    let refused = value(&case.run_untouched("push --json --db app.db --schema next.sql").code(4));
    assert_eq!(refused["error"]["code"], "W0202");
    assert_eq!(refused["plan"]["losses"], serde_json::json!([{"what": "table notes", "rows": 3}]));
    assert_eq!(refused["plan"]["obstacles"][0]["code"], "W0202");
    let done = value(&case.run("push --json --db app.db --schema next.sql --accept-data-loss --backup").code(0));
    assert_eq!(done["command"], "push");
    assert_eq!(done["report"]["changes"], 3);
    assert_eq!(done["report"]["rows"], 2);
    assert!(done["report"]["seconds"].is_f64());
    assert!(done["backup"]["name"].as_str().is_some_and(|name| name.starts_with("app.db.backup-")));
    assert!(done.get("error").is_none());
    let again = value(&case.run_untouched("push --json --db app.db --schema next.sql").code(0));
    assert_eq!(again["plan"]["pending"], false);
    assert!(again.get("report").is_none());
}

#[test]
fn what_acceptance_answered() {
    let case = Case::with_notes().file("next.sql", NOTES.replace("mail TEXT", "email TEXT"));
    let value = value(&case.run("push --json --db app.db --schema next.sql --accept-data-loss").code(0));
    assert_eq!(value["answered"][0]["renames"], serde_json::json!(["users.mail=email"]));
}

#[test]
fn the_other_commands() {
    let case = Case::with_notes();
    let pulled = value(&case.run_untouched("pull --json --db app.db").code(0));
    assert!(pulled["sql"].as_str().is_some_and(|sql| sql.starts_with("CREATE TABLE users")));
    let pulled = value(&case.run_untouched("pull --json --db app.db --format json").code(0));
    assert!(pulled["snapshot"].as_str().is_some_and(|text| text.contains("whimbrel_snapshot")));
    let same = value(&case.run_untouched("diff --json app.db notes.sql").code(0));
    assert_eq!((&same["sql"], &same["plan"]["pending"]), (&"".into(), &false.into()));
    let looked = value(&case.run_untouched("doctor --json --db app.db").code(0));
    assert_eq!(looked["findings"], serde_json::json!([]));
    let listed = value(&case.run_untouched("restore --json --db app.db").code(0));
    assert_eq!(listed["backups"], serde_json::json!([]));
}

#[test]
fn usage() {
    let case = Case::with_notes();
    for line in ["--json", "plan --json --nonsense", "--json plam", "plan --json", "diff --json a"] {
        let value = value(&case.run_untouched(line).code(2));
        assert_eq!((&value["format"], &value["error"]["code"]), (&1.into(), &"W0601".into()), "{line}");
        assert!(value["error"]["message"].as_str().is_some_and(|m| !m.is_empty() && !m.contains('\n')), "{line}");
    }
}

#[test]
fn what_a_program_does_not_know_is_null_and_never_missing() {
    let case = Case::with_notes();
    let value = value(&case.run_untouched("plan --json --db app.db --schema nix.sql").code(1));
    let members = [
        "code",
        "message",
        "migration",
        "object",
        "statement",
        "state",
        "file",
        "line",
        "column",
        "label",
        "cause",
        "help",
        "questions",
    ];
    let error = value["error"].as_object().expect("an error");
    assert_eq!(error.keys().map(String::as_str).collect::<Vec<_>>(), members);
}

/// A member that is printed and not described is a promise that nobody can read.
#[test]
fn every_member_is_described() {
    fn members(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
        match value {
            serde_json::Value::Object(object) => object.iter().for_each(|(name, value)| {
                found.insert(name.clone());
                members(value, found);
            }),
            serde_json::Value::Array(list) => list.iter().for_each(|value| members(value, found)),
            _ => {}
        }
    }
    let case = Case::with_notes()
        .database("app.db", "CREATE VIEW broken AS SELECT nix FROM users")
        .database("n.db", "CREATE TABLE a(b); CREATE TABLE by_hand(c);")
        .file("next.sql", NOTES.replace("mail TEXT", "a TEXT,\n  email TEXT").replace("body TEXT", "body TEXT UNIQUE"));
    let mut found = std::collections::BTreeSet::new();
    let case = case.file("meta.sql", "CREATE TABLE a(b);\n").file("late.sql", "CREATE TABLE c(d);\n");
    for line in [
        "migrate generate --json --schema meta.sql --name start",
        "migrate status --json --db m.db",
        "migrate apply --json --db m.db --dry-run",
        "migrate apply --json --db m.db",
        "migrate list --json --db m.db",
        "migrate pending --json --sql",
        "migrate show --json 1",
        "migrate verify --json",
        "migrate lint --json",
        "migrate generate --json --schema late.sql --accept-data-loss --dry-run",
        "migrate generate --json --schema late.sql",
        "migrate generate --json --schema late.sql --accept-data-loss",
        "migrate apply --json --db m.db --backup",
        "migrate status --json --db m.db",
        "migrate status --json --db app.db",
        "migrate down --json --db m.db --dry-run",
        "migrate rollback --json --db m.db --accept-data-loss",
        "migrate drop --json --last",
        "migrate repair --json --db m.db",
        "migrate rebase --json",
        "migrate generate --json --custom --name a",
        "migrate squash --json",
        "migrate reset --json --db m.db --accept-data-loss",
        "migrate baseline --json --db n.db --to 2",
        "plan --json --sql --db app.db --schema next.sql",
        "push --json --db app.db --schema next.sql --accept-data-loss --backup",
        "diff --json app.db next.sql",
        "pull --json --db app.db",
        "pull --json --db app.db --format json",
        "doctor --json --db app.db",
        "restore --json --db app.db",
        "restore --json --db app.db --latest",
        "completions --json bash",
    ] {
        members(&value(&case.run(line)), &mut found);
    }
    let described = include_str!("../../../../docs/json.md");
    let missing: Vec<_> = found.iter().filter(|name| !described.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/json.md does not describe {missing:?}");
}
