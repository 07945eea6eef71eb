//! The store: each function is one transaction of its port, and decides by the ledger's own code where there is some.

use chrono::DateTime;
use paceline_domain::{Epoch, Generation, Lane, MessageId, MessageMove, MessageState as S, Outcome, ReceiptKind};
use paceline_domain::{Repeats, SenderId, SenderState, WorkerId};
use paceline_ledger::{IntentCandidate, IntentDecision, decide, settle, settle_receipt};
use paceline_pacing::{Pace, PaceState, Profile, Seed};
use paceline_store::intents::IntentBatch;

use crate::protocol::{Protocol, Rule};
use crate::world::{End, Hand, Message, NEWS, World, result_of};

impl Protocol {
    /// `record_intents` of one message, by its job's generation. Answers the attempt that is granted.
    pub(crate) fn record_intent(self, world: &mut World, worker: usize, (message, job): (usize, u8)) -> Option<u8> {
        let (holds, epoch) = (world.holds_lease(worker), world.workers[worker].epoch);
        match self.decision(world, world.messages[message], job) {
            IntentDecision::Intend(_) => {}
            IntentDecision::Cancel(..) => {
                self.move_message(world, message, MessageMove::Cancel);
                return None;
            }
            _ => return None,
        }
        world.old_intent |= !holds;
        self.move_message(world, message, MessageMove::Intend);
        let it = &mut world.messages[message];
        (it.attempts, it.holder, it.outcome) = (it.attempts + 1, epoch, None);
        Some(it.attempts)
    }

    fn decision(self, world: &World, it: Message, job: u8) -> IntentDecision {
        let message = MessageId::from_bytes([0; 16]);
        let present =
            if self.keeps(Rule::GenerationInIntent) { it.released.then_some(it.generation) } else { Some(job) };
        let release = present.map(|generation| Generation(generation.into()));
        let (sender, worker, epoch) = (SenderId::from_bytes([0; 16]), WorkerId::from_bytes([0; 16]), Epoch(0));
        let (items, profile, now) =
            (vec![(message, Generation(job.into()))], Profile::unlimited(), DateTime::UNIX_EPOCH);
        let batch = IntentBatch { sender, epoch, worker, now, profile, items, pace_inputs: serde_json::Value::Null };
        #[rustfmt::skip]
        let candidate = IntentCandidate {
            message, state: it.state, release, sender: Some(sender), lane: Lane::Campaign, campaign: Some(world.campaign),
            expires_at: None, suppression: None, attempts: it.attempts.into(),
        };
        let pace = Pace { profile: &batch.profile, zone: chrono_tz::UTC, seed: Seed(0) };
        decide(&batch, &[Some(candidate)], SenderState::Active, pace, &PaceState::default()).0[0]
    }

    /// `adopt_attempts`, and what a worker makes of each: published again, sent again, or unknown.
    pub(crate) fn adopt(self, world: &mut World, worker: usize) {
        let epoch = world.workers[worker].epoch;
        world.workers[worker].settled = true;
        let repeat = self.repeats == Repeats::Dropped || !self.keeps(Rule::RepeatWhereDropped);
        let doubtful = if self.keeps(Rule::NeverGuess) { End::Unknown } else { End::Unsent };
        for it in world.messages.iter_mut().filter(|it| it.state == S::Sending) {
            if let Some(end) = it.outcome {
                it.results |= result_of(it.attempts, end);
                continue;
            }
            it.holder = epoch;
            let repeat = repeat && self.keeps(Rule::NeverGuess);
            it.hands[worker] =
                if repeat { Hand::Granted(it.attempts, true) } else { Hand::Told(it.attempts, doubtful) };
        }
    }

    /// `record_outcomes` of one attempt, of which the first stays; then its result is published.
    pub(crate) fn record_outcome(self, it: &mut Message, epoch: u8, (attempt, end): (u8, End)) {
        let foreign = (it.attempts, it.holder) != (attempt, epoch);
        if foreign && end == End::Unsent && self.keeps(Rule::HolderSaysUnsent) {
            return;
        }
        if it.attempts == attempt && self.keeps(Rule::RecordFirst) {
            it.outcome.get_or_insert(end);
        }
        it.results |= result_of(attempt, end);
    }

    /// `apply_results` of one result.
    pub(crate) fn apply(self, world: &mut World, message: usize, result: u32) {
        let it = &mut world.messages[message];
        if result == NEWS && (it.replies == 0 || !self.keeps(Rule::Inbox)) {
            it.replies += 1;
            if matches!(it.state, S::Sending | S::Unknown) {
                self.move_message(world, message, MessageMove::Accept);
            }
            self.move_message(world, message, settle_receipt(ReceiptKind::Delivered).happened);
        } else if result != NEWS {
            let (attempt, end) = (result.trailing_zeros() / 3, result.trailing_zeros() % 3);
            let not_before = DateTime::UNIX_EPOCH;
            let ends = [Outcome::Sent { provider_id: None }, Outcome::Interrupted { not_before }, Outcome::Unknown];
            // An older attempt can still prove that the message went out.
            if attempt == u32::from(it.attempts) || end == End::Sent as u32 {
                self.move_message(world, message, settle(&ends[end as usize], 1).happened);
            }
        }
    }

    /// The one place where a state changes.
    pub(crate) fn move_message(self, world: &mut World, message: usize, happened: MessageMove) {
        let state = world.messages[message].state;
        let blindly = [(MessageMove::Accept, S::Sent), (MessageMove::Unsent, S::Waiting)];
        let blindly = blindly.iter().find(|it| it.0 == happened && !self.keeps(Rule::ForwardOnly)).map(|it| it.1);
        let Some(next) = state.after(happened).or(blindly) else { return };
        // An unknown message is where it was while it was being sent.
        let place = |state| if state == S::Unknown { S::Sending } else { state };
        let unsent = state == S::Sending && happened == MessageMove::Unsent;
        world.went_back |= place(next) < place(state) && !unsent;
        (world.messages[message].state, world.messages[message].released) = (next, false);
    }
}
