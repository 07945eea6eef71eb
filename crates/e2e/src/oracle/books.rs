//! The four books, as plain rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::JournalLine;

/// All that is compared.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// What clients were told was accepted.
    pub accepted: Accepted,
    /// Every message of the database.
    pub messages: Vec<MessageRow>,
    /// Everyone who is not sent to, as (campaign, phone).
    pub exclusions: BTreeSet<(String, String)>,
    /// Each accepted campaign's account.
    pub accounts: Vec<AccountRow>,
    /// Every event.
    pub events: Vec<EventRow>,
    /// The attempts of messages that deserve a second look, by message: unknown ones, repeated ones, those of several attempts.
    pub attempts: BTreeMap<String, Vec<AttemptRow>>,
    /// Every physical send.
    pub journal: Vec<JournalLine>,
    /// How often each event arrived as a webhook whose signature verified.
    pub arrived: HashMap<String, u32>,
    /// How many webhooks came whose signature did not.
    pub unverified: u64,
}

/// What clients were told was accepted.
#[derive(Debug, Clone, Default)]
pub struct Accepted {
    /// Uploads that were answered with 2xx, and whose campaign was started.
    pub campaigns: Vec<AcceptedCampaign>,
    /// The ids of single messages that were answered with 2xx.
    pub messages: BTreeSet<String>,
}

/// An accepted upload.
#[derive(Debug, Clone, Default)]
pub struct AcceptedCampaign {
    /// The campaign.
    pub id: String,
    /// Who is to be written to, each once.
    pub phones: Vec<String>,
}

/// A message as the API shows it.
#[derive(Debug, Clone, Default)]
pub struct MessageRow {
    /// Its id.
    pub id: String,
    /// Its campaign, unless it is a single one.
    pub campaign: Option<String>,
    /// To whom.
    pub to: String,
    /// Its WhatsApp id.
    pub wa_id: String,
    /// Where it stands.
    pub state: String,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
    /// How many attempts there were.
    pub attempts: u64,
}

/// An attempt as the API shows it.
#[derive(Debug, Clone, Default)]
pub struct AttemptRow {
    /// Who was to send it.
    pub sender: String,
    /// The lease epoch of its intent.
    pub epoch: i64,
    /// How often the bytes may have left.
    pub sends: u64,
    /// How it ended.
    pub outcome: Option<String>,
}

/// A campaign's account as the API shows it.
#[derive(Debug, Clone, Default)]
pub struct AccountRow {
    /// The campaign.
    pub campaign: String,
    /// Whether it calls itself balanced.
    pub balanced: bool,
    /// Its buckets, `planned` among them.
    pub buckets: BTreeMap<String, u64>,
}

/// An event of the log.
#[derive(Debug, Clone, Default)]
pub struct EventRow {
    /// Its id, which is also its webhook's.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The message that it is about.
    pub message: Option<String>,
}

impl Accepted {
    /// How many people and messages that are.
    pub fn count(&self) -> usize {
        self.campaigns.iter().map(|campaign| campaign.phones.len()).sum::<usize>() + self.messages.len()
    }
}
