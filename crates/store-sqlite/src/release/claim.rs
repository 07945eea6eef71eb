//! Claiming what is due, for the whole fleet in one transaction.
//!
//! Three questions tell where anything is due: which of the senders have messages of their own, which pools have transactional
//! messages, which running campaigns have any. Only those sources are read, each up to the room there is.

mod fleet;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use chrono::{DateTime, Utc};
use paceline_domain::{Address, CampaignId, Generation, Lane, MessageId, PoolId, SenderId};
use paceline_store::release::{ReleaseRound, ReleasedMessage, Room};
use sqlx::sqlite::SqliteRow;

use crate::{
    bulk::Bulk,
    cells::Cells,
    error::Fallible,
    transaction::{Bound, Tx},
    values::{blob, duration_micros, json_blobs, micros, real_now},
};
use fleet::Fleet;

/// The columns of a [`Due`]; the table is named `m`.
macro_rules! due_columns {
    () => {
        "m.seq, m.id, m.campaign_id, m.lane, m.sender_id, m.not_before, m.release_generation, m.phone, m.business_scoped_id, \
         m.linked_id, m.chars"
    };
}

/// A message that may be claimed.
struct Due {
    seq: i64,
    id: MessageId,
    campaign: Option<CampaignId>,
    lane: Lane,
    bound_to: Option<SenderId>,
    not_before: i64,
    generation: Generation,
    to: Address,
    chars: u32,
    /// The pool whose senders may take it, unless it is bound.
    pool: Option<PoolId>,
}

fn read_due(row: &SqliteRow, pool: Option<PoolId>) -> Fallible<Due> {
    let cells = Cells::new("messages", row);
    Ok(Due {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        campaign: cells.opt_id("campaign_id")?,
        lane: cells.word("lane")?,
        bound_to: cells.opt_id("sender_id")?,
        not_before: cells.number("not_before")?,
        generation: Generation(cells.small("release_generation")?),
        to: cells.address()?,
        chars: cells.small("chars")?,
        pool,
    })
}

/// What was claimed, and for whom.
type Taken = Vec<(Due, SenderId)>;

const TAKE: Bulk = Bulk {
    head: "WITH v (seq, sender_id) AS (VALUES",
    row: "(?, ?)",
    tail: concat!(
        ") UPDATE messages SET sender_id = v.sender_id, release_generation = release_generation + 1, release_deadline = ",
        real_now!(),
        " + ?1 FROM v WHERE messages.seq = v.seq"
    ),
};

impl Tx {
    pub(super) async fn claim_due(
        &mut self,
        round: ReleaseRound,
        rooms: Vec<Room>,
        due_before: DateTime<Utc>,
        hold: Duration,
    ) -> Fallible<Vec<ReleasedMessage>> {
        let current = sqlx::query("SELECT 1 FROM release_rounds WHERE round = ?1");
        if self.one(current.bind(round.0)).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut fleet = self.find_fleet(rooms).await?;
        let due_before = micros(due_before);
        let mut taken = Taken::new();
        let single_pools = self.find_pools_with_singles(&fleet).await?;
        for lane in [Lane::Reply, Lane::Transactional] {
            let bound = self.find_bound_singles(&fleet, lane, due_before).await?;
            fleet.take_bound(bound, &mut taken);
            let free = self.find_pool_singles(&fleet, &single_pools, lane, due_before).await?;
            fleet.take_free(free, &mut taken);
        }
        let bound = self.find_bound_of_campaigns(&fleet, due_before).await?;
        fleet.take_bound(bound, &mut taken);
        let free = self.find_due_of_campaigns(&fleet, due_before).await?;
        fleet.take_free(free, &mut taken);

        if taken.is_empty() {
            return Ok(Vec::new());
        }
        self.execute(sqlx::query("UPDATE release_rounds SET round = round + 1")).await?;
        taken.sort_unstable_by_key(|(due, _)| due.seq);
        TAKE.run(
            self,
            &taken,
            |values| {
                values.add(duration_micros(hold));
            },
            |values, (due, sender)| {
                values.add(due.seq).add(blob(*sender));
            },
        )
        .await?;
        // The order in which each sender should take them.
        taken.sort_unstable_by_key(|(due, _)| (due.lane, due.not_before, due.id));
        Ok(taken.into_iter().map(|(due, sender)| due.released(sender)).collect())
    }

    async fn find_pools_with_singles(&mut self, fleet: &Fleet) -> Fallible<Vec<PoolId>> {
        let query = sqlx::query(
            "SELECT p.id FROM json_each(?1) j CROSS JOIN pools p ON p.id = unhex(j.value) \
             WHERE EXISTS (SELECT 1 FROM messages m INDEXED BY messages_due_in_pool WHERE m.pool_id = p.id \
                AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL) \
             ORDER BY p.id",
        );
        let pools: HashSet<PoolId> = fleet.pools.iter().flatten().copied().collect();
        let query = query.bind(json_blobs(pools.into_iter().map(PoolId::to_bytes)));
        self.all(query).await?.iter().map(|row| Cells::new("pools", row).id("id")).collect()
    }

    async fn find_bound_singles(&mut self, fleet: &Fleet, lane: Lane, due_before: i64) -> Fallible<Vec<Due>> {
        const FIND: &str = concat!(
            "SELECT ",
            due_columns!(),
            " FROM json_each(?1) j CROSS JOIN messages m WHERE m.seq IN \
                (SELECT x.seq FROM messages x INDEXED BY messages_due_bound \
                 WHERE x.sender_id = unhex(j.value) AND x.campaign_id IS NULL AND x.lane = ?4 AND x.not_before < ?2 \
                    AND x.state = 'waiting' AND x.release_deadline IS NULL ORDER BY x.not_before, x.id LIMIT ?3)"
        );
        let mut found = Vec::new();
        for (senders, most) in fleet.bound_by_room() {
            let query = sqlx::query(FIND).bind(json_blobs(senders)).bind(due_before).bind(most).bind(lane.as_str());
            found.append(&mut self.read_all_due(query, None).await?);
        }
        found.sort_unstable_by_key(|due| (due.not_before, due.id));
        Ok(found)
    }

    async fn find_bound_of_campaigns(&mut self, fleet: &Fleet, due_before: i64) -> Fallible<Vec<Due>> {
        const FIND: &str = concat!(
            "SELECT ",
            due_columns!(),
            " FROM json_each(?1) j CROSS JOIN campaigns c CROSS JOIN messages m \
             WHERE c.state = 'running' AND m.seq IN \
                (SELECT x.seq FROM messages x INDEXED BY messages_due_bound \
                 WHERE x.sender_id = unhex(j.value) AND x.campaign_id = c.id AND x.lane = 'campaign' AND x.not_before < ?2 \
                    AND x.state = 'waiting' AND x.release_deadline IS NULL ORDER BY x.not_before, x.id LIMIT ?3)"
        );
        let mut found = Vec::new();
        for (senders, most) in fleet.bound_by_room() {
            let query = sqlx::query(FIND).bind(json_blobs(senders)).bind(due_before).bind(most);
            found.append(&mut self.read_all_due(query, None).await?);
        }
        Ok(in_turn(found))
    }

    async fn find_pool_singles(
        &mut self,
        fleet: &Fleet,
        pools: &[PoolId],
        lane: Lane,
        due_before: i64,
    ) -> Fallible<Vec<Due>> {
        let mut found = Vec::new();
        for &pool in pools {
            let query = sqlx::query(concat!(
                "SELECT ",
                due_columns!(),
                " FROM messages m INDEXED BY messages_due_in_pool \
                 WHERE m.pool_id = ?1 AND m.lane = ?2 AND m.not_before < ?3 AND m.state = 'waiting' \
                    AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL \
                 ORDER BY m.not_before, m.id LIMIT ?4"
            ));
            let query = query.bind(blob(pool)).bind(lane.as_str()).bind(due_before).bind(fleet.room_of(pool));
            found.append(&mut self.read_all_due(query, Some(pool)).await?);
        }
        found.sort_unstable_by_key(|due| (due.not_before, due.id));
        Ok(found)
    }

    /// Every campaign is asked for its share first, so that many campaigns cost no more than one; what some leave goes to
    /// those that have more.
    async fn find_due_of_campaigns(&mut self, fleet: &Fleet, due_before: i64) -> Fallible<Vec<Due>> {
        let mut campaigns = self.find_campaigns_with_due(fleet, due_before).await?;
        let mut found: Vec<Due> = Vec::new();
        while !campaigns.is_empty() && u32::try_from(found.len()).unwrap_or(u32::MAX) < fleet.left {
            let left = fleet.left - u32::try_from(found.len()).unwrap_or(u32::MAX);
            let share = left.div_ceil(u32::try_from(campaigns.len()).unwrap_or(1));
            let mut more = Vec::new();
            for mut source in campaigns {
                let most = share.min(fleet.room_of(source.pool).saturating_sub(source.found));
                if most == 0 {
                    continue;
                }
                let mut due = self.find_due_of_campaign(&source, due_before, most).await?;
                let Some(last) = due.last() else { continue };
                source.after = (last.not_before, last.id.to_bytes().to_vec());
                source.found += u32::try_from(due.len()).unwrap_or(u32::MAX);
                if u32::try_from(due.len()).ok() == Some(most) {
                    more.push(source);
                }
                found.append(&mut due);
            }
            campaigns = more;
        }
        Ok(in_turn(found))
    }

    async fn find_campaigns_with_due(&mut self, fleet: &Fleet, due_before: i64) -> Fallible<Vec<Source>> {
        let query = sqlx::query(
            "SELECT c.id, p.id AS pool_id FROM campaigns c JOIN pools p ON p.workspace_id = c.workspace_id AND p.name = c.pool \
             WHERE c.state = 'running' AND EXISTS (SELECT 1 FROM messages m INDEXED BY messages_due \
                WHERE m.campaign_id = c.id AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL \
                    AND m.not_before < ?1) ORDER BY c.started_at, c.id",
        );
        let mut sources = Vec::new();
        for row in &self.all(query.bind(due_before)).await? {
            let cells = Cells::new("campaigns", row);
            let (campaign, pool) = (cells.id("id")?, cells.id("pool_id")?);
            if fleet.room_of(pool) > 0 {
                sources.push(Source { campaign, pool, found: 0, after: (-1, Vec::new()) });
            }
        }
        Ok(sources)
    }

    async fn find_due_of_campaign(&mut self, source: &Source, due_before: i64, most: u32) -> Fallible<Vec<Due>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            due_columns!(),
            " FROM messages m INDEXED BY messages_due \
             WHERE m.campaign_id = ?1 AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL \
                AND m.not_before < ?2 AND (m.not_before, m.id) > (?4, ?5) ORDER BY m.not_before, m.id LIMIT ?3"
        ));
        let (not_before, id) = source.after.clone();
        let query = query.bind(blob(source.campaign)).bind(due_before).bind(most).bind(not_before).bind(id);
        self.read_all_due(query, Some(source.pool)).await
    }

    async fn read_all_due(&mut self, query: Bound<'_>, pool: Option<PoolId>) -> Fallible<Vec<Due>> {
        self.all(query).await?.iter().map(|row| read_due(row, pool)).collect()
    }
}

/// A campaign with something due.
struct Source {
    campaign: CampaignId,
    pool: PoolId,
    /// How many of its messages were found.
    found: u32,
    /// The last of them.
    after: (i64, Vec<u8>),
}

impl Due {
    fn released(self, sender: SenderId) -> ReleasedMessage {
        ReleasedMessage {
            message: self.id,
            generation: Generation(self.generation.0 + 1),
            sender,
            campaign: self.campaign,
            lane: self.lane,
            to: self.to,
            chars: self.chars,
        }
    }
}

/// Puts messages in the order in which campaigns take turns; within a campaign by `not_before` and id.
fn in_turn(due: Vec<Due>) -> Vec<Due> {
    let mut order: Vec<CampaignId> = Vec::new();
    let mut by_campaign: HashMap<Option<CampaignId>, Vec<Due>> = HashMap::new();
    for due in due {
        if let Some(campaign) = due.campaign
            && !by_campaign.contains_key(&due.campaign)
        {
            order.push(campaign);
        }
        by_campaign.entry(due.campaign).or_default().push(due);
    }
    let mut queues: Vec<VecDeque<Due>> = Vec::new();
    for campaign in order {
        if let Some(mut queue) = by_campaign.remove(&Some(campaign)) {
            queue.sort_unstable_by_key(|due| (due.not_before, due.id));
            queues.push(queue.into());
        }
    }
    let mut dealt = Vec::new();
    while !queues.is_empty() {
        queues.retain_mut(|queue| {
            dealt.extend(queue.pop_front());
            !queue.is_empty()
        });
    }
    dealt
}
