//! Faults: what the network does wrong on purpose, and to whom.
//!
//! A fault is a flat record, so that unknown fields and fields of another kind can be refused by name.

use std::{fmt, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{PhoneNumber, Repeats};
use serde::{Deserialize, Serialize};

use crate::{draw::Draw, registry::Bar};

mod check;

/// Names a fault while it lasts.
pub type FaultId = u64;

/// A fault to cause, as posted to `/faults` or written in a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRequest {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Whose sends and session; everyone's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<PhoneNumber>,
    /// With which probability, for each send in scope; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// How often at most; without limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Not before this many sends in scope were taken, counted from when the fault begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_sends: Option<u64>,
    /// Not before this campaign time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Not before this many seconds of campaign time from now (in a script: from the start).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seconds: Option<f64>,
    /// `slow_ack`: how late the acknowledgement is, in milliseconds of real time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// `temporary_ban`, and `reject` with reason `throttled`: when it ends, in campaign time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The same as `until`, in seconds of campaign time from when the fault strikes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// `reject`: the reason given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefusalReason>,
}

impl FaultRequest {
    /// A fault of this kind that strikes everyone, always.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            sender: None,
            probability: None,
            count: None,
            after_sends: None,
            at: None,
            after_seconds: None,
            delay_ms: None,
            until: None,
            seconds: None,
            reason: None,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The send happens; its acknowledgement is late.
    SlowAck,
    /// The send happens and is in the journal; its acknowledgement never comes.
    LoseAck,
    /// The send is acknowledged; the recipient never sees it, no receipt comes.
    DropMessage,
    /// The connection breaks: now, or behind the acknowledgement of a send.
    Disconnect,
    /// The number is barred until a time.
    TemporaryBan,
    /// The number is barred for good.
    PermanentBan,
    /// Each receipt comes twice.
    ReceiptsDoubled,
    /// The read receipt comes when the delivery receipt was due, and the other way round.
    ReceiptsReordered,
    /// A second send of the same id is not shown to the recipient.
    RepeatsDropped,
    /// A second send of the same id is shown to the recipient again.
    RepeatsDelivered,
    /// The send is refused, with a reason.
    Reject,
}

/// Why the network refuses a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The recipient's number is not on WhatsApp.
    NotOnWhatsapp,
    /// The recipient blocked the sender.
    Blocked,
    /// The request or the content is refused.
    Refused,
    /// The network limits what this person receives.
    RecipientLimit,
    /// The sender goes too fast; carries a time.
    Throttled,
    /// The network cannot take it now; try again.
    Unavailable,
}

/// A fault that lasts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultView {
    /// Its id, for `DELETE /faults/{id}`.
    pub id: FaultId,
    /// How often it has struck.
    pub struck: u32,
    /// What was asked for.
    #[serde(flatten)]
    pub request: FaultRequest,
}

/// The request does not describe a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a fault: {0}")]
pub struct FaultError(pub(crate) String);

/// A fault that is caused to sessions, not to sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blow {
    Disconnect,
    Bar(Bar),
    Repeats(Repeats),
}

/// What faults do to one send that the network takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Strikes {
    pub(crate) ack: AckFate,
    pub(crate) message_dropped: bool,
    pub(crate) receipts_doubled: bool,
    pub(crate) receipts_reordered: bool,
    /// What follows behind the send's acknowledgement.
    pub(crate) blow: Option<Blow>,
}

/// What becomes of an acknowledgement. Of two faults, the worse one counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AckFate {
    #[default]
    Prompt,
    Late(Duration),
    Lost,
}

/// A send, as faults see it.
#[derive(Clone, Copy)]
pub(crate) struct SendInSight<'a> {
    pub(crate) sender: &'a PhoneNumber,
    pub(crate) id: &'a str,
    /// How many sends this sender made before.
    pub(crate) ordinal: u64,
    pub(crate) now: DateTime<Utc>,
}

/// The faults that last.
#[derive(Debug)]
pub(crate) struct FaultBook {
    draw: Draw,
    next: FaultId,
    lasting: Vec<Lasting>,
}

#[derive(Debug)]
struct Lasting {
    id: FaultId,
    request: FaultRequest,
    begins: DateTime<Utc>,
    taken: u64,
    struck: u32,
}

impl FaultBook {
    pub(crate) fn new(draw: Draw) -> Self {
        Self { draw, next: 1, lasting: Vec::new() }
    }

    /// Keeps a checked fault. When it strikes sessions rather than sends, [`FaultBook::blow`] tells what to do once
    /// `begins` has come.
    pub(crate) fn add(&mut self, request: FaultRequest, now: DateTime<Utc>) -> (FaultId, DateTime<Utc>) {
        let begins = request.at.or_else(|| request.after_seconds.map(|wait| after(now, wait))).unwrap_or(now);
        let id = self.next;
        self.next += 1;
        self.lasting.push(Lasting { id, request, begins, taken: 0, struck: 0 });
        (id, begins)
    }

    /// What a fault does to sessions as soon as it begins; `None` when it waits for sends.
    pub(crate) fn blow(&mut self, id: FaultId, now: DateTime<Utc>) -> Option<(Blow, Option<PhoneNumber>)> {
        let fault = self.lasting.iter_mut().find(|fault| fault.id == id)?;
        if fault.waits_for_sends() {
            return None;
        }
        let blow = fault.session_blow(now)?;
        fault.struck += 1;
        let scope = fault.request.sender.clone();
        if blow == Blow::Disconnect {
            self.lasting.retain(|fault| fault.id != id);
        }
        Some((blow, scope))
    }

    /// Why a fault refuses this send, and until when.
    pub(crate) fn refusal(&mut self, send: SendInSight<'_>) -> Option<(RefusalReason, Option<DateTime<Utc>>)> {
        let draw = self.draw;
        let fault = self
            .lasting
            .iter_mut()
            .filter(|fault| fault.request.kind == FaultKind::Reject)
            .find_map(|fault| fault.strikes(draw, send).then_some(fault))?;
        Some((fault.request.reason.unwrap_or(RefusalReason::Refused), fault.end(send.now)))
    }

    /// What faults do to a send that the network takes.
    pub(crate) fn strike(&mut self, send: SendInSight<'_>) -> Strikes {
        let mut strikes = Strikes::default();
        let draw = self.draw;
        for fault in &mut self.lasting {
            let kind = fault.request.kind;
            if kind == FaultKind::Reject || (fault.is_for_sessions() && !fault.waits_for_sends()) {
                continue;
            }
            if !fault.strikes(draw, send) {
                continue;
            }
            match kind {
                FaultKind::SlowAck => strikes.ack = strikes.ack.max(AckFate::Late(fault.ack_delay())),
                FaultKind::LoseAck => strikes.ack = AckFate::Lost,
                FaultKind::DropMessage => strikes.message_dropped = true,
                FaultKind::ReceiptsDoubled => strikes.receipts_doubled = true,
                FaultKind::ReceiptsReordered => strikes.receipts_reordered = true,
                _ => strikes.blow = fault.session_blow(send.now),
            }
        }
        strikes
    }

    pub(crate) fn list(&self) -> Vec<FaultView> {
        self.lasting
            .iter()
            .map(|fault| FaultView { id: fault.id, struck: fault.struck, request: fault.request.clone() })
            .collect()
    }

    pub(crate) fn remove(&mut self, id: FaultId) -> Option<FaultRequest> {
        let index = self.lasting.iter().position(|fault| fault.id == id)?;
        Some(self.lasting.remove(index).request)
    }

    pub(crate) fn clear(&mut self) {
        self.lasting.clear();
    }
}

impl Lasting {
    fn is_for_sessions(&self) -> bool {
        use FaultKind as K;
        matches!(
            self.request.kind,
            K::Disconnect | K::TemporaryBan | K::PermanentBan | K::RepeatsDropped | K::RepeatsDelivered
        )
    }

    fn waits_for_sends(&self) -> bool {
        self.request.after_sends.is_some() || self.request.probability.is_some()
    }

    /// Whether the fault strikes this send; counts it.
    fn strikes(&mut self, draw: Draw, send: SendInSight<'_>) -> bool {
        let request = &self.request;
        if request.sender.as_ref().is_some_and(|sender| sender != send.sender) || send.now < self.begins {
            return false;
        }
        self.taken += 1;
        // What follows behind a send strikes with the n-th one; what happens to a send strikes after n others.
        let armed_at = request.after_sends.unwrap_or(0) + u64::from(!self.is_for_sessions());
        if self.taken < armed_at || self.struck >= self.most_strikes() {
            return false;
        }
        let struck = request.probability.is_none_or(|probability| {
            let names = [&self.id.to_string(), send.sender.as_e164(), send.id, &send.ordinal.to_string()];
            draw.unit("fault", &names) < probability
        });
        self.struck += u32::from(struck);
        struck
    }

    fn most_strikes(&self) -> u32 {
        let once = self.is_for_sessions() && self.request.probability.is_none();
        self.request.count.unwrap_or(if once { 1 } else { u32::MAX })
    }

    fn session_blow(&self, now: DateTime<Utc>) -> Option<Blow> {
        match self.request.kind {
            FaultKind::Disconnect => Some(Blow::Disconnect),
            FaultKind::TemporaryBan => Some(Blow::Bar(Bar { until: self.end(now) })),
            FaultKind::PermanentBan => Some(Blow::Bar(Bar { until: None })),
            FaultKind::RepeatsDropped => Some(Blow::Repeats(Repeats::Dropped)),
            FaultKind::RepeatsDelivered => Some(Blow::Repeats(Repeats::Delivered)),
            _ => None,
        }
    }

    fn ack_delay(&self) -> Duration {
        Duration::from_millis(self.request.delay_ms.unwrap_or(0))
    }

    fn end(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.request.until.or_else(|| self.request.seconds.map(|seconds| after(now, seconds)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be at most ten years")]
fn after(now: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    now + TimeDelta::microseconds((seconds * 1e6) as i64)
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
