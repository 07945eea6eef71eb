//! The suite of the store's port, over the ledger and maps. Many tasks use them at once here, and each transaction waits for its turn.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use paceline_domain::Minter;
use paceline_ledger::Ledger;
use paceline_simulation::Memory;
use paceline_store::Store;

paceline_store::conformance_suite!(crate::conformance::fresh_store);

async fn fresh_store() -> (Arc<dyn Store>, ()) {
    (Arc::new(Ledger::new(Memory::new(real_now), Arc::new(Minter::new([3; 32])))), ())
}

#[expect(clippy::disallowed_methods, reason = "the suite's one source of real time")]
fn real_now() -> DateTime<Utc> {
    Utc::now()
}
