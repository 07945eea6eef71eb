//! The protocol with its rules, each of which can be left out, and what holds while all are kept.

use paceline_domain::{MessageState as S, Repeats};
use stateright::{Model, Property};

use crate::steps::{Step, Steps};
use crate::world::{Message, NEWS, World};

/// The protocol, whole or with one rule left out.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// What the network does with a second send of an id.
    pub repeats: Repeats,
    /// How many faults a run may have, of any kinds.
    pub faults: u8,
    /// The rule that is left out.
    pub broken: Option<Rule>,
}

/// A rule that the promise rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every taking of a lease has a new epoch.
    NewEpoch,
    /// An intent is refused unless its epoch is the lease's, and the lease has not run out.
    EpochInIntent,
    /// An intent is refused unless its job's generation is the present release's.
    GenerationInIntent,
    /// The intent is durable before the first byte leaves.
    IntentFirst,
    /// Every send of a message has the message's own id.
    OneId,
    /// Whoever takes a lease settles what is open before anything else.
    SettleFirst,
    /// An orphaned intent is not taken for unsent.
    NeverGuess,
    /// An orphaned intent is sent again only where the network drops repeats.
    RepeatWhereDropped,
    /// The outcome is in the store before its result is published and its job answered.
    RecordFirst,
    /// That an attempt sent nothing is believed only of the attempt's present holder.
    HolderSaysUnsent,
    /// A result is applied once.
    Inbox,
    /// What does not move a message forward changes nothing.
    ForwardOnly,
    /// News is acknowledged to the network only after its result is confirmed.
    ConfirmFirst,
    /// Releases that ran out are given back.
    Reclaim,
    /// Outcomes whose result was lost are applied.
    SweepOutcomes,
}

type Claim = Property<Protocol>;

impl Protocol {
    pub(crate) fn keeps(self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::start(self.faults)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        Steps { protocol: *self, world, found: steps }.offer_all();
    }

    fn next_state(&self, _: &World, (_, next): Step) -> Option<World> {
        Some(next)
    }

    /// What is claimed; then what must be possible, lest it be claimed of nothing.
    fn properties(&self) -> Vec<Claim> {
        vec![
            Claim::always("a message has one id", |_, w| each(w, |it| it.ids.count_ones() <= 1)),
            Claim::always("no byte leaves without an intent", |_, w| each(w, |it| it.ids == 0 || it.attempts > 0)),
            Claim::always("no intent is made under an old epoch", |_, w| !w.old_intent),
            Claim::always("a release is spent once", |_, w| each(w, |it| it.attempts <= it.generation)),
            Claim::always("a person sees a message once", |_, w| each(w, |it| it.copies <= 1)),
            Claim::always("states go forward", |_, w| !w.went_back),
            Claim::always("a sent message was taken", |_, w| each(w, |it| it.ids > 0 || !is_sent(it))),
            Claim::always("a cancelled message was not seen", |_, w| each(w, |it| it.copies == 0 || !is_cancelled(it))),
            Claim::always("a reply counts once", |_, w| each(w, |it| it.replies <= 1)),
            Claim::always("no reply is lost", |_, w| each(w, |it| !it.acknowledged || is_reply_kept(it))),
            Claim::eventually("every message ends", |_, w| each(w, |it| it.state > S::Sending)),
            Claim::sometimes("all is sent under a third epoch", |_, w| w.epoch == 3 && each(w, is_sent)),
            Claim::sometimes("a second attempt is sent", |_, w| !each(w, |it| it.attempts < 2 || !is_sent(it))),
            Claim::sometimes("one is sent, one cancelled", |_, w| {
                !each(w, |it| !is_sent(it)) && !each(w, |it| !is_cancelled(it))
            }),
            Claim::sometimes("where repeats are seen, an outcome is unknown", |protocol, w| {
                protocol.repeats == Repeats::Dropped || !each(w, |it| it.state != S::Unknown)
            }),
        ]
    }
}

fn each(world: &World, holds: impl Fn(&Message) -> bool) -> bool {
    world.messages.iter().all(holds)
}

fn is_sent(message: &Message) -> bool {
    matches!(message.state, S::Sent | S::Delivered)
}

fn is_cancelled(message: &Message) -> bool {
    message.state == S::Cancelled
}

fn is_reply_kept(message: &Message) -> bool {
    message.replies > 0 || message.results & NEWS > 0
}
