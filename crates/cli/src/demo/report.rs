//! The report: the campaign's account beside what the network's journal says.

use std::{collections::BTreeMap, fmt, time::Duration};

use paceline_simulator::{JournalSummary, SimulatorHandle};
use serde_json::{Value, json};

use super::receiver::Receiver;
use crate::{client::Client, exit::Exit, table::Table};

/// The buckets that partition the planned messages, and the facts beside them, in the summary's order.
const ACCOUNT: [&str; 11] = [
    "planned",
    "sent",
    "delivered",
    "read",
    "replied",
    "opted_out",
    "failed",
    "unknown",
    "expired",
    "cancelled",
    "waiting",
];

/// What there is to say at the end.
#[derive(Debug)]
pub(crate) struct Report {
    progress: Value,
    senders: BTreeMap<String, SenderLine>,
    network: JournalSummary,
    webhooks: (u64, u64),
    seconds: f64,
}

#[derive(Debug, Default)]
struct SenderLine {
    sent: u64,
    delivered: u64,
    read: u64,
    failed: u64,
}

/// Reads the account, the messages of each sender and the network's books.
pub(crate) async fn collect(
    client: &Client,
    campaign: &str,
    simulator: &SimulatorHandle,
    receiver: &Receiver,
    elapsed: Duration,
) -> anyhow::Result<Report> {
    let progress = client.read(&format!("/v1/campaigns/{campaign}/progress")).await?;
    let mut names = BTreeMap::new();
    for sender in client.list("/v1/senders").await? {
        let text = |key: &str| sender[key].as_str().unwrap_or_default().to_owned();
        names.insert(text("id"), text("phone"));
    }
    let mut senders: BTreeMap<String, SenderLine> =
        names.values().map(|phone| (phone.clone(), SenderLine::default())).collect();
    for message in client.list(&format!("/v1/campaigns/{campaign}/messages")).await? {
        let Some(line) =
            message["sender_id"].as_str().and_then(|id| names.get(id)).and_then(|phone| senders.get_mut(phone))
        else {
            continue;
        };
        let state = message["state"].as_str().unwrap_or_default();
        line.sent += u64::from(matches!(state, "sent" | "delivered" | "read"));
        line.delivered += u64::from(matches!(state, "delivered" | "read"));
        line.read += u64::from(state == "read");
        line.failed += u64::from(state == "failed");
    }
    Ok(Report {
        progress,
        senders,
        network: simulator.summary(),
        webhooks: receiver.counts(),
        seconds: elapsed.as_secs_f64(),
    })
}

impl Report {
    /// Whether the account balances and the network's recipients saw each sent message exactly once.
    pub(crate) fn verdict(&self) -> Exit {
        let seen_once = self.network.duplicates == 0 && self.network.messages_seen == self.count("sent");
        let finished = self.count("waiting") == 0 && self.count("unknown") == 0;
        if self.is_balanced() && seen_once && finished { Exit::Done } else { Exit::Unbalanced }
    }

    /// What the summary leaves out: the line before it.
    pub(super) fn details(&self) -> Value {
        json!({
            "event": "details",
            "failed": self.progress["failed"],
            "webhooks": { "verified": self.webhooks.0, "refused": self.webhooks.1 },
        })
    }

    /// The last line of `--json`.
    pub(crate) fn summary(&self) -> Value {
        let mut summary = json!({ "event": "summary" });
        for key in ACCOUNT {
            summary[key] = json!(self.count(key));
        }
        summary["excluded"] = self.progress["excluded"].clone();
        summary["balanced"] = json!(self.is_balanced());
        summary["network"] = json!({
            "physical_sends": self.network.physical_sends,
            "distinct_messages": self.network.distinct_messages,
            "duplicates": self.network.duplicates,
            "repeats_dropped": self.network.repeats_dropped,
        });
        summary["seconds"] = json!((self.seconds * 10.0).round() / 10.0);
        summary
    }

    fn count(&self, key: &str) -> u64 {
        self.progress["account"][key].as_u64().unwrap_or(0)
    }

    /// The sum is made here once more, from the answer: the server's own word is not enough.
    fn is_balanced(&self) -> bool {
        let buckets = ["sent", "failed", "unknown", "expired", "cancelled", "waiting"];
        let sum: u64 = buckets.iter().map(|key| self.count(key)).sum();
        self.progress["account"]["balanced"] == true && sum == self.count("planned")
    }

    fn reasons(&self, key: &str) -> String {
        let reasons = self.progress[key].as_object().into_iter().flatten();
        let reasons: Vec<_> = reasons.map(|(reason, rows)| format!("{reason} {rows}")).collect();
        if reasons.is_empty() { "none".to_owned() } else { reasons.join(", ") }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |key| self.count(key);
        writeln!(f, "\nplanned    {}", count("planned"))?;
        writeln!(f, "excluded   {}", self.reasons("excluded"))?;
        writeln!(f, "sent       {}   delivered {}   read {}", count("sent"), count("delivered"), count("read"))?;
        writeln!(f, "replied    {}   opted out {}", count("replied"), count("opted_out"))?;
        writeln!(f, "failed     {}", self.reasons("failed"))?;
        writeln!(
            f,
            "unknown    {}   expired {}   cancelled {}   waiting {}",
            count("unknown"),
            count("expired"),
            count("cancelled"),
            count("waiting"),
        )?;
        writeln!(
            f,
            "network    {} physical sends of {} messages, {} seen twice, {} repeats dropped",
            self.network.physical_sends,
            self.network.distinct_messages,
            self.network.duplicates,
            self.network.repeats_dropped,
        )?;
        writeln!(f, "webhooks   {} with a good signature, {} without", self.webhooks.0, self.webhooks.1)?;
        writeln!(f, "account    {}", if self.is_balanced() { "balanced" } else { "NOT balanced" })?;
        writeln!(f, "time       {:.1} s\n", self.seconds)?;
        let mut table = Table::new(&["SENDER", "SENT", "DELIVERED", "READ", "FAILED"]);
        for (phone, line) in &self.senders {
            let counts = [line.sent, line.delivered, line.read, line.failed].map(|count| count.to_string());
            table.add(std::iter::once(phone.clone()).chain(counts).collect());
        }
        write!(f, "{table}")
    }
}
