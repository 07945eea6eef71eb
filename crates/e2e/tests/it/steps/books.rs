//! The four books, side by side: who was accepted, what the database says of each, what the network took, what the customer heard.

use std::collections::{BTreeMap, BTreeSet};

use paceline_e2e::{JournalLine, NetworkSummary, ScenarioError, ScenarioResult, eventually};
use serde_json::Value;

use super::drill::Drill;
use crate::bounds::CAMPAIGN;

/// What is read when everything has ended.
pub(super) struct Books {
    /// The numbers of those who were accepted.
    accepted: BTreeSet<String>,
    /// Their messages with attempts and timeline, as the API tells them.
    messages: Vec<Value>,
    /// Each campaign's account.
    accounts: Vec<Value>,
    /// Every physical send.
    journal: Vec<JournalLine>,
    pub(super) summary: NetworkSummary,
    /// Every event, as the API lists them.
    events: Vec<Value>,
    /// The ids of the webhooks that the customer took, in order of arrival.
    webhooks: Vec<String>,
    /// How often a process died that was telling the customer things.
    cut_off: usize,
}

/// How many webhooks a process may have posted without having recorded what came of it: those under way, and those that ended since.
const WEBHOOKS_ON_THEIR_WAY: usize = 16;

impl Books {
    /// Reads all of them once the customer has heard of every event.
    pub(super) async fn read(drill: &Drill) -> ScenarioResult<Self> {
        let events = heard_of_all(drill).await?;
        let api = &drill.world.api;
        let (mut messages, mut accounts) = (Vec::new(), Vec::new());
        for campaign in drill.campaigns.keys() {
            accounts.push(drill.world.progress(campaign).await?["account"].clone());
            for message in api.list(&format!("/v1/campaigns/{campaign}/messages")).await? {
                let id = message["id"].as_str().unwrap_or_default();
                messages.push(api.get(&format!("/v1/messages/{id}")).await?.ok()?);
            }
        }
        let accepted = drill.campaigns.values().flat_map(|audience| audience.phones().iter().cloned()).collect();
        let webhooks = drill.receiver.delivered().into_iter().map(|delivered| delivered.id).collect();
        let (journal, summary) = (drill.world.network.journal().await?, drill.world.network.summary().await?);
        Ok(Self { accepted, messages, accounts, journal, summary, events, webhooks, cut_off: drill.cut_off })
    }

    /// Everyone has a message, was sent it under its one id, saw it once, and the customer was told once that it was sent.
    #[track_caller]
    pub(super) fn all_sent(&self) -> &Self {
        self.agree();
        for message in &self.messages {
            assert_eq!(message["state"], "sent", "{message}");
            assert_eq!(self.sends_of(message).iter().filter(|line| line.seen).count(), 1, "{message}");
            assert_eq!(message["attempt_count"], 1, "a crash makes no second attempt: {message}");
            assert_eq!(self.events_of("message.sent", &message["id"]), 1, "{message}");
        }
        self
    }

    /// What holds however a message ended: one message for each who was accepted, at most one id and one sighting of each, no more sends
    /// than its attempts tell, accounts that balance, and no webhook twice but what a death cut off.
    #[track_caller]
    pub(super) fn agree(&self) -> &Self {
        let to: Vec<_> = self.messages.iter().filter_map(|message| message["to"].as_str().map(str::to_owned)).collect();
        assert_eq!(to.len(), self.accepted.len(), "one message for each who was accepted");
        assert_eq!(to.into_iter().collect::<BTreeSet<_>>(), self.accepted);
        let ids: BTreeMap<_, _> =
            self.messages.iter().map(|message| (text(message, "to"), text(message, "wa_id"))).collect();
        for line in &self.journal {
            assert_eq!(ids.get(&line.recipient), Some(&line.id), "one id for life: {line:?}");
        }
        for message in &self.messages {
            let sends = self.sends_of(message);
            assert!(sends.iter().filter(|line| line.seen).count() <= 1, "{message}");
            let told: u64 = attempts(message).filter_map(|attempt| attempt["sends"].as_u64()).sum();
            assert!(sends.len() as u64 <= told, "{} sends, of which the attempts tell {told}: {message}", sends.len());
        }
        assert_eq!(self.summary.duplicates, 0, "{:?}", self.summary);
        assert_eq!(self.summary.repeats, self.summary.repeats_dropped, "{:?}", self.summary);
        assert!(self.accounts.iter().all(|account| account["balanced"] == true), "{:?}", self.accounts);
        for campaign in &self.accounts {
            assert_eq!((&campaign["waiting"], &campaign["sending"]), (&0.into(), &0.into()), "{campaign}");
        }
        let repeated = self.repeated_webhooks();
        assert!(
            repeated <= self.cut_off * WEBHOOKS_ON_THEIR_WAY,
            "{repeated} webhooks came again: {:?}",
            self.webhooks
        );
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
        self
    }

    /// How many webhooks came again under an id that had come before.
    pub(super) fn repeated_webhooks(&self) -> usize {
        self.webhooks.len() - self.webhooks.iter().collect::<BTreeSet<_>>().len()
    }

    /// How many events there are of a kind.
    pub(super) fn events(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event["type"] == kind).count()
    }

    /// The messages in a state.
    pub(super) fn in_state(&self, state: &str) -> Vec<&Value> {
        self.messages.iter().filter(|message| message["state"] == state).collect()
    }

    /// The physical sends of a message.
    pub(super) fn sends_of(&self, message: &Value) -> Vec<&JournalLine> {
        self.journal.iter().filter(|line| message["wa_id"] == line.id.as_str()).collect()
    }

    fn events_of(&self, kind: &str, message: &Value) -> usize {
        let of = self.events.iter().filter(|event| event["type"] == kind && event["data"]["message_id"] == *message);
        of.count()
    }
}

/// Waits until every event has arrived with the customer and no more come; answers with them.
async fn heard_of_all(drill: &Drill) -> ScenarioResult<Vec<Value>> {
    let mut before = 0;
    eventually("the customer has heard of every event", CAMPAIGN, async || {
        let events = drill.world.api.events_after("").await?;
        let heard: BTreeSet<_> = drill.receiver.delivered().into_iter().map(|delivered| delivered.id).collect();
        // The senders came up before the customer asked to be told.
        let told = |event: &&Value| event["type"].as_str().is_some_and(|kind| !kind.starts_with("sender."));
        let missing = events.iter().filter(told).filter(|event| !heard.contains(&text(event, "id"))).count();
        let still = std::mem::replace(&mut before, events.len()) == events.len();
        if missing == 0 && still && !events.is_empty() {
            return Ok(Some(events));
        }
        Err(ScenarioError::new(format!("{missing} of {} are missing", events.len())))
    })
    .await
}

fn attempts(message: &Value) -> impl Iterator<Item = &Value> {
    message["attempts"].as_array().into_iter().flatten()
}

fn text(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_default().to_owned()
}
