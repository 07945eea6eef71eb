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
    actor::{Actor, Link, Turn},
    backoff::Backoff,
    connection::SessionStatus,
    gate::Closer,
    lease::Standing,
    reporter::{Recorded, Report},
    transmit::{Doubt, Parcel, SessionHealth, Settled, Transmission},
};

/// On how many sessions an open attempt is sent again before its outcome is unknown.
const SESSIONS_PER_ATTEMPT: u32 = 3;

impl Actor {
    /// Settles every open attempt of the sender.
    pub(crate) async fn settle(&mut self, link: &mut Link) -> Result<(), Turn> {
        let open = self.adopt(link).await?;
        let orphans = open.iter().filter(|attempt| attempt.outcome.is_none()).count();
        let counted = self.context.meters.orphans.with_label_values(&[self.channel_word()]);
        counted.inc_by(u64::try_from(orphans).unwrap_or(u64::MAX));
        if !open.is_empty() {
            failpoints::pass(Failpoint::WorkerAdopted);
            tracing::info!(sender.id = %self.lease.id, attempts.count = open.len(), "settling open attempts");
        }
        for attempt in open {
            self.settle_one(link, attempt).await?;
        }
        Ok(())
    }

    async fn adopt(&mut self, link: &mut Link) -> Result<Vec<OpenAttempt>, Turn> {
        let mut backoff = Backoff::new(Duration::from_millis(50));
        loop {
            self.ready_to_adopt(link).await?;
            let (sender, epoch) = (self.lease.id, self.lease.epoch);
            let now = self.context.clock.now();
            match self.context.store.adopt_attempts(sender, epoch, self.context.options.worker, now).await {
                Ok(Fenced::Done(open)) => return Ok(open),
                Ok(Fenced::LeaseLost) => {
                    self.context.meters.epoch_refusals.with_label_values(&["adoption"]).inc();
                    self.lease.change(Standing::Lost);
                    return Err(Turn::LeaseOver);
                }
                Err(error) => {
                    self.context.gate.close(Closer::Leases, &error);
                    if !error.is_transient() {
                        tracing::error!(sender.id = %sender, error = %error, "open attempts cannot be adopted");
                    }
                    tokio::time::sleep(backoff.next_pause()).await;
                }
            }
        }
    }

    /// Waits until all that this actor has sent is recorded, so that it cannot adopt its own, and the store is there.
    async fn ready_to_adopt(&mut self, link: &mut Link) -> Result<(), Turn> {
        let ready = async {
            self.context.reporter.flush().await;
            self.gate.opened().await;
        };
        tokio::select! {
            biased;
            () = ready => Ok(()),
            () = self.lease.ended() => Err(Turn::LeaseOver),
            _ = link.status.wait_for(|status| matches!(status, SessionStatus::Over(_))) => Err(Turn::SessionOver),
        }
    }

    async fn settle_one(&mut self, link: &Link, open: OpenAttempt) -> Result<(), Turn> {
        let key = (open.message, open.attempt);
        let ticket = self.owed.remove(&key);
        if let Some((outcome, at)) = open.outcome.clone() {
            let (message, attempt, epoch) = (open.message, open.attempt, open.epoch);
            let outcome = AttemptOutcome { message, attempt, epoch, outcome, at };
            let report = Report { sender: self.lease.id, outcome, recorded: Recorded::Yes, ticket };
            self.context.reporter.report(report).await;
            return Ok(());
        }
        let parcel = Parcel::adopted(open);
        let repeats = link.transmitter.session.repeats();
        let sessions = self.resends.entry(key).or_insert(0);
        *sessions += 1;
        let transmission = if repeats == Repeats::Delivered || *sessions > SESSIONS_PER_ATTEMPT {
            Transmission {
                result: Settled::Known(Outcome::Unknown, self.context.clock.now()),
                throttled_until: None,
                session: SessionHealth::Good,
            }
        } else {
            if !matches!(self.interruption(link), Ok(()) | Err(Turn::Profile)) {
                self.owed.extend(ticket.map(|ticket| (key, ticket)));
                return self.interruption(link);
            }
            self.lease.has_time_or_ended(self.context.options.send_timeout).await;
            link.transmitter.transmit(&parcel, Doubt::Some).await
        };
        self.conclude(&parcel, ticket, transmission).await
    }
}
