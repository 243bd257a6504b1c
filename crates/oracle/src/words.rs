//! SQL text cut into words, so that two texts can be compared without white space, comments, quotes and the case of
//! names. A few lines of its own, that the oracle does not lean on the engine's reader.

/// The words of a text: names and keywords in lower case and without quotes, strings as they stand, signs one by one.
pub fn words(sql: &str) -> Vec<String> {
    let mut out = Vec::new();
    let chars: Vec<char> = sql.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1).copied();
        if c.is_whitespace() {
            at += 1;
        } else if c == '-' && next == Some('-') {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if c == '/' && next == Some('*') {
            at += 2;
            while at < chars.len() && !(chars[at - 1] == '*' && chars[at] == '/' && at > 2) {
                at += 1;
            }
            at += 1;
        } else if let Some(end) = closing(c) {
            let (text, after) = quoted_text(&chars, at, end);
            out.push(if c == '\'' { format!("'{text}'") } else { text.to_lowercase() });
            at = after;
        } else if c.is_alphanumeric() || c == '_' || c == '.' && next.is_some_and(|n| n.is_ascii_digit()) {
            let start = at;
            while at < chars.len() && (chars[at].is_alphanumeric() || "_$.".contains(chars[at])) {
                // `a.b` is three words, `1.5` is one.
                if chars[at] == '.' && !chars[start].is_ascii_digit() && chars[start] != '.' {
                    break;
                }
                at += 1;
            }
            out.push(chars[start..at].iter().collect::<String>().to_lowercase());
        } else {
            out.push(c.to_string());
            at += 1;
        }
    }
    out
}

fn closing(open: char) -> Option<char> {
    match open {
        '\'' | '"' | '`' => Some(open),
        '[' => Some(']'),
        _ => None,
    }
}

fn quoted_text(chars: &[char], open: usize, end: char) -> (String, usize) {
    let mut text = String::new();
    let mut at = open + 1;
    while at < chars.len() {
        if chars[at] == end {
            if end != ']' && chars.get(at + 1) == Some(&end) {
                at += 1;
            } else {
                return (text, at + 1);
            }
        }
        text.push(chars[at]);
        at += 1;
    }
    (text, at)
}

/// A text by its words, one space between them.
pub fn by_words(sql: &str) -> String {
    words(sql).join(" ")
}

/// The words of a table's text in any order and without commas: columns and constraints that were added in place
/// stand at the end.
pub fn bag_of_words(sql: &str) -> Vec<String> {
    let mut bag: Vec<String> = words(sql).into_iter().filter(|word| word != "," && word != ";").collect();
    bag.sort();
    bag
}
