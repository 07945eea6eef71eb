//! A sender's lease as its actor sees it: whether it still stands, and until when on this machine's own clock.

use std::{sync::Arc, time::Duration};

use paceline_domain::{Epoch, SenderId};
use paceline_store::senders::Sender;
use tokio::{sync::watch, time::Instant};

use crate::store::WorkerStore;

/// How a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The actor works.
    Held,
    /// The sender was paused or removed, or is another worker's share: finish, give back, release.
    Unwanted,
    /// The process stops: finish, give back, release.
    Draining,
    /// Someone else may have it: send nothing more, and leave everything as it is.
    Lost,
}

struct View {
    standing: Standing,
    // The moment before the claim or renewal was asked for, plus the ttl: never later than what the store thinks.
    deadline: Instant,
    sender: Arc<Sender>,
}

/// A lease. Clones see the same one.
#[derive(Clone)]
pub(crate) struct LeaseWatch {
    /// The sender.
    pub(crate) id: SenderId,
    /// The fencing token.
    pub(crate) epoch: Epoch,
    told: Arc<watch::Sender<View>>,
    seen: watch::Receiver<View>,
}

impl LeaseWatch {
    pub(crate) fn new(sender: Sender, epoch: Epoch, deadline: Instant) -> Self {
        let id = sender.id;
        let view = View { standing: Standing::Held, deadline, sender: Arc::new(sender) };
        let (told, seen) = watch::channel(view);
        Self { id, epoch, told: Arc::new(told), seen }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.seen.borrow().standing
    }

    /// The sender as the last renewal found it.
    pub(crate) fn sender(&self) -> Arc<Sender> {
        Arc::clone(&self.seen.borrow().sender)
    }

    /// Whether something that takes at most `duration` ends before the lease may.
    pub(crate) fn has_time_for(&self, duration: Duration) -> bool {
        let view = self.seen.borrow();
        view.standing != Standing::Lost && view.deadline > Instant::now() + duration
    }

    /// The store has renewed it.
    pub(crate) fn renew(&self, sender: Sender, deadline: Instant) {
        self.told.send_modify(|view| {
            view.deadline = deadline;
            view.sender = Arc::new(sender);
        });
    }

    /// It stands otherwise now. Of two changes the graver one stays.
    pub(crate) fn change(&self, standing: Standing) {
        self.told.send_if_modified(|view| {
            let graver = view.standing == Standing::Held || standing == Standing::Lost;
            let changes = graver && view.standing != standing;
            if changes {
                view.standing = standing;
            }
            changes
        });
    }

    /// Resolves when something about it changed after the last look. Cancel-safe.
    pub(crate) async fn changed(&mut self) {
        // The sending half lives in this very value, so that the channel cannot be closed.
        let _ = self.seen.changed().await;
    }

    /// Resolves once it is not held any more. Cancel-safe.
    pub(crate) async fn ended(&self) {
        let _ = self.seen.clone().wait_for(|view| view.standing != Standing::Held).await;
    }

    /// Resolves once it has time for `duration`, or is not held any more.
    pub(crate) async fn has_time_or_ended(&self, duration: Duration) {
        let enough = |view: &View| view.standing != Standing::Held || view.deadline > Instant::now() + duration;
        let _ = self.seen.clone().wait_for(enough).await;
    }
    /// Gives it back to the store, so that the sender can be taken up by whoever asks next.
    pub(crate) async fn release(&self, store: &dyn WorkerStore) {
        if let Err(error) = store.release_lease(self.id, self.epoch).await {
            tracing::warn!(sender.id = %self.id, error = %error, "the lease runs out by itself, as it cannot be released");
        }
    }
}
