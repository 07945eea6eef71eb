//! Gates: advisory locks that end with their transaction, for orders that no row lock gives.
//!
//! A statement sees what was committed when it began, not what was committed while it waited: so a gate is passed in a statement of its own,
//! and what is read behind it stays true until the commit.

use sqlx::types::Uuid;

use crate::prelude::*;

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

const PASS_OF_MESSAGES: &str = concat!(
    "SELECT pg_advisory_xact_lock_shared(g.kind, g.number) FROM (SELECT DISTINCT v.kind, v.number FROM messages m \
        CROSS JOIN LATERAL (VALUES (1, ",
    gate_of_campaign!("m.campaign_id"),
    "), (2, ",
    gate_of_person!("m.hash"),
    ")) AS v (kind, number) WHERE m.id = ANY($1) AND v.number IS NOT NULL ORDER BY v.kind, v.number) g"
);

#[async_trait]
impl GateRows for Tx {
    async fn pass_gates(&mut self, gates: &[Gate]) -> Fallible<()> {
        self.lock_gates(lock_gates!("pg_advisory_xact_lock_shared"), gates).await
    }

    async fn pass_gates_of(&mut self, messages: &[MessageId]) -> Fallible<()> {
        if messages.is_empty() {
            return Ok(());
        }
        self.run(sqlx::query(PASS_OF_MESSAGES).bind(uuids(messages.iter().copied()))).await
    }

    async fn close_gates(&mut self, gates: &[Gate]) -> Fallible<()> {
        self.lock_gates(lock_gates!("pg_advisory_xact_lock"), gates).await
    }
}

impl Tx {
    async fn lock_gates(&mut self, statement: &'static str, gates: &[Gate]) -> Fallible<()> {
        if gates.is_empty() {
            return Ok(());
        }
        let (mut campaigns, mut people): (Vec<Uuid>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        for gate in gates {
            match gate {
                Gate::Campaign(campaign) => campaigns.push(uuid(*campaign)),
                Gate::Person(person) => people.push(hash(*person)),
            }
        }
        self.run(sqlx::query(statement).bind(campaigns).bind(people)).await
    }
}
