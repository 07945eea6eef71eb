//! Detection of lost jobs: whoever claimed their messages died before it published, or the broker has lost them. Their claims would
//! run out by themselves, but that takes minutes, during which they fill the sender's window. Or the jobs are there and the consumer does
//! not hear of them, as after its queue was deleted and declared again: so with the claims the consumer is given up too, and made again.

use std::time::Duration;

use paceline_store::leases::Fenced;
use tokio::time::Instant;

use crate::{
    context::Context,
    lease::watch::{LeaseWatch, Standing},
    send::turn::Turn,
};

/// The longest pause between two looks, of a sender that has nothing to do.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// When to look for lost jobs.
pub(crate) struct LostJobs {
    /// How long after the last job a first look is taken.
    missed_after: Duration,
    /// When to look next, if no job has come by then.
    look_at: Instant,
    /// The pause after that.
    pause: Duration,
}

impl LostJobs {
    /// A consumer begins: the first look is taken when no job has come for `missed_after`.
    pub(crate) fn new(missed_after: Duration) -> Self {
        Self { missed_after, look_at: Instant::now() + missed_after, pause: missed_after }
    }

    /// A job has come.
    pub(crate) fn job_came(&mut self) {
        self.pause = self.missed_after;
        self.look_at = Instant::now() + self.missed_after;
    }

    /// When to look next.
    pub(crate) const fn look_at(&self) -> Instant {
        self.look_at
    }

    /// Gives the claims back whose jobs should have come. A job that comes after all is of an old release, and refused.
    pub(crate) async fn reclaim(&mut self, context: &Context, lease: &LeaseWatch) -> Result<(), Turn> {
        let left = context.options.release_hold.saturating_sub(context.options.missed_after);
        let found = match context.store.reclaim_lost(lease.id, lease.epoch, left).await {
            Ok(Fenced::Done(found)) => found,
            Ok(Fenced::LeaseLost) => {
                lease.change(Standing::Lost);
                return Err(Turn::LeaseOver);
            }
            Err(error) => {
                tracing::debug!(sender.id = %lease.id, error = %error, "claims whose jobs were lost cannot be given back");
                0
            }
        };
        if found > 0 {
            tracing::warn!(sender.id = %lease.id, claims.count = found, "jobs did not come; their claims are given back");
            context.meters.put_off.with_label_values(&["job_lost"]).inc_by(found);
            return Err(Turn::ConsumerEnded);
        }
        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
        self.look_at = Instant::now() + self.pause;
        Ok(())
    }
}
