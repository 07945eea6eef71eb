//! The sweeper: every row that is not final has a deadline, and this is who acts when it passes. Each duty is a role of its
//! own, so that trouble with one never stops the others.

use std::{sync::Arc, time::Duration};

use paceline_domain::Clock;
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_store::{StoreResult, sweep::SweepStore};
use tokio_util::sync::CancellationToken;

use crate::{Applier, Meters, Role, StepError, SweepOptions};

/// What a sweeper looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Scheduled campaigns whose time has come.
    StartScheduled,
    /// Campaigns with nothing waiting.
    CompleteCampaigns,
    /// Messages whose time has passed.
    ExpireMessages,
    /// Messages of cancelled campaigns.
    CancelMessages,
    /// Claims that ran out.
    ReclaimReleases,
    /// Uploads that were left.
    AbortStaleUploads,
    /// Outcomes whose result was lost on the way.
    ApplyLostResults,
    /// Intents of senders that are gone.
    LoseAbandoned,
    /// Messages whose outcome stays unknown, where their workspace does not hold them.
    SettleUnknown,
    /// What waits for webhook endpoints that are switched off or removed.
    EndDeliveries,
    /// What is kept for a time only.
    Purge,
}

impl Duty {
    /// Every duty.
    pub const ALL: [Self; 11] = [
        Self::StartScheduled,
        Self::CompleteCampaigns,
        Self::ExpireMessages,
        Self::CancelMessages,
        Self::ReclaimReleases,
        Self::AbortStaleUploads,
        Self::ApplyLostResults,
        Self::LoseAbandoned,
        Self::SettleUnknown,
        Self::EndDeliveries,
        Self::Purge,
    ];

    /// The duty's word, in metrics and log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartScheduled => "start_scheduled",
            Self::CompleteCampaigns => "complete_campaigns",
            Self::ExpireMessages => "expire_messages",
            Self::CancelMessages => "cancel_messages",
            Self::ReclaimReleases => "reclaim_releases",
            Self::AbortStaleUploads => "abort_stale_uploads",
            Self::ApplyLostResults => "apply_lost_results",
            Self::LoseAbandoned => "lose_abandoned",
            Self::SettleUnknown => "settle_unknown",
            Self::EndDeliveries => "end_deliveries",
            Self::Purge => "purge",
        }
    }

    const fn cadence(self, options: &SweepOptions) -> Duration {
        match self {
            Self::StartScheduled | Self::CompleteCampaigns | Self::CancelMessages => options.prompt,
            Self::ExpireMessages | Self::ReclaimReleases | Self::EndDeliveries => options.steady,
            Self::AbortStaleUploads | Self::ApplyLostResults | Self::LoseAbandoned | Self::SettleUnknown => {
                options.slow
            }
            Self::Purge => options.purge,
        }
    }
}

/// One duty of the sweeper.
pub struct Sweeper {
    duty: Duty,
    store: Arc<dyn SweepStore>,
    clock: Arc<dyn Clock>,
    applier: Arc<Applier>,
    meters: Arc<Meters>,
    options: SweepOptions,
}

impl Sweeper {
    /// A sweeper with one duty. Lost results are applied by `applier`.
    pub fn new(duty: Duty, store: Arc<dyn SweepStore>, clock: Arc<dyn Clock>, applier: Arc<Applier>) -> Self {
        let meters = Arc::clone(applier.meters());
        Self { duty, store, clock, applier, meters, options: SweepOptions::default() }
    }

    /// The same with other cadences and sizes.
    #[must_use]
    pub fn with_options(mut self, options: SweepOptions) -> Self {
        self.options = options;
        self
    }

    async fn sweep(&self) -> Result<u64, StepError> {
        let (store, now, limit) = (&self.store, self.clock.now(), self.options.limit);
        let swept: StoreResult<u64> = match self.duty {
            Duty::StartScheduled => store.start_scheduled(now, limit).await,
            Duty::CompleteCampaigns => store.complete_campaigns(now, limit).await,
            Duty::ExpireMessages => store.expire_messages(now, limit).await,
            Duty::CancelMessages => store.cancel_messages(now, limit).await,
            Duty::ReclaimReleases => store.reclaim_releases(limit).await,
            Duty::AbortStaleUploads => store.abort_stale_uploads(limit).await,
            Duty::ApplyLostResults => return self.apply_lost_results().await,
            Duty::LoseAbandoned => store.lose_abandoned(now, self.options.abandoned_age, limit).await,
            Duty::SettleUnknown => store.settle_unknown(now, self.options.unknown_grace, limit).await,
            Duty::EndDeliveries => store.end_deliveries(limit).await,
            Duty::Purge => store.purge_before(self.options.keep, limit).await,
        };
        Ok(swept?)
    }

    /// Applies each alone when the batch is refused, so that one bad outcome does not keep the others.
    async fn apply_lost_results(&self) -> Result<u64, StepError> {
        let lost = self.store.list_unapplied_outcomes(self.options.unapplied_age, self.options.limit).await?;
        if lost.is_empty() {
            return Ok(0);
        }
        match self.applier.apply(lost.iter().cloned()).await {
            Ok(summary) => return Ok(summary.applied),
            Err(error) if error.is_transient() => return Err(error.into()),
            Err(_) => {}
        }
        let (mut applied, mut refused) = (0, None);
        for result in lost {
            match self.applier.apply([result]).await {
                Ok(summary) => applied += summary.applied,
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => refused = Some(error),
            }
        }
        self.count(applied);
        refused.map_or(Ok(0), |error| Err(error.into()))
    }

    fn count(&self, swept: u64) {
        self.meters.sweeps.with_label_values(&[self.duty.as_str()]).inc_by(swept);
    }
}

impl Role for Sweeper {
    fn name(&self) -> &'static str {
        self.duty.as_str()
    }

    async fn step(&mut self, _stop: &CancellationToken) -> Result<Duration, StepError> {
        let swept = self.sweep().await?;
        failpoints::pass_if(Failpoint::SweeperSwept, || swept > 0);
        self.count(swept);
        let again = swept >= u64::from(self.options.limit) && self.duty != Duty::ApplyLostResults;
        Ok(if again { Duration::ZERO } else { self.duty.cadence(&self.options) })
    }
}
