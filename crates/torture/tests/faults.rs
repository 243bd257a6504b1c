//! Faults of every kind are tried, they are reached, and the library says what is so.

use torture::{Tally, faults, unit_at};

#[test]
fn whatever_fails_the_library_says_what_is_so() {
    let mut tally = Tally::default();
    // The numbers of units that try something of each kind; the program tries new ones each time.
    for place in 0..14 {
        tally.add((faults::LAYER.unit)(unit_at(5, place)));
    }
    assert_eq!(tally.bad.first().map(|bad| format!("{}\n{}", bad.what, bad.story)), None);
    let count = |about: &str| tally.notes.iter().find(|(name, _)| *name == about).map_or(0, |(_, count)| *count);
    for kind in ["disk errors", "disk full", "busy", "out of memory", "failed requests"] {
        assert!(count(kind) > 0, "{kind}: {tally:?}");
    }
    assert!(count("succeeded all the same") < tally.tried, "{tally:?}");
    assert!(count("started again on the same connection") > 0, "{tally:?}");
}
