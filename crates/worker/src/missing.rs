//! Jobs that do not come: whoever claimed their messages died before it published, or the broker has lost them. Their claims would run
//! out by themselves, but that takes minutes, during which they fill the sender's window.

use paceline_store::leases::Fenced;
use tokio::time::Instant;

use crate::{
    actor::{Actor, Turn},
    intake::Intake,
    lease::Standing,
};

impl Actor {
    /// When to look for them. Not while the store is away.
    pub(crate) fn search_at(&self, intake: &Intake) -> Option<Instant> {
        intake.search_at().filter(|_| self.context.gate.is_open())
    }

    /// Gives the claims back whose jobs should have come. A job that comes after all is of an old release, and refused.
    pub(crate) async fn search(&self, intake: &mut Intake) -> Result<(), Turn> {
        let options = &self.context.options;
        let left = options.release_hold.saturating_sub(options.missed_after);
        let found = match self.context.store.reclaim_missing(self.lease.id, self.lease.epoch, left).await {
            Ok(Fenced::Done(found)) => found,
            Ok(Fenced::LeaseLost) => {
                self.lease.change(Standing::Lost);
                return Err(Turn::LeaseOver);
            }
            Err(error) => {
                tracing::debug!(sender.id = %self.lease.id, error = %error, "claims whose jobs are missing cannot be given back");
                0
            }
        };
        if found > 0 {
            tracing::warn!(sender.id = %self.lease.id, claims.count = found, "jobs did not come; their claims are given back");
            self.context.meters.put_off.with_label_values(&["job_missing"]).inc_by(found);
        }
        intake.searched(found);
        Ok(())
    }
}
