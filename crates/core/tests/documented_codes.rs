//! Every code that a user can meet has a section in the docs, and no section is about a code that does not exist.

use whimbrel_core::Code;

#[test]
fn every_code_has_a_section() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    let text = std::fs::read_to_string(docs).expect("docs/errors.md is there");
    let is_code =
        |word: &&str| word.len() == 5 && word.starts_with('W') && word[1..].bytes().all(|b| b.is_ascii_digit());
    let documented: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(is_code)
        .collect();
    for code in Code::ALL {
        assert!(documented.contains(&code.as_str()), "{code} has no section in docs/errors.md");
    }
    for word in &documented {
        assert!(Code::ALL.iter().any(|code| code.as_str() == *word), "{word} in docs/errors.md is no code");
    }
    assert_eq!(documented.len(), Code::ALL.len(), "a code has two sections");
}
