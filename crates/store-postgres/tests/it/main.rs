//! The conformance suite, and what is PostgreSQL's own. `DATABASE_URL` names a server whose user may create databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use paceline_domain::Minter;
use paceline_store::Store;
use paceline_store_postgres::{PostgresOptions, PostgresStore, testing::TestDatabase};

mod audiences;
mod orders;
mod races;
mod witness;

mod conformance {
    paceline_store::conformance_suite!(crate::fresh_store);
}

/// A database of the test's own.
async fn database() -> TestDatabase {
    TestDatabase::from_environment().await.unwrap()
}

/// A few connections: many tests share the server.
fn options(database: &TestDatabase) -> PostgresOptions {
    let mut options = PostgresOptions::new(database.url()).unwrap();
    options.max_connections = 6;
    options
}

async fn open(options: PostgresOptions) -> PostgresStore {
    PostgresStore::open(options, Arc::new(Minter::new([7; 32]))).await.unwrap()
}

async fn fresh_store() -> (Arc<dyn Store>, TestDatabase) {
    let database = database().await;
    let store = open(options(&database)).await;
    (Arc::new(store), database)
}
