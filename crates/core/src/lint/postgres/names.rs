//! P37: names that PostgreSQL cuts.

use super::{Found, Rule};
use crate::lint::Level;
use crate::postgres::statement::Statement;
use crate::postgres::token::{NAME_BYTES, TokenKind, kept_name};

pub(super) const LONG: Rule = Rule {
    code: "P37",
    level: Level::Warning,
    why: "PostgreSQL keeps 63 bytes of a name and cuts the rest off without an error: what is looked up by its whole name is \
          not found, and two names that begin alike become one",
    help: "a name of at most 63 bytes",
    find: |context| {
        let mut found: Vec<Found> = Vec::new();
        let mut told: Vec<String> = Vec::new();
        for (name, range) in long_names(context.statement(), context.sql()) {
            if told.contains(&name) {
                continue;
            }
            let before = context.statements[..=context.at].iter().zip(context.pieces);
            let mut others = before.flat_map(|(statement, piece)| long_names(statement, piece.sql));
            let other = others.find(|(other, _)| *other != name && kept_name(other) == kept_name(&name));
            found.push(match other {
                Some((other, _)) => {
                    Found::new(format!("{name} and {other} become the same name")).level(Level::Error).at(&range)
                }
                None => Found::new(format!("{name} becomes {}", kept_name(&name))).at(&range),
            });
            told.push(name);
        }
        found
    },
};

fn long_names<'s>(
    statement: &'s Statement,
    sql: &'s str,
) -> impl Iterator<Item = (String, std::ops::Range<usize>)> + 's {
    let words = statement.tokens.iter().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted));
    let names = words.filter(|token| token.range.len() > NAME_BYTES);
    names.filter_map(|token| Some((token.name(sql)?, token.range.clone()))).filter(|(name, _)| name.len() > NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, message, told};

    #[test]
    fn long() {
        let (fits, long) = ("n".repeat(63), "n".repeat(64));
        assert_eq!(told("P37", &format!("CREATE TABLE a ({fits} int); CREATE INDEX {long} ON a ({fits})")), [2]);
        assert_eq!(told("P37", &format!("SELECT '{long}', $${long}$$ -- {long}")), NONE);
        let names = format!("CREATE TABLE a ({long}a int, \"{long}b\" int)");
        assert!(message("P37", &names).contains("become the same name"));
        assert_eq!(told("P37", &names), [1, 1]);
        let (first, second) = (format!("CREATE INDEX {long}a ON b (c)"), format!("CREATE INDEX {long}d ON b (c)"));
        let advice =
            crate::lint::postgres::lint_script("m.sql", &format!("{first}; {second}"), true, &Default::default());
        let levels: Vec<_> = advice.unwrap().into_iter().filter(|a| a.code == "P37").map(|a| a.level).collect();
        assert_eq!(levels, [crate::lint::Level::Warning, crate::lint::Level::Error]);
    }
}
