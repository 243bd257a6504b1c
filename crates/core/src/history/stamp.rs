//! The stamp in `PRAGMA user_version`, by which an unchanged start is told from the header of the file alone.
//!
//! Reading any table makes SQLite parse the whole schema first; two header fields cost microseconds, whatever the number
//! of tables and migrations. The stamp's 32 bits are, from the lowest:
//!
//! | bits | what |
//! |---|---|
//! | 14 | the number of the newest migration |
//! | 1 | whether reports wait to be handed over |
//! | 17 | of the SHA-256 over the head of the chain and SQLite's schema cookie |
//!
//! So another version never looks alike, and neither does (but for one chance in 131,072) a history with an edited
//! migration, or a schema that was changed by hand: the cookie counts every change. What does not match is looked at
//! again, table by table; the stamp decides only that nothing has to be done.

use sha2::{Digest, Sha256};

use super::Checksum;

const NUMBER_BITS: u32 = 14;
/// Whether reports wait to be handed over.
pub const REPORTS_WAIT: u32 = 1 << NUMBER_BITS;
const HASH_SHIFT: u32 = NUMBER_BITS + 1;

/// The stamp of a database that has run the migrations up to `idx`, whose chain ends in `head`, while SQLite's
/// `PRAGMA schema_version` is `cookie`.
///
/// ```
/// use whimbrel_core::history::{Checksum, stamp};
/// let head = Checksum::of_bytes(b"a history");
/// let stamp = stamp::stamp(3, &head, 17);
/// assert!(stamp::matches(stamp, 3, &head, 17));
/// assert!(!stamp::matches(stamp, 3, &head, 18));
/// assert_eq!(stamp::number(stamp), 3);
/// ```
pub fn stamp(idx: u32, head: &Checksum, cookie: i64) -> i32 {
    let digest = Sha256::new().chain_update(head.0).chain_update(cookie.to_be_bytes()).finalize();
    let hash = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let stamp = (hash >> HASH_SHIFT << HASH_SHIFT) | (idx & (REPORTS_WAIT - 1));
    // 0 is what a database has that nobody stamped.
    (if stamp == 0 { 1 << HASH_SHIFT } else { stamp }).cast_signed()
}

/// Whether `found` is the stamp of this version; waiting reports do not count.
pub fn matches(found: i32, idx: u32, head: &Checksum, cookie: i64) -> bool {
    found.cast_unsigned() & !REPORTS_WAIT == stamp(idx, head, cookie).cast_unsigned()
}

/// The number in a stamp.
pub fn number(stamp: i32) -> u32 {
    stamp.cast_unsigned() & (REPORTS_WAIT - 1)
}

/// Whether reports wait.
pub fn reports_wait(stamp: i32) -> bool {
    stamp.cast_unsigned() & REPORTS_WAIT != 0
}

/// The stamp with or without the mark for waiting reports.
pub fn with_reports(stamp: i32, wait: bool) -> i32 {
    let stamp = stamp.cast_unsigned();
    (if wait { stamp | REPORTS_WAIT } else { stamp & !REPORTS_WAIT }).cast_signed()
}
