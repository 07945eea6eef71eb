//! The comparison of the books.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    books::{AttemptRow, Books},
    verdict::{Figures, Verdict, Wrong},
};

/// How often an id may leave for each send that its attempts count: a second time when the answer to the first was lost, within one
/// session.
const SENDS_PER_INTENT: u64 = 2;

/// What the network knows of a WhatsApp id.
#[derive(Debug, Default)]
struct Traffic<'a> {
    sends: u64,
    sightings: u64,
    recipients: BTreeSet<&'a str>,
}

/// The books, and what is looked up in them more than once.
struct Case<'a> {
    books: &'a Books,
    traffic: HashMap<&'a str, Traffic<'a>>,
    verdict: Verdict,
}

impl Books {
    /// Compares the books.
    pub fn judge(&self) -> Verdict {
        let mut traffic: HashMap<&str, Traffic<'_>> = HashMap::new();
        for line in &self.journal {
            let of = traffic.entry(line.id.as_str()).or_default();
            of.sends += 1;
            of.sightings += u64::from(line.seen);
            of.recipients.insert(&line.recipient);
        }
        let verdict = Verdict { figures: figures(self), unknowns: self.unknowns(), ..Verdict::default() };
        let mut case = Case { books: self, traffic, verdict };
        case.acceptances();
        case.ids();
        case.sightings();
        case.states();
        case.attempts();
        case.events();
        case.webhooks();
        case.accounts();
        case.verdict
    }
}

impl Case<'_> {
    /// Whoever was accepted has a message or an exclusion.
    fn acceptances(&mut self) {
        let books = self.books;
        let rows: HashSet<_> =
            books.messages.iter().filter_map(|row| Some((row.campaign.as_deref()?, row.to.as_str()))).collect();
        for campaign in &books.accepted.campaigns {
            for phone in &campaign.phones {
                let excluded = || books.exclusions.contains(&(campaign.id.clone(), phone.clone()));
                if !rows.contains(&(campaign.id.as_str(), phone.as_str())) && !excluded() {
                    self.verdict.add(Wrong::Lost, || {
                        format!("{phone} of {} has neither a message nor an exclusion", campaign.id)
                    });
                }
            }
        }
        let ids: HashSet<_> = books.messages.iter().map(|row| row.id.as_str()).collect();
        for id in books.accepted.messages.iter().filter(|id| !ids.contains(id.as_str())) {
            self.verdict.add(Wrong::Lost, || format!("{id} was accepted and is not in the database"));
        }
    }

    /// Every text was written for one message, and every message has one id.
    fn ids(&mut self) {
        let mut of_text: HashMap<_, &str> = HashMap::new();
        let mut told = HashSet::new();
        for line in &self.books.journal {
            let first = *of_text.entry((&line.recipient, &line.text_hash)).or_insert(&line.id);
            if first != line.id && told.insert(&line.id) {
                self.verdict
                    .add(Wrong::TwoIds, || format!("one text went to one person as {first} and as {}", line.id));
            }
        }
        let mut of_id: HashMap<&str, &str> = HashMap::new();
        for row in &self.books.messages {
            if let Some(other) = of_id.insert(&row.wa_id, &row.id) {
                self.verdict.add(Wrong::TwoIds, || format!("{other} and {} share {}", row.id, row.wa_id));
            }
        }
    }

    /// Nobody sees a message twice, a message of nobody's, or one of somebody else.
    fn sightings(&mut self) {
        let rows: HashMap<_, _> = self.books.messages.iter().map(|row| (row.wa_id.as_str(), row)).collect();
        for (id, traffic) in &self.traffic {
            if traffic.sightings > 1 {
                self.verdict.add(Wrong::SeenTwice, || format!("{id} was seen {} times", traffic.sightings));
            }
            let Some(row) = rows.get(id) else {
                self.verdict.add(Wrong::Unaccounted, || format!("{id} belongs to no message"));
                continue;
            };
            if traffic.recipients.iter().any(|recipient| *recipient != row.to) {
                self.verdict.add(Wrong::AnotherPerson, || format!("{} went to somebody else", row.id));
            }
        }
    }

    /// Every state is one that the network can confirm.
    fn states(&mut self) {
        for row in &self.books.messages {
            let taken = self.traffic.contains_key(row.wa_id.as_str());
            let seen = self.traffic.get(row.wa_id.as_str()).is_some_and(|traffic| traffic.sightings > 0);
            let story = || format!("{} is {} ({})", row.id, row.state, row.reason.as_deref().unwrap_or("no reason"));
            match row.state.as_str() {
                "sent" | "delivered" | "read" if !taken => {
                    self.verdict.add(Wrong::Disagreement, || format!("{}, and the network never had it", story()));
                }
                "failed" | "cancelled" | "expired" if seen => {
                    self.verdict.add(Wrong::Disagreement, || format!("{}, and a person saw it", story()));
                }
                "sent" | "delivered" | "read" | "unknown" | "failed" | "cancelled" | "expired" => {}
                _ if taken => self.verdict.add(Wrong::Stuck, story),
                _ => self.verdict.add(Wrong::Lost, || format!("{}, and was never sent", story())),
            }
        }
    }

    /// Every send had an intent; epochs only grow; an unknown outcome has an attempt that tells why.
    fn attempts(&mut self) {
        for row in &self.books.messages {
            let Some(attempts) = self.books.attempts.get(&row.id) else {
                if row.state == "unknown" {
                    self.verdict.add(Wrong::Unexplained, || format!("{} is unknown without an attempt", row.id));
                }
                continue;
            };
            let intended = SENDS_PER_INTENT * attempts.iter().map(|attempt| attempt.sends).sum::<u64>();
            let sends = self.traffic.get(row.wa_id.as_str()).map_or(0, |traffic| traffic.sends);
            if sends > intended {
                self.verdict.add(Wrong::Unintended, || {
                    format!("{} was sent {sends} times, and its intents allow {intended}", row.id)
                });
            }
            if fell(attempts) {
                self.verdict.add(Wrong::EpochFell, || format!("the epochs of {}: {attempts:?}", row.id));
            }
            if row.state == "unknown" && !attempts.iter().any(|attempt| attempt.outcome.as_deref() == Some("unknown")) {
                self.verdict
                    .add(Wrong::Unexplained, || format!("{} is unknown, and no attempt is: {attempts:?}", row.id));
            }
        }
    }

    /// Every state was told as an event.
    fn events(&mut self) {
        let mut told: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for event in &self.books.events {
            if let Some(message) = &event.message {
                told.entry(message).or_default().insert(&event.kind);
            }
        }
        for row in &self.books.messages {
            let wanted: &[&str] = match row.state.as_str() {
                // A receipt that overtakes the outcome says that it was sent, too.
                "sent" | "delivered" | "read" => &["message.sent", "message.delivered", "message.read"],
                "failed" => &["message.failed"],
                "unknown" => &["message.unknown"],
                "expired" => &["message.expired"],
                "cancelled" => &["message.cancelled"],
                _ => continue,
            };
            if !told.get(row.id.as_str()).is_some_and(|kinds| wanted.iter().any(|kind| kinds.contains(kind))) {
                self.verdict.add(Wrong::MissingEvent, || format!("{} is {}, which no event tells", row.id, row.state));
            }
        }
    }

    /// Every event arrived, and nothing else did.
    fn webhooks(&mut self) {
        let ids: HashSet<_> = self.books.events.iter().map(|event| event.id.as_str()).collect();
        for event in self.books.events.iter().filter(|event| !self.books.arrived.contains_key(&event.id)) {
            self.verdict.add(Wrong::MissingWebhook, || format!("{} ({}) never arrived", event.id, event.kind));
        }
        for id in self.books.arrived.keys().filter(|id| !ids.contains(id.as_str())) {
            self.verdict.add(Wrong::FalseWebhook, || format!("{id} arrived and is no event"));
        }
        for _ in 0..self.books.unverified {
            self.verdict.add(Wrong::FalseWebhook, || "a signature does not verify".to_owned());
        }
    }

    /// Every account adds up, and is that of its messages.
    fn accounts(&mut self) {
        let mut counted: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
        for row in &self.books.messages {
            let Some(campaign) = &row.campaign else { continue };
            let account = counted.entry(campaign).or_default();
            *account.entry("planned").or_default() += 1;
            *account.entry(bucket(&row.state)).or_default() += 1;
        }
        let none = BTreeMap::new();
        for account in &self.books.accounts {
            let counted = counted.get(account.campaign.as_str()).unwrap_or(&none);
            let differs = |bucket: &&str| {
                account.buckets.get(*bucket).copied().unwrap_or(0) != counted.get(*bucket).copied().unwrap_or(0)
            };
            if !account.balanced || BUCKETS.iter().any(differs) {
                self.verdict.add(Wrong::Unbalanced, || {
                    format!("{} says {:?}, and its messages are {counted:?}", account.campaign, account.buckets)
                });
            }
        }
    }
}

/// What partitions a campaign's messages, and their sum.
pub(super) const BUCKETS: [&str; 7] = ["planned", "sent", "failed", "unknown", "expired", "cancelled", "waiting"];

/// Whether an epoch is older than that of an earlier attempt of the same sender.
fn fell(attempts: &[AttemptRow]) -> bool {
    let mut latest: HashMap<&str, i64> = HashMap::new();
    attempts.iter().any(|attempt| {
        let before = latest.insert(&attempt.sender, attempt.epoch);
        before.is_some_and(|before| before > attempt.epoch)
    })
}

/// The bucket of a state.
fn bucket(state: &str) -> &str {
    match state {
        "delivered" | "read" => "sent",
        "sending" => "waiting",
        other => other,
    }
}

fn figures(books: &Books) -> Figures {
    let of = |wanted: &str| books.messages.iter().filter(|row| bucket(&row.state) == wanted).count();
    Figures {
        accepted: books.accepted.count(),
        messages: books.messages.len(),
        excluded: books.exclusions.len(),
        sent: of("sent"),
        failed: of("failed"),
        cancelled: of("cancelled"),
        expired: of("expired"),
        unknown: of("unknown"),
        physical_sends: books.journal.len(),
        repeats: books.journal.iter().filter(|line| line.repeat).count(),
        repeats_dropped: books.journal.iter().filter(|line| line.repeat && !line.seen).count(),
        events: books.events.len(),
        webhooks: books.arrived.values().map(|&count| count as usize).sum(),
    }
}
