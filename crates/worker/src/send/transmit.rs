//! One granted message: the last check of the lease, the send, and what its answer proves.
//!
//! Doubt is what matters here. As long as no send of an id may have reached the network, every refusal proves that nothing was
//! sent. After an answer was lost, only a repeat of the same id on a channel that drops repeats can settle it; and what a
//! repeat does not settle is left open, to be adopted again, never guessed.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_channel::{SendError, SendRequest, Session};
use paceline_domain::{Address, AttemptNumber, ChannelKind, Content, MessageId, Outcome, Repeats, WaId};
use paceline_store::intents::{Grant, OpenAttempt};
use tokio::time::Instant;

use crate::{context::Context, lease::watch::LeaseWatch, send::ceiling::Ceiling};

/// How often one id is sent on one session before the session itself is held to be the trouble.
const SENDS_PER_SESSION: u32 = 2;
/// The longest wait that a network may ask for after a refusal.
const LONGEST_RETRY: Duration = Duration::from_hours(24);

/// What is needed to send on one session.
#[derive(Clone)]
pub(crate) struct Transmitter {
    pub(crate) context: Arc<Context>,
    pub(crate) lease: LeaseWatch,
    pub(crate) session: Arc<dyn Session>,
    pub(crate) channel: ChannelKind,
    pub(crate) ceiling: Arc<Ceiling>,
}

/// A message with a durable attempt.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) message: MessageId,
    pub(crate) attempt: AttemptNumber,
    wa_id: WaId,
    to: Address,
    content: Content,
}

/// Whether an earlier send of this id may have reached the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    None,
    Some,
}

/// What became of a parcel.
#[derive(Debug)]
pub(crate) struct Transmission {
    pub(crate) result: Settled,
    /// The sender must not send before this.
    pub(crate) throttled_until: Option<DateTime<Utc>>,
    pub(crate) session: SessionHealth,
}

/// Whether the outcome is known.
#[derive(Debug)]
pub(crate) enum Settled {
    /// It is, since this time.
    Known(Outcome, DateTime<Utc>),
    /// It is not: the attempt stays open, to be adopted.
    Open,
}

/// Whether the session can be used further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionHealth {
    Good,
    Over,
}

enum Judgement {
    Done(Transmission),
    /// Send the same id again after a pause.
    Repeat(Duration),
    /// Send the same id again when campaign time has got there.
    RepeatAt(DateTime<Utc>),
}

impl Parcel {
    pub(crate) fn granted(message: MessageId, grant: Grant) -> Self {
        let Grant { attempt, wa_id, to, content } = grant;
        Self { message, attempt, wa_id, to, content }
    }

    pub(crate) fn adopted(open: OpenAttempt) -> Self {
        let OpenAttempt { message, attempt, epoch: _, wa_id, to, content, outcome: _ } = open;
        Self { message, attempt, wa_id, to, content }
    }
}

impl Transmitter {
    /// Sends until the outcome is known, the lease has no time left, or the session is no good.
    pub(crate) async fn transmit(&self, parcel: &Parcel, mut doubt: Doubt) -> Transmission {
        for sends in 1.. {
            if doubt == Doubt::Some {
                self.ceiling.admit().await;
                self.context.meters.resends.with_label_values(&[self.channel.as_str()]).inc();
            }
            if !self.lease.has_time_for(self.context.options.send_timeout) {
                return self.held_back(doubt);
            }
            let judgement = self.judge(self.send_once(parcel).await, doubt, parcel.attempt);
            match judgement {
                Judgement::Done(transmission) => return self.while_held(transmission),
                _ if sends >= SENDS_PER_SESSION => break,
                Judgement::Repeat(pause) => tokio::time::sleep(pause).await,
                Judgement::RepeatAt(at) => {
                    tokio::select! {
                        biased;
                        () = self.context.clock.sleep_until(at) => {}
                        () = self.lease.ended() => return Transmission::open(SessionHealth::Good),
                    }
                }
            }
            doubt = Doubt::Some;
        }
        Transmission::open(SessionHealth::Over)
    }

    async fn send_once(&self, parcel: &Parcel) -> Result<Outcome, SendError> {
        let timeout = self.context.options.send_timeout;
        let request =
            SendRequest { id: parcel.wa_id.clone(), to: parcel.to.clone(), content: parcel.content.clone(), timeout };
        let begun = Instant::now();
        // The session keeps the timeout itself; this one keeps a session that does not from outliving the lease.
        let answer = tokio::time::timeout(timeout + Duration::from_secs(1), self.session.send(request)).await;
        let seconds = begun.elapsed().as_secs_f64();
        self.context.meters.send_seconds.with_label_values(&[self.channel.as_str()]).observe(seconds);
        let accepted = answer.unwrap_or(Err(SendError::Unknown))?;
        Ok(Outcome::Sent { provider_id: accepted.provider_id })
    }

    fn judge(&self, answer: Result<Outcome, SendError>, doubt: Doubt, attempt: AttemptNumber) -> Judgement {
        let now = self.context.clock.now();
        let known = |outcome| Judgement::Done(Transmission::known(outcome, now));
        let error = match answer {
            Ok(outcome) => return known(outcome),
            Err(error) => error,
        };
        match (error, doubt) {
            (SendError::Rejected(reason), _) => known(Outcome::Rejected { reason }),
            (SendError::Unsent { retry_after, .. }, Doubt::None) => {
                let pause = retry_after.unwrap_or_else(|| retry_pause(attempt)).min(LONGEST_RETRY);
                known(Outcome::Unsent { not_before: now + pause })
            }
            (SendError::Throttled { until }, Doubt::None) => Judgement::Done(Transmission {
                throttled_until: Some(until),
                ..Transmission::known(Outcome::Interrupted { not_before: until }, now)
            }),
            (SendError::SessionOver, Doubt::None) => Judgement::Done(Transmission {
                session: SessionHealth::Over,
                ..Transmission::known(Outcome::Interrupted { not_before: now }, now)
            }),
            (SendError::SessionOver, Doubt::Some) => Judgement::Done(Transmission::open(SessionHealth::Over)),
            (SendError::Unknown, _) if self.session.repeats() == Repeats::Delivered => known(Outcome::Unknown),
            (SendError::Unknown, _) => Judgement::Repeat(Duration::from_millis(200)),
            (SendError::Unsent { retry_after, .. }, Doubt::Some) => {
                Judgement::Repeat(retry_after.unwrap_or(Duration::from_secs(1)).min(Duration::from_secs(5)))
            }
            (SendError::Throttled { until }, Doubt::Some) => Judgement::RepeatAt(until),
        }
    }

    /// The lease has no time left for a send.
    fn held_back(&self, doubt: Doubt) -> Transmission {
        let now = self.context.clock.now();
        match doubt {
            Doubt::None => self.while_held(Transmission::known(Outcome::Interrupted { not_before: now }, now)),
            Doubt::Some => Transmission::open(SessionHealth::Good),
        }
    }

    /// That we sent nothing proves nothing once the lease has run out, as for a process that was frozen: its next holder may
    /// have taken the attempt over and sent it. Then only an acceptance is known.
    fn while_held(&self, transmission: Transmission) -> Transmission {
        let accepted = matches!(transmission.result, Settled::Known(Outcome::Sent { .. }, _));
        if accepted || self.lease.has_time_for(Duration::ZERO) {
            return transmission;
        }
        Transmission { result: Settled::Open, ..transmission }
    }
}

impl Transmission {
    const fn known(outcome: Outcome, at: DateTime<Utc>) -> Self {
        Self { result: Settled::Known(outcome, at), throttled_until: None, session: SessionHealth::Good }
    }

    const fn open(session: SessionHealth) -> Self {
        Self { result: Settled::Open, throttled_until: None, session }
    }
}

/// How long a message that was provably not sent waits, where the network names no time: a second, four times as long
/// with each attempt.
fn retry_pause(attempt: AttemptNumber) -> Duration {
    let exponent = u32::try_from(attempt).unwrap_or(0).min(8);
    Duration::from_secs(4_u64.pow(exponent))
}
