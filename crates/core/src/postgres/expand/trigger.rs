//! The triggers that keep the columns of old and new clients in step.
//!
//! Two columns that stand for each other are joined by a [`Link`]: what an old client writes into the one, a new client
//! finds in the other, and the other way round. Links may follow one another (`mail` → `email` → `address`, with clients
//! of three releases about): then what is written into any of them reaches all.
//!
//! One function per table does all of that, as a BEFORE trigger for each row. It works out which column was written and
//! sets the others, in the row that is being written: there is no second statement that could fire anything, so nothing
//! goes back and forth.
//!
//! **Which column was written.** On UPDATE the one whose bytes are others than before; where several are, the newest
//! wins. On INSERT the newest that has another value than its default. Where none has, the newest with a default.
//!
//! **Triggers of the user's own** may change the row too. They see all columns in step, because ours comes first; and what
//! they change is carried over, because ours comes last as well. What it had made of the row is handed over in a setting
//! that ends with the transaction, one for each depth of triggers.
//!
//! **Invariant:** a column that is in step already is not written. So a back-fill changes nothing for old clients, also
//! where the way back would not give the same bytes.

use super::OWN;
use crate::postgres::schema::ObjectId;
use crate::postgres::token::{quote_literal, quote_name};

/// The trigger that comes behind all others of its table: triggers fire in the order of their names.
pub const LAST: &str = "~whimbrel_keep";

/// The trigger that comes before all others, where there are others.
pub const FIRST: &str = "!whimbrel_keep";

/// Two columns that stand for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The column of old clients.
    pub before: Side,
    /// The column of new clients.
    pub after: Side,
}

/// One end of a [`Link`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The column.
    pub column: String,
    /// Its type.
    pub data_type: String,
    /// Its default, where that is the same for each evaluation in a transaction.
    pub default: Option<String>,
    /// What it gets when the other one was written: an expression over the columns of the table, by their names. Without
    /// one, the value itself.
    pub value: Option<String>,
}

/// A column that gets a value where a statement gives it none: the other clients do not know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filler {
    /// The column.
    pub column: String,
    /// An expression over the columns of the table.
    pub value: String,
}

/// All that is kept in step in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeping {
    /// The table.
    pub table: ObjectId,
    /// The columns that stand for each other.
    pub links: Vec<Link>,
    /// The columns that are filled in.
    pub fillers: Vec<Filler>,
    /// Columns of new clients whose rows are still being filled in: NULL in them means nothing yet.
    pub filling: Vec<String>,
    /// Whether other triggers may change rows of the table before they are written.
    pub has_others: bool,
}

/// The expression of a value over the row that is being written.
fn over_row(table: &ObjectId, expression: &str) -> String {
    format!("(SELECT ({expression}) FROM (SELECT (NEW).*) AS {})", quote_name(&table.name))
}

fn new(column: &str) -> String {
    format!("NEW.{}", quote_name(column))
}

fn old(column: &str) -> String {
    format!("OLD.{}", quote_name(column))
}

/// Whether two values are others, byte by byte: types need no `=` for that.
fn differ(one: &str, other: &str) -> String {
    format!("pg_catalog.record_image_ne(ROW({one}), ROW({other}))")
}

/// What a column gets from another, with its type.
fn value_of(table: &ObjectId, side: &Side, from: &str) -> String {
    let value = side.value.as_ref().map_or_else(|| new(from), |expression| over_row(table, expression));
    format!("{value}::{}", side.data_type)
}

/// What a link's new column has to be, as an expression over the columns of the table, for a query.
pub fn forward(link: &Link) -> String {
    let value = link.after.value.clone().unwrap_or_else(|| quote_name(&link.before.column));
    format!("({value})::{}", link.after.data_type)
}

/// What a link's old column has to be, as an expression over the columns of the table, for a query.
pub fn backward(link: &Link) -> String {
    let value = link.before.value.clone().unwrap_or_else(|| quote_name(&link.after.column));
    format!("({value})::{}", link.before.data_type)
}

/// The rows of which the two columns are not in step, counted.
pub fn out_of_step(table: &ObjectId, link: &Link) -> String {
    let (before, after) = (quote_name(&link.before.column), quote_name(&link.after.column));
    format!(
        "SELECT count(*) FROM {} WHERE {} AND {}",
        table.sql(),
        differ(&after, &forward(link)),
        differ(&before, &backward(link))
    )
}

impl Keeping {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty() && self.fillers.is_empty()
    }

    /// The links in rows of links that follow one another, oldest first.
    pub fn chains(&self) -> Vec<Vec<&Link>> {
        let is_first = |link: &&Link| !self.links.iter().any(|other| other.after.column == link.before.column);
        let mut chains = Vec::new();
        for first in self.links.iter().filter(is_first) {
            let mut chain = vec![first];
            // No longer than there are links, whatever they say.
            while let Some(next) = chain
                .last()
                .and_then(|last| self.links.iter().find(|link| link.before.column == last.after.column))
                .filter(|_| chain.len() < self.links.len())
            {
                chain.push(next);
            }
            chains.push(chain);
        }
        chains
    }

    /// The function's name in SQL.
    pub fn function(&self) -> String {
        function(&self.table)
    }

    /// The statements that put the triggers in place, or others in the place of those that are there.
    pub fn statements(&self) -> Vec<String> {
        let table = self.table.sql();
        let mut out = vec![self.definition()];
        let trigger = |name: &str, argument: &str| {
            format!(
                "CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {}({argument})",
                quote_name(name),
                self.function()
            )
        };
        out.extend(removal(&self.table));
        if self.has_others {
            out.push(trigger(FIRST, "'first'"));
        }
        out.push(trigger(LAST, "'last'"));
        out
    }

    /// The statements that give the function another text, with the triggers as they are.
    pub fn definition(&self) -> String {
        let mut body = String::from("#variable_conflict use_column\nBEGIN\n");
        if self.has_others {
            body.push_str("  IF TG_ARGV[0] = 'last' THEN\n");
            for (n, chain) in self.chains().iter().enumerate() {
                self.carry_over(n, chain, &mut body);
            }
            body.push_str("  ELSE\n");
        }
        for chain in self.chains() {
            self.keep(&chain, &mut body);
        }
        if self.has_others {
            for (n, chain) in self.chains().iter().enumerate() {
                for (m, column) in members(chain).iter().enumerate() {
                    body.push_str(&format!(
                        "    PERFORM pg_catalog.set_config({}, ROW({})::text, true);\n",
                        setting(n, m),
                        new(column)
                    ));
                }
            }
            body.push_str("  END IF;\n");
        }
        for filler in &self.fillers {
            let column = new(&filler.column);
            let value = over_row(&self.table, &filler.value);
            body.push_str(&format!("  IF {column} IS NULL THEN {column} := {value}; END IF;\n"));
        }
        body.push_str("  RETURN NEW;\nEND");
        // Expressions of the user's may call what is in the table's schema.
        let has_expressions =
            !self.fillers.is_empty() || self.links.iter().any(|l| l.before.value.is_some() || l.after.value.is_some());
        let mut path = vec!["pg_catalog".to_owned()];
        if has_expressions {
            path.push(quote_name(&self.table.schema));
            path.extend((self.table.schema != "public").then(|| "public".to_owned()));
        }
        path.push("pg_temp".to_owned());
        format!(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SET search_path TO {} AS {}",
            self.function(),
            path.join(", "),
            quote_literal(&body)
        )
    }

    /// What is done with a row as a statement has made it.
    fn keep(&self, chain: &[&Link], body: &mut String) {
        let sides = sides(chain);
        body.push_str("    IF TG_OP = 'INSERT' THEN\n");
        let mut word = "IF";
        let given = |side: &Side| {
            let default = side.default.clone().unwrap_or_else(|| "NULL".to_owned());
            differ(&new(&side.column), &format!("({default})::{}", side.data_type))
        };
        for at in (1..sides.len()).rev() {
            body.push_str(&format!("      {word} {} THEN\n", given(sides[at])));
            self.spread(chain, at, body);
            word = "ELSIF";
        }
        // Nobody gave a value: the newest default counts.
        if let Some(at) = (1..sides.len()).rev().find(|at| sides[*at].default.is_some()) {
            body.push_str(&format!("      {word} NOT ({}) THEN\n", given(sides[0])));
            self.spread(chain, at, body);
        }
        body.push_str("      ELSE\n");
        self.spread(chain, 0, body);
        body.push_str("      END IF;\n    ELSE\n");
        let mut word = "IF";
        for at in (0..sides.len()).rev() {
            let column = &sides[at].column;
            let mut condition = differ(&new(column), &old(column));
            // A row that is not filled in yet is, whoever touches it.
            if let Some(link) = chain.get(at).filter(|link| self.filling.contains(&link.after.column)) {
                condition = format!("{condition} OR {} IS NULL", new(&link.after.column));
            }
            body.push_str(&format!("      {word} {condition} THEN\n"));
            self.spread(chain, at, body);
            word = "ELSIF";
        }
        body.push_str("      END IF;\n    END IF;\n");
    }

    /// What other triggers have changed since, compared with what was handed over.
    fn carry_over(&self, n: usize, chain: &[&Link], body: &mut String) {
        let mut word = "IF";
        let members = members(chain);
        for at in (0..members.len()).rev() {
            body.push_str(&format!(
                "    {word} ROW({})::text <> pg_catalog.current_setting({}) THEN\n",
                new(members[at]),
                setting(n, at)
            ));
            self.spread(chain, at, body);
            word = "ELSIF";
        }
        body.push_str("    END IF;\n");
    }

    /// Gives the value of one column of a chain to all others.
    fn spread(&self, chain: &[&Link], from: usize, body: &mut String) {
        let mut statements = Vec::new();
        for link in chain[..from].iter().rev() {
            let value = value_of(&self.table, &link.before, &link.after.column);
            let wanted = value_of(&self.table, &link.after, &link.before.column);
            statements.push(format!(
                "IF {} THEN {} := {value}; END IF;",
                differ(&new(&link.after.column), &wanted),
                new(&link.before.column)
            ));
        }
        for link in &chain[from..] {
            let value = value_of(&self.table, &link.after, &link.before.column);
            statements.push(format!("{} := {value};", new(&link.after.column)));
        }
        for statement in statements {
            body.push_str(&format!("        {statement}\n"));
        }
    }
}

/// The function of a table's triggers, in SQL.
pub fn function(table: &ObjectId) -> String {
    let name = format!("{}.{}", table.schema, table.name);
    format!("{OWN}.{}", quote_name(&crate::postgres::resolve::shortened("keep ", &name)))
}

/// The statements that take the triggers of a table away.
pub fn removal(table: &ObjectId) -> Vec<String> {
    [FIRST, LAST].map(|name| format!("DROP TRIGGER IF EXISTS {} ON {}", quote_name(name), table.sql())).to_vec()
}

/// All columns of a chain, oldest first.
fn members<'l>(chain: &[&'l Link]) -> Vec<&'l str> {
    sides(chain).iter().map(|side| side.column.as_str()).collect()
}

fn sides<'l>(chain: &[&'l Link]) -> Vec<&'l Side> {
    let first = chain.first().map(|link| &link.before);
    first.into_iter().chain(chain.iter().map(|link| &link.after)).collect()
}

/// Where the value of a column is handed over from the first trigger to the last one.
fn setting(chain: usize, member: usize) -> String {
    format!("'whimbrel.keep_{chain}_{member}_' || pg_catalog.pg_trigger_depth()")
}
