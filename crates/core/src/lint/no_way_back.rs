//! L02: a migration without a way back, among others that have one.

use super::{Found, Rule, Text, drop_for_good};

pub(super) const RULE: Rule = Rule {
    code: "L02",
    why: "a database that has run it cannot go back behind it, while the others of the folder can be undone",
    help: "write the .down.sql, or say `-- whimbrel: irreversible` at the top where that is meant",
    find,
};

fn find(text: &Text<'_>) -> Vec<Found> {
    let has_way_back = text.migration.down.is_some() || text.script.irreversible || text.statements.is_empty();
    if has_way_back || !text.has_ways_back || !drop_for_good::drops(text).is_empty() {
        return Vec::new();
    }
    vec![Found { statement: 0, words: 0..1, message: format!("{} has no .down.sql", text.migration.tag()) }]
}

#[cfg(test)]
mod tests {
    use crate::history::{Files, Folder, MemoryFiles};

    fn codes(files: &[(&str, &str)]) -> Vec<(&'static str, u32)> {
        let mut memory = MemoryFiles::default();
        files.iter().for_each(|(path, text)| memory.write(path, text.as_bytes()).unwrap());
        let findings = crate::lint::lint(&Folder::read(&memory).unwrap().history).unwrap();
        findings.iter().map(|finding| (finding.code, finding.idx)).collect()
    }

    #[test]
    fn only_among_others() {
        let first = ("0001_a.sql", "CREATE TABLE a(b);");
        let second = ("0002_b.sql", "CREATE TABLE b(c);");
        let back = ("0001_a.down.sql", "DROP TABLE a;");
        assert_eq!(codes(&[first, second]), [], "this folder has no ways back");
        assert_eq!(codes(&[first, back, second]), [("L02", 2)]);
        assert_eq!(codes(&[first, back, ("0002_b.sql", "-- whimbrel: irreversible\nCREATE TABLE b(c);")]), []);
        assert_eq!(codes(&[first, back, ("0002_b.sql", "DROP TABLE a;")]), [("L01", 2)], "told once");
    }
}
