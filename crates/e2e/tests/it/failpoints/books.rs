//! What is asked when everything has ended: the oracle compares the four books, and a drill says what else must be in them.

use std::collections::BTreeSet;

use paceline_e2e::{
    JournalLine, NetworkSummary, ScenarioError, ScenarioResult, eventually,
    oracle::{Accepted, AcceptedCampaign, Books as FourBooks, EventRow, MessageRow},
};

use super::drill::Drill;
use crate::bounds::CAMPAIGN;

/// How many webhooks a process may have posted without having recorded what came of it: those under way, and those that ended since.
const WEBHOOKS_ON_THEIR_WAY: usize = 16;

/// The books, which the oracle has found to agree.
pub(super) struct Books {
    four: FourBooks,
    pub(super) summary: NetworkSummary,
}

impl Books {
    /// Reads the books once the customer has heard of every event, and has them compared.
    ///
    /// # Errors
    /// They do not agree; with what the oracle says.
    pub(super) async fn read(drill: &Drill) -> ScenarioResult<Self> {
        let world = &drill.world;
        let campaigns = drill.campaigns.iter();
        let campaigns = campaigns
            .map(|(id, audience)| AcceptedCampaign { id: id.clone(), phones: audience.phones().to_vec() })
            .collect();
        let accepted = Accepted { campaigns, messages: BTreeSet::new() };
        let mut four = FourBooks::read(&world.api, &world.network, accepted).await?;
        hear_of_all(drill, &mut four).await?;
        let verdict = four.judge();
        if !verdict.is_clean() {
            return Err(ScenarioError::new(verdict.to_markdown()));
        }
        let books = Self { four, summary: world.network.summary().await? };
        let (repeated, most) = (books.repeated_webhooks(), drill.cut_off * WEBHOOKS_ON_THEIR_WAY);
        if repeated > most {
            return Err(ScenarioError::new(format!("{repeated} webhooks came again, and {most} were on their way")));
        }
        Ok(books)
    }

    /// Everyone was sent their message in the one attempt that a crash leaves it, and the customer was told so once.
    #[track_caller]
    pub(super) fn all_sent(&self) -> &Self {
        for message in &self.four.messages {
            assert_eq!((message.state.as_str(), message.attempts), ("sent", 1), "{message:?}");
            let sightings = self.sends_of(message).iter().filter(|line| line.seen).count();
            assert_eq!(sightings, 1, "{message:?}");
            let told = self.four.events.iter().filter(|event| says_sent(event, message)).count();
            assert_eq!(told, 1, "{message:?}");
        }
        self
    }

    /// Nothing was sent again: the process died where it was certain what had been sent.
    #[track_caller]
    pub(super) fn without_repeats(&self) -> &Self {
        assert_eq!(self.summary.repeats, 0, "{:?}", self.summary);
        self
    }

    /// The crash left something in doubt, which was sent again under its id: the network dropped it.
    #[track_caller]
    pub(super) fn with_repeats(&self) -> &Self {
        assert!(self.summary.repeats > 0, "nothing was in doubt, so that nothing was proved: {:?}", self.summary);
        assert_eq!(self.summary.repeats, self.summary.repeats_dropped, "{:?}", self.summary);
        self
    }

    /// How often a webhook came under an id that had come before.
    pub(super) fn repeated_webhooks(&self) -> usize {
        self.four.arrived.values().map(|&times| times as usize - 1).sum()
    }

    /// How many events there are of a kind.
    pub(super) fn events(&self, kind: &str) -> usize {
        self.four.events.iter().filter(|event| event.kind == kind).count()
    }

    /// The messages in a state.
    pub(super) fn in_state(&self, state: &str) -> Vec<&MessageRow> {
        self.four.messages.iter().filter(|message| message.state == state).collect()
    }

    /// The physical sends of a message.
    pub(super) fn sends_of(&self, message: &MessageRow) -> Vec<&JournalLine> {
        self.four.journal.iter().filter(|line| line.id == message.wa_id).collect()
    }
}

fn says_sent(event: &EventRow, message: &MessageRow) -> bool {
    event.kind == "message.sent" && event.message.as_deref() == Some(&message.id)
}

/// Waits until every event has arrived with the customer and no more come.
async fn hear_of_all(drill: &Drill, four: &mut FourBooks) -> ScenarioResult<()> {
    let mut before = 0;
    eventually("the customer has heard of every event", CAMPAIGN, async || {
        // In this order, so that nothing has arrived that is not yet an event.
        four.arrived = drill.receiver.arrived();
        four.read_events(&drill.world.api).await?;
        let arrived = &four.arrived;
        // The senders came up before the customer asked to be told.
        four.events.retain(|event| !event.kind.starts_with("sender.") || arrived.contains_key(&event.id));
        let missing = four.events.iter().filter(|event| !arrived.contains_key(&event.id)).count();
        let still = std::mem::replace(&mut before, four.events.len()) == four.events.len();
        if missing == 0 && still && before > 0 {
            return Ok(Some(()));
        }
        Err(ScenarioError::new(format!("{missing} of {before} are missing")))
    })
    .await?;
    four.unverified = drill.receiver.unverified();
    Ok(())
}
