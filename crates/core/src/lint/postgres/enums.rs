//! Values of enums: P27 and P28.

use super::{Context, Found, Rule};
use crate::lint::Level;
use crate::postgres::statement::{Kind, TypeChange};
use crate::postgres::token::TokenKind;

pub(super) const USED: Rule = Rule {
    code: "P27",
    level: Level::Error,
    why: "a new value of an enum cannot be used before the transaction that adds it is committed; from PostgreSQL 17 on it can, \
          where the type is as new",
    help: "use it in another transaction: `-- whimbrel: phase <name>` before the first statement that does",
    find: |context| {
        let mut found = Vec::new();
        if !context.statement().tokens.iter().any(|token| token.kind == TokenKind::String) {
            return found;
        }
        let mut values: Vec<(&str, &str, bool)> = Vec::new();
        for (at, statement) in context.before() {
            if let Kind::AlterType { name, change: TypeChange::AddValue { value, .. } } = &statement.kind {
                values.push((value, &name.name, is_made_before(context, at, &name.name)));
            }
        }
        if values.is_empty() || matches!(context.kind(), Kind::AlterType { .. } | Kind::Comment) {
            return found;
        }
        let tokens = &context.statement().tokens;
        for (at, token) in tokens.iter().enumerate() {
            let text = token.string(context.sql());
            let Some((value, name, is_new)) = values.iter().find(|(value, ..)| text.as_deref() == Some(value)) else {
                continue;
            };
            let is_cast = tokens.get(at + 1).is_some_and(|next| next.is(context.sql(), "::"))
                && tokens[at + 2..].iter().take(3).any(|next| next.name(context.sql()).as_deref() == Some(name));
            let found_here = Found::new(format!("'{value}' is used in the transaction that adds it to {name}"));
            // Without a cast it may be a text that is written alike.
            let level = if is_cast && !is_new { Level::Error } else { Level::Warning };
            found.push(found_here.at(&token.range).level(level));
            break;
        }
        found
    },
};

/// Whether the type is made in the same transaction before that statement.
fn is_made_before(context: &Context<'_>, at: usize, name: &str) -> bool {
    context.before().any(|(place, statement)| match &statement.kind {
        Kind::CreateType { name: made, .. } => place < at && made.name == name,
        _ => false,
    })
}

pub(super) const UNPLACED: Rule = Rule {
    code: "P28",
    level: Level::Advice,
    why: "without a place the value comes last, and values of an enum are sorted and compared by their places",
    help: "say BEFORE or AFTER which value it comes",
    find: |context| match context.kind() {
        Kind::AlterType { name, change: TypeChange::AddValue { value, placed: false, .. } } => {
            vec![Found::new(format!("'{value}' becomes the last value of {name}"))]
        }
        _ => Vec::new(),
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::Level;
    use crate::lint::postgres::tests::{NONE, level, told};

    #[test]
    fn used() {
        let add = "ALTER TYPE t ADD VALUE 'x' AFTER 'y'";
        assert_eq!(
            told("P27", &format!("{add}; UPDATE a SET b = 'x' WHERE b = 'z'; ALTER TABLE a ALTER b SET DEFAULT 'x'")),
            [2, 3]
        );
        assert_eq!(told("P27", &format!("{add}; ALTER TYPE t ADD VALUE 'z' AFTER 'x'; SELECT 'y'")), NONE);
        assert_eq!(told("P27", &format!("{add};\n-- whimbrel: phase two\nSELECT 'x'")), NONE);
        assert_eq!(told("P27", &format!("CREATE TYPE t AS ENUM ('y'); {add}; SELECT 'x'::t")), [3]);
        assert_eq!(level("P27", &format!("CREATE TYPE t AS ENUM ('y'); {add}; SELECT 'x'::t")), Level::Warning);
        assert_eq!(level("P27", &format!("{add}; SELECT 'x'::t")), Level::Error);
    }

    #[test]
    fn unplaced() {
        assert_eq!(told("P28", "ALTER TYPE t ADD VALUE IF NOT EXISTS 'x'"), [1]);
        assert_eq!(told("P28", "ALTER TYPE t ADD VALUE 'x' BEFORE 'y'"), NONE);
    }
}
