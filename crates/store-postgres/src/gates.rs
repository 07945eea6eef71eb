//! Gates: advisory locks that end with their transaction, for orders that no row lock gives.
//!
//! Many pass a gate at once, one closes it, and whoever waits stands in a queue. A row would not do: one that many transactions lock
//! for sharing, each a little longer than the one before, is never free for the one that wants to change it, and a suppression
//! that is not written yet has no row.
//!
//! - An intent passes the gates of its messages' **campaigns**; a pause or a cancellation closes the campaign's.
//! - An intent passes the gates of its messages' **people**, and so does a message that is accepted; a suppression closes the person's.
//!
//! Gates are passed before what they guard is read, in a statement of their own: a statement sees what was committed when it
//! began, not what was committed while it waited. So what an intent reads behind the gates stays true until its commit. Two
//! campaigns, or two people, that share a gate only wait for each other without need.

use paceline_domain::{AddressHash, CampaignId, MessageId};
use sqlx::types::Uuid;

use crate::{
    error::Fallible,
    transaction::Tx,
    values::{hash, uuid, uuids},
};

/// What is guarded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gate {
    /// The state of a campaign.
    Campaign(CampaignId),
    /// Whether a person may be contacted.
    Person(AddressHash),
}

/// The number of a campaign's gate: the end of its id, which is random.
macro_rules! gate_of_campaign {
    ($campaign:literal) => {
        concat!("get_byte(uuid_send(", $campaign, "), 14) * 256 + get_byte(uuid_send(", $campaign, "), 15)")
    };
}

/// The number of a person's gate. The server's table of locks is small, and an intent names up to 64 people: all people share 256
/// gates.
macro_rules! gate_of_person {
    ($hash:literal) => {
        concat!("get_byte(", $hash, ", 0)")
    };
}

/// The gates of campaigns `$1` and people `$2` to be locked by a function, in one order, so that nobody waits for a gate while holding a
/// later one.
macro_rules! lock_gates {
    ($function:literal) => {
        concat!(
            "SELECT ",
            $function,
            "(g.kind, g.number) FROM (SELECT 1 AS kind, ",
            gate_of_campaign!("c.id"),
            " AS number FROM unnest($1::uuid[]) AS c (id) UNION SELECT 2, ",
            gate_of_person!("p.hash"),
            " FROM unnest($2::bytea[]) AS p (hash) ORDER BY kind, number) g"
        )
    };
}

impl Tx {
    /// Passes gates together with others, until the transaction ends.
    pub(crate) async fn pass_gates(&mut self, gates: Vec<Gate>) -> Fallible<()> {
        self.lock_gates(lock_gates!("pg_advisory_xact_lock_shared"), gates).await
    }

    /// Closes gates behind everyone who has passed them, until the transaction ends.
    pub(crate) async fn close_gates(&mut self, gates: Vec<Gate>) -> Fallible<()> {
        self.lock_gates(lock_gates!("pg_advisory_xact_lock"), gates).await
    }

    async fn lock_gates(&mut self, statement: &'static str, gates: Vec<Gate>) -> Fallible<()> {
        if gates.is_empty() {
            return Ok(());
        }
        let (mut campaigns, mut people): (Vec<Uuid>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        for gate in gates {
            match gate {
                Gate::Campaign(campaign) => campaigns.push(uuid(campaign)),
                Gate::Person(person) => people.push(hash(person)),
            }
        }
        self.all(sqlx::query(statement).bind(campaigns).bind(people)).await.map(|_| ())
    }

    /// Passes the gates of messages: of their campaigns and their people.
    pub(crate) async fn pass_gates_of(&mut self, messages: impl IntoIterator<Item = MessageId>) -> Fallible<()> {
        let pass = sqlx::query(concat!(
            "SELECT pg_advisory_xact_lock_shared(g.kind, g.number) FROM (SELECT DISTINCT v.kind, v.number FROM messages m \
                CROSS JOIN LATERAL (VALUES (1, ",
            gate_of_campaign!("m.campaign_id"),
            "), (2, ",
            gate_of_person!("m.hash"),
            ")) AS v (kind, number) WHERE m.id = ANY($1) AND v.number IS NOT NULL ORDER BY v.kind, v.number) g"
        ));
        self.all(pass.bind(uuids(messages))).await.map(|_| ())
    }
}
