//! A store of its own for each test.

use std::sync::Arc;

use paceline_store::conformance::builders::World;
use paceline_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

use crate::seeded_minter;

/// A fresh, empty store in a temporary folder, which goes when the guard is dropped.
///
/// # Panics
/// When the folder or the store cannot be made.
pub async fn fixture() -> (Arc<SqliteStore>, TempDir) {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let options = SqliteOptions::new(folder.path().join("paceline.db"));
    let store = paceline_store_sqlite::open(options, seeded_minter(1)).await.expect("a new store can be opened");
    (Arc::new(store), folder)
}

/// A world on a store of its own.
///
/// # Panics
/// As [`fixture`].
pub async fn world() -> (World, TempDir) {
    let (store, folder) = fixture().await;
    (World::new(store).await, folder)
}
