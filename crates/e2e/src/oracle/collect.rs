//! Reading the books of a running installation: page by page, and only what is compared.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::{
    books::{Accepted, AccountRow, AttemptRow, Books, EventRow, MessageRow},
    judge::BUCKETS,
};
use crate::{Api, Network, ScenarioResult};

/// The most messages that get a second look.
const SECOND_LOOKS: usize = 3_000;

impl Books {
    /// Reads the database's book over the API and the network's journal. Webhooks are left to who received them.
    ///
    /// # Errors
    /// One of the two does not answer.
    pub async fn read(api: &Api, network: &Network, accepted: Accepted) -> ScenarioResult<Self> {
        let mut books = Self { accepted, ..Self::default() };
        // The journal first: a send that comes later is not judged by an older row.
        books.journal = network.journal().await?;
        api.each("/v1/messages", |item| books.messages.push(message(&item))).await?;
        for campaign in &books.accepted.campaigns {
            let path = format!("/v1/campaigns/{}", campaign.id);
            let exclusions = &mut books.exclusions;
            api.each(&format!("{path}/exclusions"), |item| {
                exclusions.insert((campaign.id.clone(), text(&item["phone"])));
            })
            .await?;
            let progress = api.get(&format!("{path}/progress")).await?.ok()?;
            books.accounts.push(account(&campaign.id, &progress["account"]));
        }
        books.read_attempts(api).await?;
        books.read_events(api).await?;
        Ok(books)
    }

    /// The attempts of those that deserve a second look.
    async fn read_attempts(&mut self, api: &Api) -> ScenarioResult<()> {
        let repeated: HashSet<_> =
            self.journal.iter().filter(|line| line.repeat).map(|line| line.id.as_str()).collect();
        let suspicious =
            |row: &&MessageRow| row.state == "unknown" || row.attempts > 1 || repeated.contains(row.wa_id.as_str());
        let mut wanted: Vec<_> = self.messages.iter().filter(suspicious).collect();
        // What is unknown has to be explained, however much else there is.
        wanted.sort_by_key(|row| row.state != "unknown");
        let mut attempts = BTreeMap::new();
        for row in wanted.into_iter().take(SECOND_LOOKS) {
            let story = api.get(&format!("/v1/messages/{}", row.id)).await?.ok()?;
            let told = story["attempts"].as_array().into_iter().flatten().map(attempt).collect();
            attempts.insert(row.id.clone(), told);
        }
        self.attempts = attempts;
        Ok(())
    }

    /// The log of events from its beginning.
    ///
    /// # Errors
    /// No answer.
    pub async fn read_events(&mut self, api: &Api) -> ScenarioResult<()> {
        let mut events = Vec::new();
        api.each_event_after("", |item| events.push(event(&item))).await?;
        self.events = events;
        Ok(())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn message(item: &Value) -> MessageRow {
    MessageRow {
        id: text(&item["id"]),
        campaign: optional(&item["campaign_id"]),
        to: text(&item["to"]),
        wa_id: text(&item["wa_id"]),
        state: text(&item["state"]),
        reason: optional(&item["reason"]),
        attempts: item["attempt_count"].as_u64().unwrap_or_default(),
    }
}

fn attempt(item: &Value) -> AttemptRow {
    AttemptRow {
        sender: text(&item["sender_id"]),
        epoch: item["epoch"].as_i64().unwrap_or_default(),
        sends: item["sends"].as_u64().unwrap_or_default(),
        outcome: optional(&item["outcome"]),
    }
}

fn event(item: &Value) -> EventRow {
    EventRow { id: text(&item["id"]), kind: text(&item["type"]), message: optional(&item["data"]["message_id"]) }
}

fn account(campaign: &str, account: &Value) -> AccountRow {
    let bucket = |name: &str| (name.to_owned(), account[name].as_u64().unwrap_or_default());
    AccountRow {
        campaign: campaign.to_owned(),
        balanced: account["balanced"] == true,
        buckets: BUCKETS.into_iter().map(bucket).collect(),
    }
}
