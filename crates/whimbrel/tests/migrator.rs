//! The migrator on real databases: from any version, at once or not at all.

mod migrator {
    mod adoption;
    mod basics;
    mod faults;
    #[path = "../support/faulty.rs"]
    mod faulty;
    mod interrupted;
    mod strategies;
    mod support;
}
