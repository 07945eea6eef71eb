//! Attempts that are still open, settled before the first new send: after a lease was taken, a session was lost, or an intent's
//! answer was.

use std::time::Duration;

use paceline_domain::{Outcome, Repeats};
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_store::{
    intents::{AttemptOutcome, OpenAttempt},
    leases::Fenced,
};

use crate::{
    backoff::Backoff,
    gate::Closer,
    report::reporter::{Recorded, Report},
    send::{
        attempts::Attempts,
        link::Link,
        transmit::{Doubt, Parcel, SessionHealth, Settled, Transmission},
        turn::Turn,
    },
};

/// On how many sessions an open attempt is sent again before its outcome is unknown.
const SESSIONS_PER_ATTEMPT: u32 = 3;

/// The settling of a sender's open attempts on one session.
pub(crate) struct Settling<'a> {
    pub(crate) attempts: &'a mut Attempts,
    pub(crate) link: &'a mut Link,
}

impl Settling<'_> {
    /// Settles every open attempt of the sender.
    pub(crate) async fn settle(mut self) -> Result<(), Turn> {
        let open = self.adopt().await?;
        let orphans = open.iter().filter(|attempt| attempt.outcome.is_none()).count();
        let counted = self.attempts.context.meters.orphans.with_label_values(&[self.attempts.channel.as_str()]);
        counted.inc_by(u64::try_from(orphans).unwrap_or(u64::MAX));
        if !open.is_empty() {
            failpoints::pass(Failpoint::WorkerAdopted);
            tracing::info!(sender.id = %self.attempts.lease.id, attempts.count = open.len(), "settling open attempts");
        }
        for attempt in open {
            self.settle_one(attempt).await?;
        }
        Ok(())
    }

    async fn adopt(&mut self) -> Result<Vec<OpenAttempt>, Turn> {
        let mut backoff = Backoff::new(Duration::from_millis(50));
        loop {
            self.ready_to_adopt().await?;
            let (context, lease) = (&self.attempts.context, &self.attempts.lease);
            let now = context.clock.now();
            match context.store.adopt_attempts(lease.id, lease.epoch, context.options.worker, now).await {
                Ok(Fenced::Done(open)) => return Ok(open),
                Ok(Fenced::LeaseLost) => return Err(self.attempts.lease_lost("adoption")),
                Err(error) => {
                    context.gate.close(Closer::Leases, &error);
                    if !error.is_transient() {
                        tracing::error!(sender.id = %lease.id, error = %error, "open attempts cannot be adopted");
                    }
                    tokio::time::sleep(backoff.next_pause()).await;
                }
            }
        }
    }

    /// Waits until all that this actor has sent is recorded, so that it cannot adopt its own, and the store is there.
    async fn ready_to_adopt(&mut self) -> Result<(), Turn> {
        let context = &self.attempts.context;
        let ready = async {
            context.reporter.flush().await;
            context.gate.watch().opened().await;
        };
        tokio::select! {
            biased;
            () = ready => Ok(()),
            over = self.link.ended() => Err(over),
        }
    }

    async fn settle_one(&mut self, open: OpenAttempt) -> Result<(), Turn> {
        let key = (open.message, open.attempt);
        let ticket = self.attempts.open.take_owed(key);
        let context = &self.attempts.context;
        if let Some((outcome, at)) = open.outcome.clone() {
            let (message, attempt, epoch) = (open.message, open.attempt, open.epoch);
            let outcome = AttemptOutcome { message, attempt, epoch, outcome, at };
            let report = Report { sender: self.attempts.lease.id, outcome, recorded: Recorded::Yes, ticket };
            context.reporter.report(report).await;
            return Ok(());
        }
        let parcel = Parcel::adopted(open);
        let repeats = self.link.session().repeats();
        let sessions = self.attempts.open.count_session(key);
        let transmission = if repeats == Repeats::Delivered || sessions > SESSIONS_PER_ATTEMPT {
            Transmission {
                result: Settled::Known(Outcome::Unknown, context.clock.now()),
                throttled_until: None,
                session: SessionHealth::Good,
            }
        } else {
            if let Err(over) = self.link.check() {
                self.attempts.open.owe(key, ticket);
                return Err(over);
            }
            self.attempts.lease.has_time_or_ended(context.options.send_timeout).await;
            self.link.transmitter().transmit(&parcel, Doubt::Some).await
        };
        self.attempts.conclude(&parcel, ticket, transmission).await
    }
}
