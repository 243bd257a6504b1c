//! What has to be taken for true of rows that nobody can ask: those of all databases that a migration is written for.
//!
//! Every table has rows and is in use, every column that goes has values, and in every column that is to be NOT NULL
//! some are NULL. What only the rows can tell, such as whether they are unique, the script finds out where it runs.

use super::diff::Hints;
use super::plan::{Facts, Findings, keeps_its_bytes};
use super::resolve::{Merge, Rename, new_id, new_member};
use super::schema::{Body, Kind, ObjectId, Schema};
use crate::error::{Code, Error};

/// What is assumed, what would be lost, and what may keep the script from running.
#[derive(Debug, Default)]
pub struct Assumed {
    /// For the planner.
    pub findings: Findings,
    /// What is lost: `column users.mail`.
    pub losses: Vec<String>,
    /// What rows may keep the script from running.
    pub warnings: Vec<String>,
}

impl Assumed {
    /// The losses as obstacles, unless they are accepted.
    pub fn obstacles(&self, accepted: bool) -> Vec<Error> {
        match self.losses.as_slice() {
            [] => Vec::new(),
            _ if accepted => Vec::new(),
            losses => {
                let error = Error::new(Code::DataLoss, format!("this would lose {}", losses.join(", ")));
                vec![error.help("say --accept-data-loss if that is meant")]
            }
        }
    }
}

/// Works out what has to be assumed on the way from one schema to another.
pub fn assume(before: &Schema, target: &Schema, renames: &[Rename], merges: &[Merge], hints: &Hints) -> Assumed {
    let column_of = |id: &ObjectId, name: &str| new_member(renames, id, name).to_owned();
    let mut out = Assumed::default();
    let in_use = Facts { rows: 0, bytes: 0, empty: false };
    for (table, column, value) in &hints.backfills {
        out.findings.backfills.insert((table.clone(), column.clone()), value.clone());
    }
    for (id, object) in &before.objects {
        let now = new_id(renames, id);
        match &object.body {
            Body::View(view) if view.materialized => {
                out.findings.tables.insert(now, in_use);
            }
            Body::Table(table) => {
                out.findings.tables.insert(now.clone(), in_use);
                let Some(after) = target.table(&now) else {
                    let parent_goes = table
                        .partition_of
                        .as_ref()
                        .is_some_and(|(parent, _)| target.table(&new_id(renames, parent)).is_none());
                    if !parent_goes {
                        out.findings.lost.insert((now, None), 1);
                        out.losses.push(format!("table {}", id.shown()));
                    }
                    continue;
                };
                if after.partition_of.is_some() {
                    continue;
                }
                let column_now = |name: &str| column_of(&now, name);
                let is_taken = |name: &str| {
                    renames.iter().any(|rename| {
                        matches!(rename, Rename::Member { of, after, before }
                            if *of == now && after == name && before != name)
                    })
                };
                for column in &table.columns {
                    let name = column_now(&column.name);
                    let kept = after.column(&name).filter(|_| name != column.name || !is_taken(&column.name));
                    let shown = format!("column {}.{}", now.shown(), column.name);
                    let Some(kept) = kept else {
                        if column.generated.is_none() {
                            out.findings.lost.insert((now.clone(), Some(name.clone())), 1);
                            out.losses.push(shown);
                        }
                        continue;
                    };
                    if kept.generated.is_some() && column.generated.is_none() {
                        out.findings.lost.insert((now.clone(), Some(name.clone())), 1);
                        out.losses.push(format!("{shown}, which is computed from then on"));
                    }
                    let key = (now.clone(), name.clone());
                    if kept.not_null && !column.not_null && kept.generated.is_none() {
                        let gives = kept.default.is_some() || out.findings.backfills.contains_key(&key);
                        out.findings.without_value.insert(key.clone(), u64::from(gives));
                        if !gives {
                            out.warnings.push(format!(
                                "{}.{name} fails on rows that are NULL: give them a value before the change",
                                now.shown()
                            ));
                        }
                    }
                    if kept.data_type != column.data_type
                        && kept.generated.is_none()
                        && column.generated.is_none()
                        && !keeps_its_bytes(&column.data_type, &kept.data_type)
                    {
                        out.findings.altered.insert(key, 1);
                        out.warnings.push(format!(
                            "{}.{name} is {} and becomes {}: PostgreSQL converts the values, or fails on one",
                            now.shown(),
                            column.data_type,
                            kept.data_type
                        ));
                    }
                }
                for column in after.columns.iter().filter(|c| c.not_null) {
                    let is_new = !table.columns.iter().any(|old| column_now(&old.name) == column.name);
                    let gives = column.default.is_some() || column.identity.is_some() || column.generated.is_some();
                    let key = (now.clone(), column.name.clone());
                    if is_new && !gives && !out.findings.backfills.contains_key(&key) {
                        out.warnings.push(format!(
                            "{}.{} has no value for the rows that are there: give it a default, or a value with \
                             `-- whimbrel: backfill <expression>` behind it in the schema",
                            now.shown(),
                            column.name
                        ));
                    }
                }
            }
            Body::Sequence(sequence) if sequence.owned_by.is_none() && target.get(&now).is_none() => {
                out.losses.push(format!("{id}, with its counter"));
            }
            Body::Extension { .. } if target.get(&now).is_none() => {
                out.losses.push(format!("{id}, with what it keeps"));
            }
            Body::Enum(labels) => {
                let Some(Body::Enum(after)) = target.get(&now).map(|object| &object.body) else { continue };
                for label in labels.iter().filter(|label| !after.contains(&column_of(&now, label))) {
                    let is_merged = merges.iter().any(|merge| merge.of == now && merge.before == *label);
                    if !is_merged {
                        out.warnings.push(format!("{id} fails on rows that hold '{label}', which it no longer has"));
                    }
                }
            }
            Body::Composite(attributes) => {
                let Some(Body::Composite(after)) = target.get(&now).map(|object| &object.body) else { continue };
                for attribute in attributes.iter().filter(|a| !after.iter().any(|b| b.name == column_of(&now, &a.name)))
                {
                    out.losses.push(format!("attribute {}.{}", id.shown(), attribute.name));
                }
            }
            _ => {}
        }
    }
    for (id, object) in &target.objects {
        // What is built without blocking writes can fail on rows; then it is dropped again, and nothing else has changed.
        if matches!(object.body, Body::Index(_)) || matches!(id.kind, Kind::Constraint) {
            let is_new = before.get(id).is_none_or(|old| old.body != object.body);
            if is_new {
                out.findings.fitting.insert(id.clone());
            }
        }
    }
    out
}
