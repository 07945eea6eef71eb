//! The journal's lines and what they add up to: the judge of every test on duplicates and losses.
//!
//! The tally keeps 16 bytes of hash per distinct message, so that it knows repeats for as long as the journal lives.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::draw::hex;

/// One physical send, as written to the journal before the send is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine<'a> {
    /// The line's number, from 1.
    pub n: u64,
    /// When the network took the send: campaign time, RFC 3339.
    pub at: &'a str,
    /// Who sent, in E.164.
    pub sender: &'a str,
    /// To whom, in E.164.
    pub recipient: &'a str,
    /// The message's id.
    pub id: &'a str,
    /// The first 16 bytes of the text's SHA-256, in hexadecimal.
    pub text_hash: &'a str,
    /// Whether this sender had sent this id to this recipient before.
    pub repeat: bool,
    /// Whether the network shows it to the recipient: not when it drops the repeat, or a fault drops the message.
    pub seen: bool,
}

/// What the journal adds up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JournalSummary {
    /// Lines: sends that the network took.
    pub physical_sends: u64,
    /// Different (recipient, message id) pairs among them.
    pub distinct_messages: u64,
    /// Of these, how many the recipient sees at least once.
    pub messages_seen: u64,
    /// Of these, how many the recipient sees twice or more.
    pub duplicates: u64,
    /// Sends of an id that the sender had sent to the recipient before.
    pub repeats: u64,
    /// Of these, how many the recipient does not see.
    pub repeats_dropped: u64,
}

/// One message that a person saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxItem {
    /// The number of the journal line.
    pub n: u64,
    /// When the network took it: campaign time, RFC 3339.
    pub at: String,
    /// Who sent, in E.164.
    pub sender: String,
    /// The message's id.
    pub id: String,
    /// The first 16 bytes of the text's SHA-256, in hexadecimal.
    pub text_hash: String,
    /// The text, for the most recent messages of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Names a (recipient, message id) pair.
pub(crate) type MessageKey = u128;

pub(crate) fn message_key(recipient: &str, id: &str) -> MessageKey {
    let mut hash = Sha256::new();
    hash.update(recipient);
    hash.update([0]);
    hash.update(id);
    let digest: [u8; 32] = hash.finalize().into();
    u128::from_le_bytes(std::array::from_fn(|index| digest[index]))
}

pub(crate) fn text_hash(text: &str) -> String {
    hex(&Sha256::digest(text)[..16])
}

/// Adds lines up.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    messages: HashMap<MessageKey, Fate>,
    /// Senders of a message beyond the first one: a message that changes its sender is rare.
    more_senders: HashSet<(MessageKey, u32)>,
    summary: JournalSummary,
}

#[derive(Debug, Clone, Copy)]
struct Fate {
    first_sender: u32,
    sightings: u8,
}

impl Tally {
    /// Whether the sender sent this message before.
    pub(crate) fn is_repeat(&self, key: MessageKey, sender: u32) -> bool {
        self.messages
            .get(&key)
            .is_some_and(|fate| fate.first_sender == sender || self.more_senders.contains(&(key, sender)))
    }

    /// Adds one physical send; its line number.
    pub(crate) fn record(&mut self, key: MessageKey, sender: u32, line: Sighting) -> u64 {
        let repeat = self.is_repeat(key, sender);
        let summary = &mut self.summary;
        summary.physical_sends += 1;
        summary.repeats += u64::from(repeat);
        let fate = self.messages.entry(key).or_insert_with(|| {
            summary.distinct_messages += 1;
            Fate { first_sender: sender, sightings: 0 }
        });
        if !repeat && fate.first_sender != sender {
            self.more_senders.insert((key, sender));
        }
        match line {
            Sighting::Seen => {
                fate.sightings = fate.sightings.saturating_add(1);
                match fate.sightings {
                    1 => summary.messages_seen += 1,
                    2 => summary.duplicates += 1,
                    _ => {}
                }
            }
            Sighting::Unseen => summary.repeats_dropped += u64::from(repeat),
        }
        summary.physical_sends
    }

    pub(crate) fn summary(&self) -> JournalSummary {
        self.summary
    }
}

/// Whether the recipient sees a physical send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sighting {
    Seen,
    Unseen,
}

impl Sighting {
    pub(crate) fn of(seen: bool) -> Self {
        if seen { Self::Seen } else { Self::Unseen }
    }
}

/// What a person saw, read from the first `end` bytes of the journal.
pub(crate) fn read_inbox(path: &Path, end: u64, recipient: &str) -> io::Result<Vec<InboxItem>> {
    use io::{BufRead, Read};
    let mut found = Vec::new();
    let mut reader = io::BufReader::with_capacity(1 << 16, std::fs::File::open(path)?.take(end));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let parsed: JournalLine<'_> = serde_json::from_slice(&line)?;
        if parsed.recipient == recipient && parsed.seen {
            found.push(InboxItem {
                n: parsed.n,
                at: parsed.at.to_owned(),
                sender: parsed.sender.to_owned(),
                id: parsed.id.to_owned(),
                text_hash: parsed.text_hash.to_owned(),
                text: None,
            });
        }
        line.clear();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Sighting, Tally, message_key};

    #[test]
    fn a_message_from_two_senders_is_no_repeat_but_a_duplicate() {
        let mut tally = Tally::default();
        let key = message_key("+15550177", "A");
        tally.record(key, 1, Sighting::Seen);
        assert!(!tally.is_repeat(key, 2));
        tally.record(key, 2, Sighting::Seen);
        assert!(tally.is_repeat(key, 2));
        let summary = tally.summary();
        assert_eq!((summary.distinct_messages, summary.duplicates, summary.repeats), (1, 1, 0));
    }

    #[test]
    fn a_dropped_repeat_is_counted_and_not_seen() {
        let mut tally = Tally::default();
        let key = message_key("+15550177", "A");
        tally.record(key, 1, Sighting::Seen);
        tally.record(key, 1, Sighting::Unseen);
        let summary = tally.summary();
        assert_eq!((summary.physical_sends, summary.repeats_dropped, summary.duplicates), (2, 1, 0));
    }
}
