//! The conformance suite, and what is PostgreSQL's own. `DATABASE_URL` names a server whose user may create databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use paceline_domain::Minter;
use paceline_store::Store;
use paceline_store_postgres::{PostgresOptions, PostgresStore, testing::TestDatabase};

mod audiences;
mod characters;
mod opening;
mod orders;
mod plans;
mod pooler;
mod proxy;
mod races;
mod reads;
mod servers;
mod trouble;
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

fn minter() -> Arc<Minter> {
    Arc::new(Minter::new([7; 32]))
}

async fn open(options: PostgresOptions) -> PostgresStore {
    paceline_store_postgres::open(options, minter()).await.unwrap()
}

/// Checks the plans of what a case has run when the case has ended.
struct Planned(TestDatabase);

impl Drop for Planned {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let url = self.0.url().to_owned();
        // The case's own runtime may not be blocked.
        let checked = std::thread::spawn(move || plans::check(&url)).join();
        assert!(checked.is_ok(), "no statement walks through a large table");
    }
}

async fn fresh_store() -> (Arc<dyn Store>, Planned) {
    plans::listen();
    let database = database().await;
    let store = open(options(&database)).await;
    (Arc::new(store), Planned(database))
}
