//! The quick selection of every layer, with a seed that is always the same, so that what fails was broken by a change.
//! `WHIMBREL_TORTURE_SEED` is another one; `cargo run -p torture` draws a new one each time.

use std::time::Duration;

use torture::{Budget, LAYERS, report, run};

/// Runs a layer, and fails with all that was found.
#[expect(clippy::print_stderr, reason = "the seed is needed to see a failure again")]
fn quick(name: &str) {
    torture::processes::set_program(env!("CARGO_BIN_EXE_torture"));
    let layer = LAYERS.iter().find(|layer| layer.name == name).expect("there is such a layer");
    let seed = std::env::var("WHIMBREL_TORTURE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2_026);
    // Tests run beside each other already.
    let budget = Budget { count: layer.quick, seed, threads: 1, at_most: Duration::from_secs(600) };
    let (tally, time) = run(layer, &budget);
    eprintln!("{}: {} {} in {time:?}, seed {seed}", layer.name, tally.tried, layer.counted);
    let found: Vec<String> = tally.bad.iter().map(|finding| report::finding(layer, "bad", finding)).collect();
    assert!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    assert!(tally.tried > 0, "nothing was tried");
}

/// A test for each layer, and one that no layer is without.
macro_rules! layers {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                quick($name);
            }
        )*

        #[test]
        fn every_layer_has_a_test() {
            let tested = [$($name),*];
            let untested: Vec<&str> =
                LAYERS.iter().map(|layer| layer.name).filter(|name| !tested.contains(name)).collect();
            assert!(untested.is_empty(), "{untested:?}");
        }
    };
}

layers! {
    scenarios: "scenarios",
    crashes: "crashes",
    faults: "faults",
    pairs: "pairs",
    kills: "kills",
    races: "races",
    quota: "quota",
    server_kills: "server-kills",
    server_faults: "server-faults",
}

/// A program that is built as usual holds no mistake: not even what one is called by.
#[test]
fn nothing_is_planted_unless_it_is_asked_for() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_torture")).expect("the program is there");
    let holds = |text: &[u8]| program.windows(text.len()).any(|part| part == text);
    assert!(holds(b"fixed cases, with what has to come of them"), "what is compiled in can be found");
    assert_eq!(holds(b"rowids are given out anew"), cfg!(feature = "planted-bugs"));
}
