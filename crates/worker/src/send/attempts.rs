//! The attempts of a sender, from the intent before a send to what follows after one, whichever way the sender is paced.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, Generation, MessageId};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_store::{
    StoreError,
    intents::{AttemptOutcome, IntentBatch, Refusal},
};
use serde_json::Value;

use crate::{
    context::Context,
    gate::Closer,
    lease::watch::{LeaseWatch, Standing},
    report::{
        reporter::{Recorded, Report},
        ticket::Ticket,
    },
    send::{
        backlog::Item,
        link::Link,
        open_attempts::OpenAttempts,
        pace::SenderPace,
        transmit::{Parcel, SessionHealth, Settled, Transmission},
        turn::Turn,
    },
};

/// The attempts of one sender under one lease.
pub(crate) struct Attempts {
    pub(crate) context: Arc<Context>,
    pub(crate) lease: LeaseWatch,
    pub(crate) channel: ChannelKind,
    /// When the next one may be begun.
    pub(crate) pace: SenderPace,
    /// Those whose outcomes are not known.
    pub(crate) open: OpenAttempts,
}

impl Attempts {
    /// No attempt yet, at the pace that the sender's row has.
    pub(crate) fn new(context: Arc<Context>, lease: LeaseWatch, channel: ChannelKind) -> Self {
        let pace = SenderPace::new(Arc::clone(&context), lease.clone());
        Self { context, lease, channel, pace, open: OpenAttempts::default() }
    }

    /// Whether something other than work is to be done.
    pub(crate) fn interruption(&self, link: &Link) -> Result<(), Turn> {
        link.check()?;
        self.pace.check_profile()
    }

    /// Whether an intent may be begun: the store is there, and the lease outlasts a send.
    pub(crate) fn may_begin(&self) -> bool {
        self.context.gate.is_open() && self.lease.has_time_for(self.context.options.send_timeout)
    }

    /// The intent to send these messages.
    pub(crate) fn intent(
        &self,
        items: Vec<(MessageId, Generation)>,
        now: DateTime<Utc>,
        pace_inputs: Value,
    ) -> IntentBatch {
        IntentBatch {
            sender: self.lease.id,
            epoch: self.lease.epoch,
            worker: self.context.options.worker,
            now,
            profile: self.pace.profile().clone(),
            items,
            pace_inputs,
        }
    }

    /// What follows from an intent that the store did not take.
    pub(crate) async fn intent_failed(&self, error: &StoreError) -> Turn {
        self.context.gate.close(Closer::Leases, error);
        let pause = if error.is_transient() {
            tracing::debug!(sender.id = %self.lease.id, error = %error, "an intent was not recorded");
            Duration::from_millis(20)
        } else {
            tracing::error!(sender.id = %self.lease.id, error = %error, "the store refuses an intent");
            Duration::from_secs(1)
        };
        tokio::time::sleep(pause).await;
        // The answer may have been lost after the commit; whatever is open is found before anything new is sent.
        Turn::Settle
    }

    /// The store has refused `what`, because the lease is someone else's.
    pub(crate) fn lease_lost(&self, what: &'static str) -> Turn {
        self.context.meters.epoch_refusals.with_label_values(&[what]).inc();
        self.lease.change(Standing::Lost);
        Turn::LeaseOver
    }

    /// The intent of a message is durable.
    pub(crate) fn granted(&mut self, item: &Item, now: DateTime<Utc>) {
        failpoints::pass(Failpoint::WorkerIntentRecorded);
        let waited = item.received_at.elapsed().as_secs_f64();
        self.context.meters.queue_wait.with_label_values(&[item.lane.as_str()]).observe(waited);
        let channel = [self.channel.as_str()];
        if let Some(gap) = self.pace.note_intent(now) {
            self.context.meters.gaps.with_label_values(&channel).observe(gap.as_secs_f64());
        }
        if let Some(drawn) = self.pace.pause_after(now) {
            self.context.meters.gaps_drawn.with_label_values(&channel).observe(drawn.as_secs_f64());
        }
    }

    /// The store has done what follows from a refusal; the job is done with the message.
    pub(crate) async fn refused(&self, refusal: Refusal, ticket: &Ticket) {
        self.context.meters.refusals.with_label_values(&[refusal.as_str()]).inc();
        ticket.settle().await;
    }

    /// Reports what became of a parcel, or remembers that it was left open.
    pub(crate) async fn conclude(
        &mut self,
        parcel: &Parcel,
        ticket: Option<Arc<Ticket>>,
        transmission: Transmission,
    ) -> Result<(), Turn> {
        let key = (parcel.message, parcel.attempt);
        self.pace.throttle(transmission.throttled_until);
        let open = match transmission.result {
            Settled::Known(outcome, at) => {
                failpoints::pass(Failpoint::WorkerAnswered);
                self.context.meters.count_outcome(self.channel, outcome.as_str());
                self.open.close(key);
                let (message, attempt, epoch) = (parcel.message, parcel.attempt, self.lease.epoch);
                let outcome = AttemptOutcome { message, attempt, epoch, outcome, at };
                let report = Report { sender: self.lease.id, outcome, recorded: Recorded::No, ticket };
                self.context.reporter.report(report).await;
                false
            }
            Settled::Open => {
                self.open.owe(key, ticket);
                true
            }
        };
        match transmission.session {
            SessionHealth::Over => Err(Turn::SessionOver),
            SessionHealth::Good if open => Err(Turn::Settle),
            SessionHealth::Good => Ok(()),
        }
    }
}
