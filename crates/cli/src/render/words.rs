//! Numbers, names and times in words.

use std::time::Duration;

/// A number and its noun: `1 row`, `812,004 rows`.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

/// A number with a comma at every thousand.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size, as disks are sold: `240 MB`.
pub fn bytes(number: u64) -> String {
    let mut value = number as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 999.5 {
            return if value < 9.95 && unit != "bytes" {
                format!("{value:.1} {unit}")
            } else {
                format!("{value:.0} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// A time a person waited: `12 ms`, `1.20 s`, `3 min 20 s`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..10 => format!("{:.2} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// When a backup was taken: its `20261121T093000Z` as `2026-11-21 09:30:00 UTC`.
pub fn moment(taken: &str) -> String {
    let digits = |from: usize, to: usize| taken.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let parts = (digits(0, 4), digits(4, 6), digits(6, 8), digits(9, 11), digits(11, 13), digits(13, 15));
    match parts {
        (Some(year), Some(month), Some(day), Some(hour), Some(minute), Some(second)) => {
            format!("{year}-{month}-{day} {hour}:{minute}:{second} UTC")
        }
        _ => taken.to_owned(),
    }
}

/// A time in milliseconds since 1970, as people read it: `2026-11-21 09:30:00 UTC`.
pub fn clock(milliseconds: i64) -> String {
    timestamp_of(milliseconds).map_or_else(String::new, |t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// The same as programs read it: `2026-11-21T09:30:00Z`.
pub fn timestamp(milliseconds: i64) -> String {
    timestamp_of(milliseconds).map_or_else(String::new, |t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn timestamp_of(milliseconds: i64) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(milliseconds).ok()
}

/// A name or text of a database in one line. Control characters, which could rewrite what stands on a terminal, and
/// characters that turn the direction of writing around are shown by their numbers.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Whether a character could change how the text around it looks.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A word as a shell takes it.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
        assert_eq!(count(812_004, "row"), "812,004 rows");
        assert_eq!(count(u64::MAX, "row"), "18,446,744,073,709,551,615 rows");
    }

    #[test]
    fn sizes() {
        let shown: Vec<_> = [0, 999, 1000, 12_345, 999_600, 240_000_000, 3_200_000_000, u64::MAX].map(bytes).into();
        assert_eq!(shown, ["0 bytes", "999 bytes", "1.0 kB", "12 kB", "1.0 MB", "240 MB", "3.2 GB", "18446744.1 TB"]);
    }

    #[test]
    fn times() {
        assert_eq!(duration(Duration::from_millis(123)), "123 ms");
        assert_eq!(duration(Duration::from_millis(1234)), "1.23 s");
        assert_eq!(duration(Duration::from_secs(61)), "61 s");
        assert_eq!(duration(Duration::from_secs(200)), "3 min 20 s");
    }

    #[test]
    fn moments() {
        assert_eq!(moment("20261121T093000Z"), "2026-11-21 09:30:00 UTC");
        assert_eq!(moment("20261121T093000Z-2"), "2026-11-21 09:30:00 UTC");
        assert_eq!(moment("2026é"), "2026é");
    }

    #[test]
    fn times_of_the_clock() {
        assert_eq!(clock(1_795_253_400_000), "2026-11-21 09:30:00 UTC");
        assert_eq!(timestamp(1_795_253_400_999), "2026-11-21T09:30:00Z");
        assert_eq!(clock(i64::MAX), "");
    }

    #[test]
    fn names_cannot_write_on_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb c");
    }

    #[test]
    fn shell_words() {
        assert_eq!(shell_word("users.mail=email"), "users.mail=email");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
