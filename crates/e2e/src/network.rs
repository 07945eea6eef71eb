//! A client of the simulated network's own HTTP: its journal is the judge of what was sent twice or not at all.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{ScenarioError, ScenarioResult};

/// The simulated network as its operator sees it.
#[derive(Debug, Clone)]
pub struct Network {
    http: reqwest::Client,
    base: String,
}

/// What the journal adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct NetworkSummary {
    /// Sends that the network took.
    pub physical_sends: u64,
    /// Different messages among them.
    pub distinct_messages: u64,
    /// Messages that their recipient sees.
    pub messages_seen: u64,
    /// Messages that their recipient sees twice or more.
    pub duplicates: u64,
    /// Sends of an id that was sent before.
    pub repeats: u64,
    /// Of these, how many the recipient does not see.
    pub repeats_dropped: u64,
}

/// One physical send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct JournalLine {
    /// The line's number, from 1.
    pub n: u64,
    /// Who sent.
    pub sender: String,
    /// To whom.
    pub recipient: String,
    /// The message's id.
    pub id: String,
    /// The text's hash.
    pub text_hash: String,
    /// Whether this sender had sent this id to this recipient before.
    pub repeat: bool,
    /// Whether the recipient sees it.
    pub seen: bool,
}

/// One message that a person saw.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InboxItem {
    /// Who sent.
    pub sender: String,
    /// The message's id.
    pub id: String,
    /// The text.
    pub text: Option<String>,
}

impl Network {
    /// A client of the network at `base` (`http://127.0.0.1:…`).
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(base: &str) -> ScenarioResult<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned() })
    }

    /// Every physical send, in order.
    ///
    /// # Errors
    /// No answer, or not a journal.
    pub async fn journal(&self) -> ScenarioResult<Vec<JournalLine>> {
        let text = self.http.get(format!("{}/journal", self.base)).send().await?.error_for_status()?.text().await?;
        text.lines().map(|line| serde_json::from_str(line).map_err(ScenarioError::from)).collect()
    }

    /// What the journal adds up to.
    ///
    /// # Errors
    /// No answer.
    pub async fn summary(&self) -> ScenarioResult<NetworkSummary> {
        self.read("/journal/summary").await
    }

    /// How often each person saw a message, by number.
    ///
    /// # Errors
    /// No answer.
    pub async fn sightings(&self) -> ScenarioResult<BTreeMap<String, usize>> {
        let mut sightings = BTreeMap::new();
        for line in self.journal().await?.into_iter().filter(|line| line.seen) {
            *sightings.entry(line.recipient).or_default() += 1;
        }
        Ok(sightings)
    }

    /// Causes a fault; answers with its id.
    ///
    /// # Errors
    /// The network refuses it.
    pub async fn add_fault(&self, fault: &Value) -> ScenarioResult<u64> {
        let added = self.post("/faults", fault).await?;
        added["id"].as_u64().ok_or_else(|| ScenarioError::new(format!("a fault without an id: {added}")))
    }

    /// How often a fault has struck so far.
    ///
    /// # Errors
    /// There is no such fault.
    pub async fn strikes(&self, fault: u64) -> ScenarioResult<u64> {
        let listed: Value = self.read("/faults").await?;
        let found = listed["faults"].as_array().into_iter().flatten().find(|listed| listed["id"] == fault);
        found.and_then(|found| found["struck"].as_u64()).ok_or_else(|| ScenarioError::new(format!("no fault {fault}")))
    }

    /// Ends a fault.
    ///
    /// # Errors
    /// There is no such fault.
    pub async fn remove_fault(&self, fault: u64) -> ScenarioResult<()> {
        let request = self.http.request(Method::DELETE, format!("{}/faults/{fault}", self.base));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// What a person saw.
    ///
    /// # Errors
    /// No answer.
    pub async fn inbox(&self, person: &str) -> ScenarioResult<Vec<InboxItem>> {
        let inbox: Value = self.read(&format!("/people/{person}/inbox")).await?;
        Ok(serde_json::from_value(inbox["messages"].clone())?)
    }

    /// A person writes to one of our senders.
    ///
    /// # Errors
    /// The network refuses it.
    pub async fn write_as(&self, person: &str, sender: &str, text: &str) -> ScenarioResult<()> {
        self.post(&format!("/people/{person}/write"), &json!({ "to": sender, "text": text })).await.map(drop)
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> ScenarioResult<T> {
        Ok(self.http.get(format!("{}{path}", self.base)).send().await?.error_for_status()?.json().await?)
    }

    async fn post(&self, path: &str, body: &Value) -> ScenarioResult<Value> {
        let response = self.http.post(format!("{}{path}", self.base)).json(body).send().await?;
        let (status, text) = (response.status(), response.text().await?);
        match status {
            StatusCode::OK | StatusCode::CREATED => Ok(serde_json::from_str(&text)?),
            _ => Err(ScenarioError::new(format!("the network answers {status} to {path}: {text}"))),
        }
    }
}
