//! Carries a session's events: each becomes a result, and is acknowledged to the channel only when that result is confirmed. An incoming
//! message is applied in the store instead, and acknowledged when it is a row.

use std::sync::Arc;

use futures_util::FutureExt;
use paceline_channel::{ChannelEvent, EventAck, EventBody, SessionEvents};
use paceline_domain::{ChannelKind, ResultBody, SessionChange, SessionState, WorkerResult};
use paceline_failpoints::{self as failpoints, Failpoint};
use tokio::sync::watch;

use crate::{
    context::Context,
    lease::watch::{LeaseWatch, Standing},
    meters::SessionMeter,
    report::incoming::apply_until_kept,
    session::{
        credentials,
        status::{Ending, SessionStatus},
    },
};

/// How many events are carried at once.
const BATCH: usize = 256;

/// Carries the events of one session.
pub(crate) struct Pump {
    pub(crate) context: Arc<Context>,
    pub(crate) lease: LeaseWatch,
    pub(crate) channel: ChannelKind,
    pub(crate) meter: Arc<SessionMeter>,
    pub(crate) status: watch::Sender<SessionStatus>,
}

impl Pump {
    /// Carries events until the session is over and none is left.
    pub(crate) async fn run(self, mut events: Box<dyn SessionEvents>) {
        let mut more = true;
        while more && let Some(first) = events.next().await {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Some(next) = events.next().now_or_never()
            {
                let Some(event) = next else {
                    more = false;
                    break;
                };
                batch.push(event);
            }
            self.carry(batch).await;
        }
        // An end without a word, or our own closing: the sender is down all the same. What someone else holds is theirs to report.
        if self.end(Ending::Disconnected) == First::Yes && self.lease.standing() != Standing::Lost {
            self.context.report_session(self.lease.id, SessionState::Disconnected, None).await;
        }
    }

    async fn carry(&self, batch: Vec<ChannelEvent>) {
        let (mut results, mut incoming) = (Vec::with_capacity(batch.len()), Vec::new());
        let mut acks: Vec<Box<dyn EventAck>> = Vec::with_capacity(batch.len());
        for event in batch {
            let (at, body, ack) = event.split();
            self.count(&body);
            let safe = self.apply(&body).await;
            if let Some(body) = result_of(body) {
                let list = if matches!(body, ResultBody::Inbound(_)) { &mut incoming } else { &mut results };
                list.push(WorkerResult { sender: self.lease.id, at, body });
            }
            if safe == Safe::Yes {
                acks.extend(ack);
            }
        }
        // The others say how the session is, which the next session says again.
        failpoints::pass_if(Failpoint::WorkerEventReceived, || !acks.is_empty());
        results.extend(apply_until_kept(&self.context, incoming).await);
        self.context.publish_until_confirmed(results).await;
        failpoints::pass_if(Failpoint::WorkerEventReported, || !acks.is_empty());
        for ack in acks {
            ack.acknowledge().await;
        }
    }

    /// What the worker itself does about an event, before anyone is told.
    async fn apply(&self, body: &EventBody) -> Safe {
        match body {
            EventBody::Receipt(_) | EventBody::Inbound(_) => {}
            EventBody::Connected => {
                self.meter.set(Some(SessionState::Connected));
                self.status.send_replace(SessionStatus::Connected);
            }
            EventBody::PairingCode(_) => {
                self.meter.set(Some(SessionState::Pairing));
            }
            EventBody::Paired(new) => {
                // Those that are not kept are not acknowledged either, so that they come again.
                let kept = credentials::keep(&self.context, &self.lease, new).await;
                return if kept { Safe::Yes } else { Safe::No };
            }
            EventBody::Suspended { until } => {
                self.end(Ending::Suspended(*until));
            }
            EventBody::LoggedOut => {
                self.end(Ending::LoggedOut);
                credentials::delete(&self.context, &self.lease).await;
            }
            EventBody::Replaced => {
                self.end(Ending::Replaced);
            }
            EventBody::Disconnected => {
                self.end(Ending::Disconnected);
            }
        }
        Safe::Yes
    }

    /// The first ending stays: what follows it is its consequence.
    fn end(&self, ending: Ending) -> First {
        let first = self.status.send_if_modified(|status| {
            let first = !matches!(status, SessionStatus::Over(_));
            if first {
                *status = SessionStatus::Over(ending);
            }
            first
        });
        if first {
            tracing::info!(sender.id = %self.lease.id, ending = ?ending, "the session is over");
            self.meter.set(Some(match ending {
                Ending::Disconnected => SessionState::Disconnected,
                Ending::Replaced => SessionState::Replaced,
                Ending::LoggedOut => SessionState::LoggedOut,
                Ending::Suspended(Some(_)) => SessionState::Suspended,
                Ending::Suspended(None) => SessionState::Banned,
            }));
        }
        if first { First::Yes } else { First::No }
    }

    fn count(&self, body: &EventBody) {
        let kind = match body {
            EventBody::Receipt(receipt) => receipt.kind.as_str(),
            EventBody::Inbound(_) => "inbound",
            _ => "session",
        };
        self.context.meters.events.with_label_values(&[self.channel.as_str(), kind]).inc();
    }
}

/// Whether an event may be acknowledged once its result is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Safe {
    Yes,
    No,
}

/// Whether the session was not over before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Yes,
    No,
}

/// What is reported of an event; `None` where the next event says it.
fn result_of(body: EventBody) -> Option<ResultBody> {
    let session = |state| SessionChange { state, pairing_code: None, until: None, detail: None };
    let change = match body {
        EventBody::Receipt(receipt) => return Some(ResultBody::Receipt(receipt)),
        EventBody::Inbound(inbound) => return Some(ResultBody::Inbound(inbound)),
        EventBody::Paired(_) => return None,
        EventBody::Connected => session(SessionState::Connected),
        EventBody::PairingCode(code) => SessionChange { pairing_code: Some(code), ..session(SessionState::Pairing) },
        EventBody::Suspended { until: Some(until) } => {
            SessionChange { until: Some(until), ..session(SessionState::Suspended) }
        }
        EventBody::Suspended { until: None } => session(SessionState::Banned),
        EventBody::LoggedOut => session(SessionState::LoggedOut),
        EventBody::Replaced => session(SessionState::Replaced),
        EventBody::Disconnected => session(SessionState::Disconnected),
    };
    Some(ResultBody::Session(change))
}
