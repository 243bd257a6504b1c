//! The names that PostgreSQL gives to constraints that have none.
//!
//! SQLite's constraints need no names and rarely have any. A constraint that is called what PostgreSQL would have called
//! it anyway goes without one, and gets it again on the way back.

/// The most bytes of a name in PostgreSQL.
pub(super) const LONGEST: usize = 63;

/// The name of a constraint of `table` on `columns`: `users_mail_key`.
pub(super) fn automatic(table: &str, columns: &[String], label: &str) -> String {
    let second = columns.join("_");
    let label_length = label.len() + 1;
    let (mut first_length, mut second_length) = (table.len(), second.len());
    let space = LONGEST - label_length - usize::from(!second.is_empty());
    // The longer of the two is cut first.
    while first_length + second_length > space {
        if first_length > second_length { first_length -= 1 } else { second_length -= 1 }
    }
    let first = cut(table, first_length);
    match second.is_empty() {
        true => format!("{first}_{label}"),
        false => format!("{first}_{}_{label}", cut(&second, second_length)),
    }
}

fn cut(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The first name of that kind that is not `taken`: `t_a_check`, `t_a_check1`, …
pub(super) fn free(table: &str, columns: &[String], label: &str, taken: impl Fn(&str) -> bool) -> String {
    let first = automatic(table, columns, label);
    if !taken(&first) {
        return first;
    }
    let mut n = 1_u32;
    loop {
        let name = automatic(table, columns, &format!("{label}{n}"));
        if !taken(&name) {
            return name;
        }
        n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_postgresql_gives() {
        let names = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        assert_eq!(automatic("users", &[], "pkey"), "users_pkey");
        assert_eq!(automatic("users", &names(&["a", "b"]), "key"), "users_a_b_key");
        let (long, column) = ("t".repeat(50), "c".repeat(40));
        assert_eq!(
            automatic(&long, &[column], "fkey"),
            format!("{}_{}_fkey", "t".repeat(29), "c".repeat(28)),
            "the longer of the two is cut first"
        );
        let taken = |name: &str| matches!(name, "t_a_check" | "t_a_check1");
        assert_eq!(free("t", &names(&["a"]), "check", taken), "t_a_check2");
    }
}
