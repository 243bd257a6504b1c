//! Hashes of migrations: what they say, their exact bytes, and the chain over all of them.
//!
//! - The **checksum** is the SHA-256 of the canonical text: the tokens with one space between them. A byte order mark,
//!   line endings, white space and comments do not count, so nobody is alarmed by an editor or by git.
//! - The **hash** is the SHA-256 of the bytes as they are. It tells an edited comment from an untouched file.
//! - The **chain** binds a migration to all before it: `h(0)` is 32 zero bytes, `h(n) = sha256(h(n-1) ‖ checksum(n))`.
//!   Two histories with the same head are the same, whatever their length.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::statements::{Grammar, ScriptError};
use crate::dialect::Dialect;
use crate::planted::{self, Planted};

/// A SHA-256.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Checksum(pub [u8; 32]);

impl Checksum {
    /// The checksum of a script's canonical text.
    ///
    /// ```
    /// use whimbrel_core::{Dialect, history::Checksum};
    /// let sum = |script| Checksum::of_script(Dialect::Sqlite, script);
    /// let a = sum("CREATE TABLE a(b); -- what for")?;
    /// let b = sum("\u{feff}CREATE TABLE a(b) ;\r\n")?;
    /// assert_eq!(a, b);
    /// assert_ne!(a, sum("CREATE TABLE a(c)")?);
    /// # Ok::<(), whimbrel_core::history::ScriptError>(())
    /// ```
    ///
    /// # Errors
    /// Where the text cannot be cut into tokens.
    pub fn of_script(dialect: Dialect, script: &str) -> Result<Checksum, ScriptError> {
        Checksum::of_script_by(Grammar::of(dialect), script)
    }

    /// The same by a grammar that is named where the program is written.
    pub(crate) fn of_script_by(grammar: &Grammar, script: &str) -> Result<Checksum, ScriptError> {
        if planted::is(Planted::ChecksumOfBytes) {
            return Ok(Checksum::of_bytes(script.as_bytes()));
        }
        let script = clean(script);
        let mut hash = Sha256::new();
        // A semicolon counts only between statements: the last one may be missing, and two are like one.
        let mut is_open = false;
        let mut ends = false;
        for (is_comment, range) in (grammar.tokens)(&script)? {
            match script.get(range).unwrap_or_default() {
                _ if is_comment => {}
                ";" => ends = is_open,
                text => {
                    if std::mem::take(&mut ends) {
                        hash.update(b"; ");
                    }
                    is_open = true;
                    hash.update(text.as_bytes());
                    hash.update(b" ");
                }
            }
        }
        Ok(Checksum(hash.finalize().into()))
    }

    /// The hash of bytes as they are.
    pub fn of_bytes(bytes: &[u8]) -> Checksum {
        Checksum(Sha256::digest(bytes).into())
    }

    /// The head of a chain after one more migration.
    #[must_use]
    pub fn then(&self, checksum: &Checksum) -> Checksum {
        Checksum(Sha256::new().chain_update(self.0).chain_update(checksum.0).finalize().into())
    }

    /// The head of the chain over these migrations' checksums.
    pub fn chain<'c>(checksums: impl IntoIterator<Item = &'c Checksum>) -> Checksum {
        checksums.into_iter().fold(Checksum::default(), |head, checksum| head.then(checksum))
    }

    /// The first eight digits, which are enough to tell two apart by eye.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

/// A script as it is kept and run: without a byte order mark, and with line feeds only, so that a text literal over two
/// lines gives the same value whatever git did to the line endings.
pub fn clean(script: &str) -> String {
    let script = script.strip_prefix('\u{feff}').unwrap_or(script);
    if script.contains('\r') { script.replace("\r\n", "\n").replace('\r', "\n") } else { script.to_owned() }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

/// Reads 64 hexadecimal digits.
impl FromStr for Checksum {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(());
        }
        let digit = |at: usize| char::from(digits[at]).to_digit(16).ok_or(());
        let mut bytes = [0; 32];
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = (digit(2 * n)? * 16 + digit(2 * n + 1)?) as u8;
        }
        Ok(Checksum(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_and_what_does_not() {
        let sum = |text: &str| Checksum::of_script(Dialect::Sqlite, text).unwrap();
        let one = sum("CREATE TABLE a(b TEXT DEFAULT ' x');\nINSERT INTO a VALUES (1);");
        for same in [
            "CREATE TABLE a(b TEXT DEFAULT ' x');;\r\n\r\nINSERT  INTO a VALUES(1)",
            "-- first\nCREATE TABLE a(/* why */b TEXT DEFAULT ' x'); -- then\nINSERT INTO a VALUES (1); -- end",
            "\u{feff}CREATE TABLE a(b TEXT DEFAULT ' x');   \n\n\tINSERT INTO a VALUES (1)\n;\n",
        ] {
            assert_eq!(sum(same), one, "{same}");
        }
        for other in [
            "CREATE TABLE a(b TEXT DEFAULT 'x'); INSERT INTO a VALUES (1);",
            "CREATE TABLE a(b TEXT DEFAULT ' x') INSERT INTO a VALUES (1);",
            "CREATE TABLE a(b TEXT DEFAULT ' x'); INSERT INTO a VALUES (2);",
        ] {
            assert_ne!(sum(other), one, "{other}");
        }
    }

    #[test]
    fn written_and_read() {
        let sum = Checksum::of_bytes(b"abc");
        assert_eq!(sum.to_string().parse(), Ok(sum));
        assert_eq!("abc".parse::<Checksum>(), Err(()));
    }
}
