//! Canonical forms: what two declarations are compared by.
//!
//! White space, comments, quoting style, keyword case and the case of constraint names leave no trace here, nor does
//! the place of a constraint (at its column or at the table). Names of tables and columns do, in lower case: whether
//! their spelling changed is the diff's own question.

use std::fmt::Write as _;

use super::*;
use crate::sqlite::token::quote_name;

/// What a part of a schema means, as one line of text.
pub trait Meaning {
    /// The canonical form.
    fn meaning(&self) -> String;
}

fn name(name: &str) -> String {
    quote_name(&fold(name))
}

fn names(list: &[String]) -> String {
    list.iter().map(|n| name(n)).collect::<Vec<_>>().join(", ")
}

fn constraint(out: &mut String, constraint_name: &Option<String>) {
    if let Some(n) = constraint_name {
        let _ = write!(out, "constraint {} ", name(n));
    }
}

fn on_conflict(out: &mut String, conflict: Option<Conflict>) {
    // ABORT is what happens where nothing is written.
    if let Some(conflict) = conflict.filter(|c| *c != Conflict::Abort) {
        let _ = write!(out, " on conflict {}", conflict.keyword().to_ascii_lowercase());
    }
}

fn parts(list: &[KeyPart]) -> String {
    list.iter().map(Meaning::meaning).collect::<Vec<_>>().join(", ")
}

impl Meaning for KeyPart {
    fn meaning(&self) -> String {
        let mut out = match &self.term {
            KeyTerm::Column(column) => name(column),
            KeyTerm::Expression(expression) => expression.meaning().to_owned(),
        };
        if let Some(collation) = &self.collation {
            let _ = write!(out, " collate {}", name(collation));
        }
        if self.descending {
            out.push_str(" desc");
        }
        out
    }
}

impl Meaning for PrimaryKey {
    fn meaning(&self) -> String {
        let mut out = String::new();
        constraint(&mut out, &self.name);
        let _ = write!(out, "primary key ({})", parts(&self.columns));
        // `INTEGER PRIMARY KEY DESC` at a column and in a table constraint are different things.
        if self.at_column && self.columns.iter().any(|part| part.descending) {
            out.push_str(" at column");
        }
        if self.autoincrement {
            out.push_str(" autoincrement");
        }
        on_conflict(&mut out, self.on_conflict);
        out
    }
}

impl Meaning for Unique {
    fn meaning(&self) -> String {
        let mut out = String::new();
        constraint(&mut out, &self.name);
        let _ = write!(out, "unique ({})", parts(&self.columns));
        on_conflict(&mut out, self.on_conflict);
        out
    }
}

impl Meaning for Check {
    fn meaning(&self) -> String {
        let mut out = String::new();
        constraint(&mut out, &self.name);
        let _ = write!(out, "check ({})", self.expression.meaning());
        out
    }
}

impl Meaning for ForeignKey {
    fn meaning(&self) -> String {
        let mut out = String::new();
        constraint(&mut out, &self.name);
        let _ = write!(out, "foreign key ({}) references {}", names(&self.columns), name(&self.parent));
        if !self.parent_columns.is_empty() {
            let _ = write!(out, " ({})", names(&self.parent_columns));
        }
        for (event, action) in [("delete", self.on_delete), ("update", self.on_update)] {
            if action != Action::NoAction {
                let _ = write!(out, " on {event} {}", action.keyword().to_ascii_lowercase());
            }
        }
        if let Some(match_name) = &self.match_name {
            let _ = write!(out, " match {}", name(match_name));
        }
        if let Some(deferrable) = self.deferrable {
            let _ = write!(out, " {}", deferrable.keyword().to_ascii_lowercase());
        }
        out
    }
}

impl Meaning for NotNull {
    fn meaning(&self) -> String {
        let mut out = String::new();
        constraint(&mut out, &self.name);
        out.push_str("not null");
        on_conflict(&mut out, self.on_conflict);
        out
    }
}

impl Meaning for Generated {
    fn meaning(&self) -> String {
        let kind = if self.stored { "stored" } else { "virtual" };
        format!("as ({}) {kind}", self.expression.meaning())
    }
}

/// A type's canonical form: lower case, single spaces, no quotes.
///
/// ```
/// use whimbrel_core::schema::type_meaning;
/// assert_eq!(type_meaning("VARCHAR ( 10 , 2 )"), type_meaning("varchar(10,2)"));
/// assert_ne!(type_meaning("INT"), type_meaning("INTEGER"));
/// ```
pub fn type_meaning(declared_type: &str) -> String {
    use crate::sqlite::token::{tokenize, unquote};
    match tokenize(declared_type) {
        Ok(tokens) => tokens.iter().map(|t| fold(&unquote(t.text(declared_type)))).collect::<Vec<_>>().join(" "),
        Err(_) => fold(declared_type),
    }
}

impl Column {
    /// The collation that comparisons use, in lower case: `binary` where none is named.
    pub fn effective_collation(&self) -> String {
        self.collation.as_deref().map_or_else(|| "binary".to_owned(), fold)
    }
}

/// A column without its name.
impl Meaning for Column {
    fn meaning(&self) -> String {
        let mut out = type_meaning(&self.declared_type);
        let collation = self.effective_collation();
        if collation != "binary" {
            let _ = write!(out, " collate {}", name(&collation));
        }
        if let Some(not_null) = &self.not_null {
            let _ = write!(out, " {}", not_null.meaning());
        }
        if let Some(default) = &self.default {
            let _ = write!(out, " default {}", default.meaning());
        }
        if let Some(generated) = &self.generated {
            let _ = write!(out, " {}", generated.meaning());
        }
        out
    }
}

/// A table without its name; the order of its columns does not count, nor that of its constraints.
impl Meaning for Table {
    fn meaning(&self) -> String {
        let mut lines: Vec<String> =
            self.columns.iter().map(|c| format!("{} {}", quote_name(&c.name), c.meaning())).collect();
        lines.extend(self.primary_key.iter().map(Meaning::meaning));
        lines.extend(self.uniques.iter().map(Meaning::meaning));
        lines.extend(self.checks.iter().map(Meaning::meaning));
        lines.extend(self.foreign_keys.iter().map(Meaning::meaning));
        lines.sort();
        let strict = if self.strict { " strict" } else { "" };
        let without_rowid = if self.without_rowid { " without rowid" } else { "" };
        format!("({}){strict}{without_rowid}", lines.join("; "))
    }
}

impl Meaning for Index {
    fn meaning(&self) -> String {
        let unique = if self.unique { "unique " } else { "" };
        let mut out = format!("{unique}index on {} ({})", name(&self.table), parts(&self.parts));
        if let Some(predicate) = &self.predicate {
            let _ = write!(out, " where {}", predicate.meaning());
        }
        out
    }
}

impl Meaning for View {
    fn meaning(&self) -> String {
        format!("({}) as {}", names(&self.columns), self.body.meaning())
    }
}

impl Meaning for Trigger {
    fn meaning(&self) -> String {
        let event = match &self.event {
            Event::Insert => "insert".to_owned(),
            Event::Delete => "delete".to_owned(),
            Event::Update(columns) if columns.is_empty() => "update".to_owned(),
            Event::Update(columns) => format!("update of {}", names(columns)),
        };
        let mut out = format!("{} {event} on {}", self.timing.keyword().to_ascii_lowercase(), name(&self.target));
        if let Some(condition) = &self.condition {
            let _ = write!(out, " when {}", condition.meaning());
        }
        let _ = write!(out, " {}", self.body.meaning());
        out
    }
}

impl Meaning for VirtualTable {
    fn meaning(&self) -> String {
        let arguments: Vec<_> = self.arguments.iter().map(Expression::meaning).collect();
        format!("virtual using {}({})", name(&self.module), arguments.join(", "))
    }
}

impl Conflict {
    /// The keyword behind `ON CONFLICT`.
    pub fn keyword(self) -> &'static str {
        match self {
            Conflict::Rollback => "ROLLBACK",
            Conflict::Abort => "ABORT",
            Conflict::Fail => "FAIL",
            Conflict::Ignore => "IGNORE",
            Conflict::Replace => "REPLACE",
        }
    }
}

impl Action {
    /// The keywords behind `ON DELETE` and `ON UPDATE`.
    pub fn keyword(self) -> &'static str {
        match self {
            Action::NoAction => "NO ACTION",
            Action::Restrict => "RESTRICT",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
            Action::Cascade => "CASCADE",
        }
    }
}

impl Deferrable {
    /// The keywords.
    pub fn keyword(self) -> &'static str {
        match self {
            Deferrable::Not => "NOT DEFERRABLE",
            Deferrable::InitiallyImmediate => "DEFERRABLE INITIALLY IMMEDIATE",
            Deferrable::InitiallyDeferred => "DEFERRABLE INITIALLY DEFERRED",
        }
    }
}

impl Timing {
    /// The keywords.
    pub fn keyword(self) -> &'static str {
        match self {
            Timing::Before => "BEFORE",
            Timing::After => "AFTER",
            Timing::InsteadOf => "INSTEAD OF",
        }
    }
}
