//! The store's ports: each call is one of the ledger, over maps, and comes to it by a road on which things go wrong.

mod control;
mod worker;

use std::time::Duration;

use paceline_store::{StoreError, StoreResult};
use tokio::{sync::oneshot, time::sleep};

use crate::{
    flaw::Flaw,
    weather::StoreFate,
    world::{Port, Store, World},
};

/// Who is caught is killed or frozen at the end of the turn.
const LONGER_THAN_A_TURN: Duration = Duration::from_millis(500);

/// The store as one node reaches it.
pub(crate) struct NodeStore {
    port: Port,
}

impl NodeStore {
    pub(crate) const fn new(port: Port) -> Self {
        Self { port }
    }

    /// One transaction.
    async fn call<T: Send + 'static>(
        &self,
        transaction: impl FnOnce(&mut World) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        let fate = {
            let mut world = self.port.enter();
            let now = world.now;
            let World { weather, chance, .. } = &mut *world;
            weather.store_fate(now, chance)
        };
        match fate {
            StoreFate::Prompt => self.commit(transaction, Duration::ZERO).await,
            StoreFate::Refused(pause) => {
                sleep(pause).await;
                Err(away())
            }
            StoreFate::Slow(before, after) => {
                sleep(before).await;
                self.commit(transaction, after).await
            }
            StoreFate::AnswerLost(after) => {
                let _ = self.commit(transaction, after).await;
                Err(away())
            }
            StoreFate::Late(after) => {
                let (answer, answered) = oneshot::channel();
                self.port.enter().later(after, move |world| {
                    // Who asked may be dead by now; the transaction is committed all the same.
                    let _ = answer.send(world.transact(transaction));
                });
                answered.await.unwrap_or_else(|_| Err(away()))
            }
        }
    }

    /// A step that matters is about to be asked for: who is caught here asks for it late, as it was before it froze.
    async fn hold_up(&self) {
        let caught = {
            let mut world = self.port.enter();
            world.ask(&self.port);
            world.is_caught(&self.port)
        };
        if caught {
            sleep(LONGER_THAN_A_TURN).await;
        }
    }

    /// Commits, and answers after a while. Who was caught at this step never learns of the answer, or late.
    async fn commit<T>(
        &self,
        transaction: impl FnOnce(&mut World) -> StoreResult<T>,
        after: Duration,
    ) -> StoreResult<T> {
        let (answer, caught) = {
            let mut world = self.port.enter();
            let answer = world.transact(transaction);
            let caught = world.is_caught(&self.port);
            (answer, caught)
        };
        let after = if caught { after.max(LONGER_THAN_A_TURN) } else { after };
        if !after.is_zero() {
            sleep(after).await;
        }
        answer
    }
}

/// A call of a store that, when it is flawed that way, does not see who must not be contacted.
fn unsuppressed<T>(world: &World, call: impl FnOnce(&Store) -> T) -> T {
    let store = &world.store;
    if world.flaw != Some(Flaw::IgnoresSuppressions) {
        return call(store);
    }
    let suppressions = store.maps.tamper(|tables| std::mem::take(&mut tables.suppressions));
    let answer = call(store);
    store.maps.tamper(|tables| tables.suppressions = suppressions);
    answer
}

fn away() -> StoreError {
    StoreError::Unavailable { reason: "the simulated store is away".to_owned(), source: None }
}
