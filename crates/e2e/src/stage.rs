//! What a scenario is played on, whatever processes are behind it: an API, a network, and what no log may hold.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{Api, Audience, Network, ScenarioError, ScenarioResult, TEXT_MARK, eventually};

/// How long sessions may take to open.
const CONNECT: Duration = Duration::from_secs(30);

/// An API, a network, and what most scenarios do with them.
#[derive(Debug)]
pub struct Stage {
    /// The API, with the admin key.
    pub api: Api,
    /// The network.
    pub network: Network,
    /// What no log may hold.
    secrets: Vec<String>,
}

impl Stage {
    /// A stage whose logs must hold neither the texts of scenarios nor these secrets.
    pub fn new(api: Api, network: Network, secrets: impl IntoIterator<Item = String>) -> Self {
        Self { api, network, secrets: secrets.into_iter().chain([TEXT_MARK.to_owned()]).collect() }
    }

    /// What no log may hold, beside what is known.
    pub fn must_not_be_logged(&mut self, secrets: impl IntoIterator<Item = String>) {
        self.secrets.extend(secrets);
    }

    /// Looks through logs: no number, no text, no key stands there.
    ///
    /// # Errors
    /// They hold what they must not, or nothing at all.
    pub fn check_logs(&self, logs: &str) -> ScenarioResult<()> {
        let leak = logs.lines().find(|line| self.secrets.iter().any(|secret| line.contains(secret.as_str())));
        match leak {
            Some(line) => Err(ScenarioError::new(format!("a log line holds a number, a text or a key: {line}"))),
            None if logs.is_empty() => Err(ScenarioError::new("nothing was logged, so that nothing was proved")),
            None => Ok(()),
        }
    }

    /// Adds `count` senders of the pool `default`; answers with their numbers.
    ///
    /// # Errors
    /// The API refuses one.
    pub async fn add_senders(&mut self, count: usize, profile: &str) -> ScenarioResult<Vec<String>> {
        let mut phones = Vec::new();
        for number in 1..=count {
            let phone = format!("+1555{:07}", 200_000 + number);
            self.api.post("/v1/senders", &json!({ "phone": phone, "profile": profile })).await?.ok()?;
            phones.push(phone);
        }
        self.secrets.extend(phones.iter().map(|phone| digits(phone)));
        Ok(phones)
    }

    /// Waits until every sender has its session.
    ///
    /// # Errors
    /// One has not within half a minute.
    pub async fn senders_connected(&self) -> ScenarioResult<Vec<Value>> {
        eventually("every sender is connected", CONNECT, async || {
            let listed = self.api.list("/v1/senders").await?;
            let connected = listed.iter().all(|sender| sender["session"]["state"] == "connected");
            Ok((connected && !listed.is_empty()).then_some(listed))
        })
        .await
    }

    /// Makes a campaign for these people and uploads them; answers with its id.
    ///
    /// # Errors
    /// The API refuses.
    pub async fn draft(&mut self, audience: &Audience) -> ScenarioResult<String> {
        let template = format!("{{Hi|Hello}} {{{{ name }}}}, this is the {TEXT_MARK}.");
        let campaign =
            self.api.post("/v1/campaigns", &json!({ "name": "Scenario", "template": template })).await?.ok()?;
        let id = text(&campaign, "id")?;
        let uploaded =
            self.api.upload(&format!("/v1/campaigns/{id}/recipients"), "text/csv", audience.csv()).await?.ok()?;
        if uploaded["accepted"] != audience.phones().len() {
            return Err(ScenarioError::new(format!(
                "not all of {} were accepted: {uploaded}",
                audience.phones().len()
            )));
        }
        self.secrets.extend(audience.phones().iter().map(|phone| digits(phone)));
        Ok(id)
    }

    /// The same, and starts it.
    ///
    /// # Errors
    /// The API refuses.
    pub async fn submit(&mut self, audience: &Audience) -> ScenarioResult<String> {
        let id = self.draft(audience).await?;
        self.api.act(&format!("/v1/campaigns/{id}/start")).await?.ok()?;
        Ok(id)
    }

    /// Where a campaign stands.
    ///
    /// # Errors
    /// The API refuses.
    pub async fn progress(&self, campaign: &str) -> ScenarioResult<Value> {
        self.api.get(&format!("/v1/campaigns/{campaign}/progress")).await?.ok()
    }

    /// Waits until a campaign has ended; answers with its progress.
    ///
    /// # Errors
    /// It has not within `within`.
    pub async fn ended(&self, campaign: &str, within: Duration) -> ScenarioResult<Value> {
        let what = format!("{campaign} has ended");
        eventually(&what, within, async || {
            let progress = self.progress(campaign).await?;
            let ended = matches!(progress["state"].as_str(), Some("completed" | "cancelled"));
            if ended { Ok(Some(progress)) } else { Err(ScenarioError::new(format!("it stands so: {progress}"))) }
        })
        .await
    }

    /// Waits until the network has taken at least `count` sends; answers with how many it has.
    ///
    /// # Errors
    /// It has not within `within`.
    pub async fn sent(&self, count: u64, within: Duration) -> ScenarioResult<u64> {
        let what = format!("the network has taken {count} sends");
        eventually(&what, within, async || {
            let summary = self.network.summary().await?;
            if summary.physical_sends >= count {
                return Ok(Some(summary.physical_sends));
            }
            Err(ScenarioError::new(format!("{summary:?}")))
        })
        .await
    }

    /// Checks that each of these people saw a message once and nobody else saw any, and that the account says so.
    ///
    /// # Errors
    /// With what differs.
    pub async fn all_saw_it_once(&self, campaign: &str, audience: &Audience) -> ScenarioResult<()> {
        let wanted: BTreeMap<_, _> = audience.phones().iter().map(|phone| (phone.clone(), 1_usize)).collect();
        let seen = self.network.sightings().await?;
        let wrong: Vec<_> =
            wanted.keys().chain(seen.keys()).filter(|phone| wanted.get(*phone) != seen.get(*phone)).collect();
        if let Some(&first) = wrong.first() {
            let listed = self.api.get(&format!("/v1/campaigns/{campaign}/messages?limit=1000")).await?.ok()?;
            let story = listed["items"].as_array().into_iter().flatten().find(|message| message["to"] == **first);
            return Err(ScenarioError::new(format!(
                "{} people saw another number of messages than one; the first saw {:?}, and of its message is told {}",
                wrong.len(),
                seen.get(first),
                story.cloned().unwrap_or_default(),
            )));
        }
        let account = self.progress(campaign).await?["account"].clone();
        let count = audience.phones().len();
        let expected =
            [("planned", count), ("sent", count), ("failed", 0), ("unknown", 0), ("waiting", 0), ("sending", 0)];
        if account["balanced"] == true && expected.iter().all(|(bucket, count)| account[*bucket] == *count) {
            return Ok(());
        }
        Err(ScenarioError::new(format!("the account of {count} people is {account}")))
    }
}

/// A number without its plus: a log must hold it in neither form.
fn digits(phone: &str) -> String {
    phone.trim_start_matches('+').to_owned()
}

/// A string of an object.
pub(crate) fn text(object: &Value, key: &str) -> ScenarioResult<String> {
    object[key].as_str().map(str::to_owned).ok_or_else(|| ScenarioError::new(format!("no {key} in {object}")))
}
