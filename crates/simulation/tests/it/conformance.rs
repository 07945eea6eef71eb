//! The suite of the store's port, over the ledger and maps. Many tasks use them at once here, and each transaction waits for its turn.

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use paceline_domain::Minter;
use paceline_ledger::Ledger;
use paceline_simulation::Memory;
use paceline_store::Store;

paceline_store::conformance_suite!(crate::conformance::fresh_store);

fn fresh_store() -> Ready<(Arc<dyn Store>, ())> {
    let ledger = Ledger::new(Memory::new(real_now), Arc::new(Minter::new([3; 32])));
    ready((Arc::new(ledger), ()))
}

#[expect(clippy::disallowed_methods, reason = "the suite's one source of real time")]
fn real_now() -> DateTime<Utc> {
    Utc::now()
}
