//! The migrator on real databases: from any version, at once or not at all.

mod migrator {
    mod adoption;
    mod attempts;
    mod back;
    mod basics;
    mod faults;
    #[path = "../support/faulty.rs"]
    mod faulty;
    #[path = "../support/host.rs"]
    mod host;
    mod interrupted;
    mod keys;
    mod meanwhile;
    mod phases;
    mod replayed;
    mod strategies;
    mod support;
    mod verified;
}
