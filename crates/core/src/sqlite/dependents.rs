//! Who mentions whom.
//!
//! SQLite has no catalogue of dependencies, so they are found by name: a view, trigger or expression depends on
//! every object whose name stands in it. That can be one too many (an alias of the same name), never one too few.

use std::collections::{BTreeSet, HashSet};

use super::token::{TokenKind, tokenize, unquote};
use crate::schema::{Expression, Schema, Trigger, fold};

/// The names that stand in an expression, in lower case.
pub(crate) fn mentioned(expression: &Expression) -> BTreeSet<String> {
    names_in(expression.meaning())
}

/// The names, and the other words, that stand in a piece of SQL, in lower case.
pub(crate) fn names_in(text: &str) -> BTreeSet<String> {
    tokenize(text)
        .unwrap_or_default()
        .iter()
        .filter(|t| matches!(t.kind, TokenKind::Word | TokenKind::Quoted | TokenKind::String))
        .map(|t| fold(&unquote(t.text(text))))
        .collect()
}

/// The names that stand in a trigger, its table's among them.
pub(crate) fn mentioned_by_trigger(trigger: &Trigger) -> BTreeSet<String> {
    let mut names = mentioned(&trigger.body);
    if let Some(condition) = &trigger.condition {
        names.extend(mentioned(condition));
    }
    names.insert(fold(&trigger.target));
    names
}

/// Views and triggers that depend on one of `names`, directly or through other views; in lower case.
pub(crate) struct Dependents {
    pub views: HashSet<String>,
    pub triggers: HashSet<String>,
}

/// Finds all that depends on `names` (given in lower case).
pub(crate) fn dependents(schema: &Schema, names: &HashSet<String>) -> Dependents {
    let views: Vec<_> = schema.views.iter().map(|v| (fold(&v.name), mentioned(&v.body))).collect();
    let mut reached = names.clone();
    let mut found = HashSet::new();
    loop {
        let before = found.len();
        for (view, mentions) in &views {
            if !found.contains(view) && mentions.iter().any(|m| reached.contains(m)) {
                found.insert(view.clone());
                reached.insert(view.clone());
            }
        }
        if found.len() == before {
            break;
        }
    }
    let triggers = schema.triggers.iter();
    let triggers = triggers.filter(|t| mentioned_by_trigger(t).iter().any(|m| reached.contains(m)));
    Dependents { triggers: triggers.map(|t| fold(&t.name)).collect(), views: found }
}
