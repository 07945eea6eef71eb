//! Why a pinned sender cannot be had, said once for each reason.

use std::sync::Arc;

use paceline_domain::{SenderId, SenderState, WorkerId};
use paceline_store::{StoreResult, fleet::Which};

use crate::context::Context;

/// Why a pinned sender cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    Held(WorkerId),
    State(SenderState),
    Gone,
}

/// What is in the way of a worker that is pinned to a sender.
pub(super) struct ObstacleLog {
    context: Arc<Context>,
    /// What was in the way when the sender was last asked for, so that the log says it once.
    told: Option<Obstacle>,
}

impl ObstacleLog {
    /// Nothing was said yet.
    pub(super) const fn new(context: Arc<Context>) -> Self {
        Self { context, told: None }
    }

    /// Says, once for each reason, why the sender could not be had.
    pub(super) async fn explain(&mut self, sender: SenderId) -> StoreResult<()> {
        let senders = self.context.store.list_fleet_senders(Which::Id(sender)).await?;
        let lease = senders.first().and_then(|sender| sender.lease.as_ref());
        let obstacle = match (senders.first(), lease) {
            (None, _) => Obstacle::Gone,
            (Some(_), Some(lease)) => Obstacle::Held(lease.worker),
            (Some(sender), None) if sender.state != SenderState::Active => Obstacle::State(sender.state),
            // It was given up this very moment; the next claim has it.
            (Some(_), None) => return Ok(()),
        };
        if self.told.replace(obstacle) == Some(obstacle) {
            return Ok(());
        }
        match obstacle {
            Obstacle::Gone => tracing::warn!(sender.id = %sender, "there is no such sender any more; waiting"),
            Obstacle::State(state) => {
                tracing::info!(sender.id = %sender, sender.state = %state, "the sender is not active; waiting until it is");
            }
            Obstacle::Held(worker) => self.name_holder(sender, worker).await?,
        }
        Ok(())
    }

    /// The sender is ours: whatever was in the way is to be told anew.
    pub(super) const fn forget(&mut self) {
        self.told = None;
    }

    async fn name_holder(&self, sender: SenderId, worker: WorkerId) -> StoreResult<()> {
        let workers = self.context.store.list_workers().await?;
        let holder = workers.iter().find(|view| view.report.id == worker);
        let (host, pid) = holder.map_or(("unknown", 0), |view| (view.report.host.as_str(), view.report.pid));
        tracing::warn!(
            sender.id = %sender, holder.id = %worker, holder.host = host, holder.pid = pid,
            "another worker holds the sender; waiting until its lease ends"
        );
        Ok(())
    }
}
