//! The conformance suite, and what is SQLite's own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::PathBuf, sync::Arc};

use paceline_domain::Minter;
use paceline_store::Store;
use paceline_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

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
    SqliteStore::open(options, Arc::new(Minter::new([7; 32]))).await.unwrap()
}

async fn fresh_store() -> (Arc<dyn Store>, TempDir) {
    let (folder, file) = folder();
    (Arc::new(open(SqliteOptions::new(file)).await), folder)
}
