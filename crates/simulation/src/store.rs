//! The store's ports: each call is one transaction in memory, and comes to it by a road on which things go wrong.

mod control;
mod worker;

use paceline_store::{StoreError, StoreResult};
use tokio::{sync::oneshot, time::sleep};

use crate::{
    weather::StoreFate,
    world::{Port, World},
};

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
            match weather.store_fate(now, chance) {
                StoreFate::Prompt => return world.transact(transaction),
                fate => fate,
            }
        };
        match fate {
            StoreFate::Prompt => self.port.enter().transact(transaction),
            StoreFate::Refused(pause) => {
                sleep(pause).await;
                Err(away())
            }
            StoreFate::Slow(before, after) => {
                sleep(before).await;
                let answer = self.port.enter().transact(transaction);
                sleep(after).await;
                answer
            }
            StoreFate::AnswerLost(after) => {
                let _ = self.port.enter().transact(transaction);
                sleep(after).await;
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
}

fn away() -> StoreError {
    StoreError::Unavailable { reason: "the simulated store is away".to_owned(), source: None }
}
