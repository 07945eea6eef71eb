//! A worker's registration: it tells the others that it lives, and learns how many senders are its share.
//!
//! Workers agree on nothing: each computes all shares from the same rows by the same function, and the lease decides where two
//! of them look at different moments.

use std::{sync::Arc, time::Duration};

use paceline_domain::ChannelKind;
use paceline_store::{
    StoreError, StoreResult,
    fleet::{WorkerReport, fair_share},
};
use tokio::time::{Instant, timeout};

use crate::context::Context;

/// How often the share must come out smaller in a row before senders are given up for it, so that a worker that starts and
/// stops moves none.
const SURPLUS_LOOKS: u32 = 3;
/// How long ending one's registration may take.
const END_WITHIN: Duration = Duration::from_secs(2);

/// This worker's place among the others.
pub(crate) struct Registration {
    context: Arc<Context>,
    reported_at: Option<Instant>,
    share: u32,
    /// How many looks in a row found that fewer senders are this worker's than it holds.
    surplus_looks: u32,
}

/// Whether the worker gives its senders back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Draining {
    No,
    Yes,
}

impl Registration {
    /// A registration that nobody knows of yet.
    pub(crate) const fn new(context: Arc<Context>) -> Self {
        Self { context, reported_at: None, share: 0, surplus_looks: 0 }
    }

    /// Reports this worker when that is due, and looks at its share again.
    pub(crate) async fn renew(&mut self, draining: Draining) -> StoreResult<()> {
        let limit = self.context.options.lease_ttl / 3;
        let renewed = timeout(limit, self.look(draining)).await;
        renewed.unwrap_or_else(|_| {
            Err(StoreError::Unavailable { reason: "the registration took too long".to_owned(), source: None })
        })
    }

    async fn look(&mut self, draining: Draining) -> StoreResult<()> {
        let (store, options) = (&self.context.store, &self.context.options);
        let report = self.report(draining);
        if self.reported_at.is_none_or(|at| at.elapsed() >= options.report_every) || draining == Draining::Yes {
            let now = Instant::now();
            store.report_worker(report.clone(), options.report_every * 4).await?;
            self.reported_at = Some(now);
        }
        self.share = if options.pinned.is_some() {
            1
        } else {
            let senders = store.count_shared_senders(&report.channels).await?;
            fair_share(&report, &store.list_workers().await?, senders)
        };
        Ok(())
    }

    /// How many senders may be held.
    pub(crate) const fn share(&self) -> u32 {
        self.share
    }

    /// How many of `held` senders are to be given up, because they have been too many for a while.
    pub(crate) fn surplus(&mut self, held: u32) -> u32 {
        let surplus = held.saturating_sub(self.share);
        self.surplus_looks = if surplus == 0 { 0 } else { self.surplus_looks + 1 };
        if self.surplus_looks > SURPLUS_LOOKS { surplus } else { 0 }
    }

    /// Ends it: this worker is gone.
    pub(crate) async fn end(&self) {
        let removal = self.context.store.remove_worker(self.context.options.worker);
        match timeout(END_WITHIN, removal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = %error, "the registration runs out by itself"),
            Err(_) => tracing::debug!("the registration runs out by itself"),
        }
    }

    fn report(&self, draining: Draining) -> WorkerReport {
        let options = &self.context.options;
        let channels: Vec<ChannelKind> = self.context.channels.iter().map(|channel| channel.kind()).collect();
        WorkerReport {
            id: options.worker,
            host: options.host.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pinned: options.pinned,
            slots: options.slots,
            channels,
            listen: options.listen.clone(),
            resident_bytes: paceline_telemetry::resident_bytes().unwrap_or(0),
            draining: draining == Draining::Yes,
        }
    }
}
