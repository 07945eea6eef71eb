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

use crate::{bulk::column, error::Fallible, transaction::Tx, values::uuids};

/// What is guarded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gate {
    /// The state of a campaign.
    Campaign(CampaignId),
    /// Whether a person may be contacted.
    Person(AddressHash),
}

impl Gate {
    /// The two numbers that name the lock: a kind, and the end of an id or the beginning of a hash. The server's table of locks is
    /// small, so people, of whom an intent names up to 64, share 256 gates. [`Tx::pass_gates_of`] reckons the same.
    fn name(self) -> (i32, i32) {
        match self {
            Self::Campaign(id) => {
                let bytes = id.to_bytes();
                (1, i32::from(u16::from_be_bytes([bytes[14], bytes[15]])))
            }
            Self::Person(hash) => (2, i32::from(hash.to_bytes()[0])),
        }
    }
}

impl Tx {
    /// Passes gates together with others, until the transaction ends.
    pub(crate) async fn pass_gates(&mut self, gates: Vec<Gate>) -> Fallible<()> {
        let pass = "SELECT pg_advisory_xact_lock_shared(g.kind, g.number) FROM unnest($1::integer[], $2::integer[]) AS g (kind, number)";
        self.lock_gates(pass, gates).await
    }

    /// Closes gates behind everyone who has passed them, until the transaction ends.
    pub(crate) async fn close_gates(&mut self, gates: Vec<Gate>) -> Fallible<()> {
        let close = "SELECT pg_advisory_xact_lock(g.kind, g.number) FROM unnest($1::integer[], $2::integer[]) AS g (kind, number)";
        self.lock_gates(close, gates).await
    }

    /// Passes the gates of messages: of their campaigns and their people.
    pub(crate) async fn pass_gates_of(&mut self, messages: impl IntoIterator<Item = MessageId>) -> Fallible<()> {
        let pass = sqlx::query(
            "SELECT pg_advisory_xact_lock_shared(g.kind, g.number) FROM (SELECT DISTINCT v.kind, v.number FROM messages m \
                CROSS JOIN LATERAL (VALUES (2, get_byte(m.hash, 0)), \
                    (1, get_byte(uuid_send(m.campaign_id), 14) * 256 + get_byte(uuid_send(m.campaign_id), 15))) AS v (kind, number) \
                WHERE m.id = ANY($1) AND v.number IS NOT NULL ORDER BY v.kind, v.number) g",
        );
        self.all(pass.bind(uuids(messages))).await.map(|_| ())
    }

    /// In one order, so that nobody waits for a gate while holding a later one.
    async fn lock_gates(&mut self, statement: &'static str, gates: Vec<Gate>) -> Fallible<()> {
        let mut names: Vec<(i32, i32)> = gates.into_iter().map(Gate::name).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(());
        }
        let lock = sqlx::query(statement).bind(column(&names, |name| name.0)).bind(column(&names, |name| name.1));
        self.all(lock).await.map(|_| ())
    }
}
