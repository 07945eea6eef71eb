//! The rows of the tables.

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AddressHash, AttemptNumber, CampaignId, Content, Epoch, EventKind, Generation, Lane, MessageId,
    MessageState, Outcome, SenderId, WaId, WorkerId,
};
use paceline_store::{
    leases::SealedSession,
    senders::{LeaseView, Sender},
};

/// Whose a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Any sender's of its pool.
    Free,
    /// The sender's that wrote to the person before.
    Sticky,
}

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct MessageRow {
    pub(crate) id: MessageId,
    pub(crate) campaign: Option<CampaignId>,
    pub(crate) lane: Lane,
    pub(crate) to: Address,
    pub(crate) hash: AddressHash,
    pub(crate) content: Content,
    pub(crate) wa_id: WaId,
    pub(crate) state: MessageState,
    pub(crate) reason: Option<&'static str>,
    pub(crate) sender: Option<SenderId>,
    pub(crate) binding: Binding,
    pub(crate) pool: String,
    pub(crate) not_before: Option<DateTime<Utc>>,
    pub(crate) waits_for: Option<&'static str>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) generation: Generation,
    pub(crate) release_deadline: Option<DateTime<Utc>>,
    pub(crate) attempts: Vec<AttemptRow>,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) delivered_at: Option<DateTime<Utc>>,
    pub(crate) read_at: Option<DateTime<Utc>>,
    pub(crate) replied_at: Option<DateTime<Utc>>,
    pub(crate) opted_out_at: Option<DateTime<Utc>>,
}

/// One attempt of a message; its number is its place, from 1.
#[derive(Debug, Clone)]
pub(crate) struct AttemptRow {
    pub(crate) sender: SenderId,
    pub(crate) worker: WorkerId,
    pub(crate) epoch: Epoch,
    /// In campaign time.
    pub(crate) intended_at: DateTime<Utc>,
    /// In the database's time.
    pub(crate) intended_really_at: DateTime<Utc>,
    pub(crate) sends: u32,
    pub(crate) outcome: Option<(Outcome, DateTime<Utc>)>,
    pub(crate) recorded_at: Option<DateTime<Utc>>,
}

/// A sender with its lease and its session.
#[derive(Debug, Clone)]
pub(crate) struct SenderRow {
    /// Without its lease, which depends on the time.
    pub(crate) sender: Sender,
    pub(crate) epoch: Epoch,
    pub(crate) lease: Option<Lease>,
    pub(crate) session: Option<SealedSession>,
}

/// Who holds a sender, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) worker: WorkerId,
    pub(crate) expires_at: DateTime<Utc>,
}

/// An event.
#[derive(Debug, Clone)]
pub(crate) struct EventRow {
    pub(crate) kind: EventKind,
    pub(crate) at: DateTime<Utc>,
    pub(crate) number: Option<i64>,
}

impl MessageRow {
    /// How many attempts there were, which is also the number of the last.
    pub(crate) fn attempt(&self) -> AttemptNumber {
        AttemptNumber::try_from(self.attempts.len()).unwrap_or(AttemptNumber::MAX)
    }

    /// An attempt by its number.
    pub(crate) fn find_attempt(&mut self, number: AttemptNumber) -> Option<&mut AttemptRow> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.attempts.get_mut(place)
    }

    /// Whether it waits and nobody has claimed it.
    pub(crate) fn is_unclaimed(&self) -> bool {
        self.state == MessageState::Waiting && self.release_deadline.is_none()
    }

    /// Gives the claim up: what is nobody's for good is anyone's again.
    pub(crate) fn unclaim(&mut self) {
        self.release_deadline = None;
        if self.binding == Binding::Free {
            self.sender = None;
        }
    }
}

impl SenderRow {
    /// Whether somebody holds it at `now`.
    pub(crate) fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.lease.is_some_and(|lease| lease.expires_at > now)
    }

    /// Whether the lease of an epoch holds at `now`.
    pub(crate) fn holds(&self, epoch: Epoch, now: DateTime<Utc>) -> bool {
        self.epoch == epoch && self.is_held(now)
    }

    /// The sender as others see it.
    pub(crate) fn view(&self, now: DateTime<Utc>) -> Sender {
        let held = self.lease.filter(|lease| lease.expires_at > now);
        let lease =
            held.map(|lease| LeaseView { worker: lease.worker, epoch: self.epoch, expires_at: lease.expires_at });
        Sender { lease, ..self.sender.clone() }
    }
}
