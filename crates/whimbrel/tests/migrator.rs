//! The migrator on real databases: from any version, at once or not at all.

mod migrator {
    mod basics;
    #[path = "../support/faulty.rs"]
    mod faulty;
    mod interrupted;
    mod support;
}
