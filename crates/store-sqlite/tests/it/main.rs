//! The conformance suite, and what is SQLite's own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::PathBuf, sync::Arc};

use paceline_domain::Minter;
use paceline_store::Store;
use paceline_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

mod groups;
mod opening;
mod plans;
mod reads;
mod trouble;

mod conformance {
    paceline_store::conformance_suite!(crate::fresh_store);
}

/// A folder that vanishes with its guard, and the database file in it.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("paceline.db");
    (folder, file)
}

async fn open(options: SqliteOptions) -> SqliteStore {
    paceline_store_sqlite::open(options, Arc::new(Minter::new([7; 32]))).await.unwrap()
}

/// Checks the plans of what a case has run when the case has ended.
struct Planned {
    _folder: TempDir,
    file: PathBuf,
}

impl Drop for Planned {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let file = self.file.clone();
        // The case's own runtime may not be blocked.
        let checked = std::thread::spawn(move || plans::check(&file)).join();
        assert!(checked.is_ok(), "no statement walks through a large table");
    }
}

async fn fresh_store() -> (Arc<dyn Store>, Planned) {
    plans::listen();
    let (folder, file) = folder();
    let store = open(SqliteOptions::new(&file)).await;
    (Arc::new(store), Planned { _folder: folder, file })
}
