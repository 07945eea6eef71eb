//! What the oracle says: what is wrong, of which the first of each kind are described, and figures.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

/// How many of a kind are described.
const SHOWN: usize = 10;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// Accepted, and there is neither a message nor an exclusion, or it was never sent and still waits.
    Lost,
    /// A message that was sent and whose row does not end.
    Stuck,
    /// One message, two WhatsApp ids.
    TwoIds,
    /// A person saw a message twice.
    SeenTwice,
    /// A person saw a message that the database does not know.
    Unaccounted,
    /// A message went to another person than the row says.
    AnotherPerson,
    /// The row says sent and the network never saw it, or the row says that it ended unsent and a person saw it.
    Disagreement,
    /// More sends than intents allowed.
    Unintended,
    /// A later attempt under an older epoch.
    EpochFell,
    /// An unknown outcome without an attempt that tells why.
    Unexplained,
    /// A state without its event.
    MissingEvent,
    /// An event without a delivered webhook.
    MissingWebhook,
    /// A webhook of no event, or whose signature does not verify.
    FalseWebhook,
    /// An account that does not add up, or differs from its messages.
    Unbalanced,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which kind.
    pub wrong: Wrong,
    /// Where, by ids.
    pub what: String,
}

/// A message whose outcome was unknown at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownOutcome {
    /// The message.
    pub message: String,
    /// How it was settled.
    pub settled: String,
}

/// How much there was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rows and single messages that were accepted.
    pub accepted: usize,
    /// Messages of the database.
    pub messages: usize,
    /// People who were not sent to.
    pub excluded: usize,
    /// Messages that were sent, delivered and read ones included.
    pub sent: usize,
    /// Failed ones.
    pub failed: usize,
    /// Cancelled ones.
    pub cancelled: usize,
    /// Expired ones.
    pub expired: usize,
    /// Whose outcome is unknown at the end.
    pub unknown: usize,
    /// Sends that the network took.
    pub physical_sends: usize,
    /// Of these, sends of an id that was sent before.
    pub repeats: usize,
    /// Of these, how many nobody saw.
    pub repeats_dropped: usize,
    /// Events.
    pub events: usize,
    /// Webhooks that arrived, those that came twice included.
    pub webhooks: usize,
}

/// What the oracle says.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// How much there was.
    pub figures: Figures,
    /// How many of each kind are wrong.
    pub counts: BTreeMap<Wrong, usize>,
    /// The first of each kind.
    pub findings: Vec<Finding>,
    /// Every outcome that was unknown at some time.
    pub unknowns: Vec<UnknownOutcome>,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many of a kind are wrong.
    pub fn count(&self, wrong: Wrong) -> usize {
        self.counts.get(&wrong).copied().unwrap_or_default()
    }

    /// Adds something that is wrong.
    pub(crate) fn add(&mut self, wrong: Wrong, what: impl FnOnce() -> String) {
        let count = self.counts.entry(wrong).or_default();
        *count += 1;
        if *count <= SHOWN {
            self.findings.push(Finding { wrong, what: what() });
        }
    }

    /// The verdict in Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("| what | count |\n|---|---:|\n");
        for (name, count) in self.figures.rows() {
            let _ = writeln!(text, "| {name} | {count} |");
        }
        for (name, wrongs) in HEADLINES {
            let count: usize = wrongs.iter().map(|&wrong| self.count(wrong)).sum();
            let _ = writeln!(text, "| **{name}** | **{count}** |");
        }
        if !self.unknowns.is_empty() {
            let _ = writeln!(text, "\nOutcomes that were unknown at some time: {}\n", self.unknowns.len());
            for unknown in self.unknowns.iter().take(SHOWN * 2) {
                let _ = writeln!(text, "- `{}`: {}", unknown.message, unknown.settled);
            }
        }
        for finding in &self.findings {
            let _ = write!(text, "\n- **{}**: {}", finding.wrong, finding.what);
        }
        if !self.findings.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// What is promised, and what would break it.
const HEADLINES: [(&str, &[Wrong]); 6] = [
    ("lost", &[Wrong::Lost, Wrong::Stuck]),
    ("messages with two ids", &[Wrong::TwoIds]),
    ("seen twice", &[Wrong::SeenTwice]),
    (
        "states that disagree",
        &[
            Wrong::Unaccounted,
            Wrong::AnotherPerson,
            Wrong::Disagreement,
            Wrong::Unintended,
            Wrong::EpochFell,
            Wrong::Unexplained,
        ],
    ),
    ("missing or false events and webhooks", &[Wrong::MissingEvent, Wrong::MissingWebhook, Wrong::FalseWebhook]),
    ("accounts that do not balance", &[Wrong::Unbalanced]),
];

impl Figures {
    fn rows(&self) -> [(&'static str, usize); 13] {
        [
            ("accepted (rows of campaigns and single messages)", self.accepted),
            ("messages in the database", self.messages),
            ("people excluded", self.excluded),
            ("sent (delivered and read included)", self.sent),
            ("failed", self.failed),
            ("cancelled", self.cancelled),
            ("expired", self.expired),
            ("unknown at the end", self.unknown),
            ("physical sends", self.physical_sends),
            ("repeats with the same id", self.repeats),
            ("of these dropped by the network", self.repeats_dropped),
            ("events", self.events),
            ("webhooks that arrived", self.webhooks),
        ]
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Stuck => "sent and without an end",
            Self::TwoIds => "two ids",
            Self::SeenTwice => "seen twice",
            Self::Unaccounted => "seen and not in the database",
            Self::AnotherPerson => "sent to another person",
            Self::Disagreement => "disagreement",
            Self::Unintended => "sent more often than intended",
            Self::EpochFell => "an older epoch after a newer one",
            Self::Unexplained => "unknown and unexplained",
            Self::MissingEvent => "a state without its event",
            Self::MissingWebhook => "an event without its webhook",
            Self::FalseWebhook => "a false webhook",
            Self::Unbalanced => "an account that does not balance",
        })
    }
}
