//! Releasing: where anything is due, and the claims on it.

use std::collections::{BTreeMap, HashMap, HashSet};

use paceline_store::release::ReleaseRound;

use crate::{prelude::*, senders::select_sender};

const CLAIM: Bulk = Bulk {
    head: "WITH v (seq, sender_id) AS (VALUES",
    row: "(?, ?)",
    tail: concat!(
        ") UPDATE messages SET sender_id = v.sender_id, release_generation = release_generation + 1, release_deadline = ",
        real_now!(),
        " + ?1 FROM v WHERE messages.seq = v.seq"
    ),
};

#[async_trait]
impl ReleaseRows for Tx {
    async fn lock_round(&mut self) -> Fallible<ReleaseRound> {
        self.find(sqlx::query("SELECT round FROM release_rounds"), columns::round).await.map(or_first)
    }

    async fn advance_round(&mut self) -> Fallible<()> {
        self.run(sqlx::query("UPDATE release_rounds SET round = round + 1")).await
    }

    async fn list_takers(&mut self, senders: &[SenderId]) -> Fallible<Vec<TakerRow>> {
        let query = sqlx::query(
            "SELECT s.id, pm.pool_id, EXISTS (SELECT 1 FROM messages m INDEXED BY messages_due_bound \
                WHERE m.sender_id = s.id AND m.state = 'waiting' AND m.release_deadline IS NULL) AS has_bound \
             FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) \
             LEFT JOIN pool_members pm ON pm.sender_id = s.id WHERE s.state = 'active' \
                AND s.session_state = 'connected'",
        );
        columns::takers(&self.all(query.bind(json_ids(senders.iter().copied()))).await?)
    }

    async fn list_pools_with_singles(&mut self, pools: &[PoolId]) -> Fallible<Vec<PoolId>> {
        let query = sqlx::query(
            "SELECT p.id FROM json_each(?1) j CROSS JOIN pools p ON p.id = unhex(j.value) \
             WHERE EXISTS (SELECT 1 FROM messages m INDEXED BY messages_due_in_pool WHERE m.pool_id = p.id \
                AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL) \
             ORDER BY p.id",
        );
        let query = query.bind(json_ids(pools.iter().copied()));
        self.list(query, columns::id("pools")).await
    }

    async fn list_bound_singles(
        &mut self,
        senders: &[(SenderId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        const FIND: &str = concat!(
            "SELECT ",
            due_columns!(),
            " FROM json_each(?1) j CROSS JOIN messages m WHERE m.seq IN \
                (SELECT x.seq FROM messages x INDEXED BY messages_due_bound \
                 WHERE x.sender_id = unhex(j.value) AND x.campaign_id IS NULL AND x.lane = ?4 AND x.not_before < ?2 \
                    AND x.state = 'waiting' AND x.release_deadline IS NULL ORDER BY x.not_before, x.seq LIMIT ?3)"
        );
        let mut found = Vec::new();
        for (most, senders) in by_room(senders) {
            let query = sqlx::query(FIND).bind(json_ids(senders)).bind(micros(due_before)).bind(most);
            found.append(&mut self.all_due(query.bind(lane.as_str()), None).await?);
        }
        found.sort_unstable_by_key(|due| (due.not_before, due.seq));
        Ok(cut(found, senders))
    }

    async fn list_bound_of_campaigns(
        &mut self,
        senders: &[(SenderId, u32)],
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        const FIND: &str = concat!(
            "SELECT ",
            due_columns!(),
            ", c.started_at, c.created_at FROM json_each(?1) j CROSS JOIN campaigns c CROSS JOIN messages m \
             WHERE c.state = 'running' AND m.seq IN \
                (SELECT x.seq FROM messages x INDEXED BY messages_due_bound \
                 WHERE x.sender_id = unhex(j.value) AND x.campaign_id = c.id AND x.lane = 'campaign' AND x.not_before < ?2 \
                    AND x.state = 'waiting' AND x.release_deadline IS NULL ORDER BY x.not_before, x.seq LIMIT ?3)"
        );
        let mut found = Vec::new();
        for (most, senders) in by_room(senders) {
            let query = sqlx::query(FIND).bind(json_ids(senders)).bind(micros(due_before)).bind(most);
            for row in &self.all(query).await? {
                let cells = Cells::new("campaigns", row);
                let start = (cells.opt_number("started_at")?, cells.number("created_at")?);
                found.push((start, columns::due(row, None)?));
            }
        }
        found.sort_unstable_by_key(|(start, due)| (*start, due.campaign, due.not_before, due.seq));
        Ok(cut(found.into_iter().map(|(_, due)| due).collect(), senders))
    }

    async fn list_pool_singles(
        &mut self,
        pools: &[(PoolId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        let mut found = Vec::new();
        for &(pool, most) in pools {
            let query = sqlx::query(concat!(
                "SELECT ",
                due_columns!(),
                " FROM messages m INDEXED BY messages_due_in_pool \
                 WHERE m.pool_id = ?1 AND m.lane = ?2 AND m.not_before < ?3 AND m.state = 'waiting' \
                    AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL \
                 ORDER BY m.not_before, m.seq LIMIT ?4"
            ));
            let query = query.bind(blob(pool)).bind(lane.as_str()).bind(micros(due_before)).bind(most);
            found.append(&mut self.all_due(query, Some(pool)).await?);
        }
        Ok(found)
    }

    async fn list_campaigns_with_due(&mut self, due_before: DateTime<Utc>) -> Fallible<Vec<(CampaignId, PoolId)>> {
        let query = sqlx::query(
            "SELECT c.id, p.id AS pool_id FROM campaigns c JOIN pools p ON p.workspace_id = c.workspace_id AND p.name = c.pool \
             WHERE c.state = 'running' AND EXISTS (SELECT 1 FROM messages m INDEXED BY messages_due \
                WHERE m.campaign_id = c.id AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL \
                    AND m.not_before < ?1) ORDER BY c.started_at, c.created_at, c.id",
        );
        self.list(query.bind(micros(due_before)), columns::source).await
    }

    async fn list_due_of_campaigns(
        &mut self,
        queries: &[DueQuery],
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        let mut found = Vec::new();
        for asked in queries {
            let query = sqlx::query(concat!(
                "SELECT ",
                due_columns!(),
                " FROM messages m INDEXED BY messages_due \
                 WHERE m.campaign_id = ?1 AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL \
                    AND m.not_before < ?2 AND (m.not_before, m.seq) > (?4, ?5) ORDER BY m.not_before, m.seq LIMIT ?3"
            ));
            let (after_time, after_seq) = asked.after.map_or((-1, 0), |(at, seq)| (micros(at), seq));
            let query = query.bind(blob(asked.campaign)).bind(micros(due_before)).bind(asked.most);
            found.append(&mut self.all_due(query.bind(after_time).bind(after_seq), Some(asked.pool)).await?);
        }
        Ok(found)
    }

    /// Nothing has moved since it was found due: this transaction is alone.
    async fn claim_messages(&mut self, due: &[(&DueRow, SenderId)], hold: Duration) -> Fallible<HashSet<i64>> {
        CLAIM
            .run(
                self,
                due,
                |values| {
                    values.add(duration_micros(hold));
                },
                |values, (due, sender)| {
                    values.add(due.seq).add(blob(*sender));
                },
            )
            .await?;
        Ok(due.iter().map(|(due, _)| due.seq).collect())
    }
}

impl Tx {
    async fn all_due(&mut self, query: Bound<'_>, pool: Option<PoolId>) -> Fallible<Vec<DueRow>> {
        self.list(query, |row| columns::due(row, pool)).await
    }
}

/// The senders of those named that can be given anything, with what they have been given.
macro_rules! select_window {
    ($senders:literal) => {
        select_sender!(
            ", (SELECT count(*) FROM messages m WHERE m.sender_id = s.id AND m.release_deadline > ",
            real_now!(),
            ") AS outstanding",
            $senders,
            " WHERE s.state = 'active' AND s.session_state = 'connected' ORDER BY s.created_at, s.id"
        )
    };
}

/// The texts.
pub(crate) const TEXTS: ReleaseTexts = ReleaseTexts {
    find_round: "SELECT round FROM release_rounds",
    list_windows: select_window!(" FROM senders s"),
    list_windows_of: select_window!(" FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value)"),
};

/// The round, which is the first where none has been noted.
fn or_first(round: Option<ReleaseRound>) -> ReleaseRound {
    round.unwrap_or(ReleaseRound(0))
}

/// Senders in groups of like room, each with a limit that suits the group: a statement has but one. What that reads beyond a sender's
/// own room is [`cut`].
fn by_room(senders: &[(SenderId, u32)]) -> BTreeMap<u32, Vec<SenderId>> {
    let mut groups: BTreeMap<u32, Vec<SenderId>> = BTreeMap::new();
    for &(sender, most) in senders {
        groups.entry(most.checked_next_power_of_two().unwrap_or(u32::MAX)).or_default().push(sender);
    }
    groups
}

/// Leaves of each campaign and sender the first, as many as the sender may take.
fn cut(mut due: Vec<DueRow>, senders: &[(SenderId, u32)]) -> Vec<DueRow> {
    let most: HashMap<SenderId, u32> = senders.iter().copied().collect();
    let mut left: HashMap<(Option<CampaignId>, SenderId), u32> = HashMap::new();
    due.retain(|due| {
        let Some(sender) = due.bound_to else { return false };
        let left = left.entry((due.campaign, sender)).or_insert_with(|| most.get(&sender).copied().unwrap_or(0));
        let has_room = *left > 0;
        *left = left.saturating_sub(1);
        has_room
    });
    due
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use paceline_domain::{Address, CampaignId, Generation, Lane, MessageId, SenderId};
    use paceline_ledger::rows::DueRow;

    use super::{by_room, cut};

    fn sender(byte: u8) -> SenderId {
        SenderId::from_bytes([byte; 16])
    }

    fn due(seq: i64, campaign: u8, to: u8) -> DueRow {
        DueRow {
            seq,
            id: MessageId::from_bytes([0; 16]),
            campaign: Some(CampaignId::from_bytes([campaign; 16])),
            lane: Lane::Campaign,
            bound_to: Some(sender(to)),
            not_before: DateTime::UNIX_EPOCH,
            generation: Generation(0),
            to: Address { phone: None, business_scoped_id: None, linked_id: Some(seq.to_string()) },
            chars: 1,
            pool: None,
        }
    }

    #[test]
    fn senders_of_like_room_share_a_statement_that_reads_enough_for_each() {
        let groups = by_room(&[(sender(1), 3), (sender(2), 4), (sender(3), 1), (sender(4), u32::MAX)]);
        let groups: Vec<_> = groups.into_iter().collect();
        assert_eq!(groups[0], (1, vec![sender(3)]));
        assert_eq!(groups[1], (4, vec![sender(1), sender(2)]));
        assert_eq!(groups[2], (u32::MAX, vec![sender(4)]));
    }

    #[test]
    fn no_sender_gets_more_of_a_campaign_than_it_has_room_for() {
        let found = vec![due(1, 1, 1), due(2, 1, 1), due(3, 2, 1), due(4, 1, 2), due(5, 1, 2), due(6, 1, 2)];
        let left = cut(found, &[(sender(1), 1), (sender(2), 2)]);
        assert_eq!(left.iter().map(|due| due.seq).collect::<Vec<_>>(), [1, 3, 4, 5]);
    }
}
