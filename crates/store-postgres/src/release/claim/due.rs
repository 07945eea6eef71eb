//! Where anything is due. Three questions tell: which of the senders have messages of their own, which pools have transactional
//! messages, which running campaigns have any. Only those sources are read, each up to the room there is.
//!
//! Each source is looked into by its index, whatever the statistics make of it: `LATERAL` with a limit, and `OFFSET 0`, keep the
//! planner from turning a question about one source into a walk through all of them.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};
use paceline_domain::{Address, CampaignId, Generation, Lane, MessageId, PoolId, SenderId};
use sqlx::postgres::PgRow;

use super::fleet::Fleet;
use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    transaction::{Bound, Tx},
    values::{uuid, uuids},
};

/// The columns of a [`Due`]; the table is named `m`.
macro_rules! due_columns {
    () => {
        "m.seq, m.id, m.campaign_id, m.lane, m.sender_id, m.not_before, m.release_generation, m.phone, m.business_scoped_id, \
         m.linked_id, m.chars"
    };
}

/// A message that may be claimed.
pub(super) struct Due {
    pub(super) seq: i64,
    pub(super) id: MessageId,
    pub(super) campaign: Option<CampaignId>,
    pub(super) lane: Lane,
    pub(super) bound_to: Option<SenderId>,
    pub(super) not_before: DateTime<Utc>,
    pub(super) generation: Generation,
    pub(super) to: Address,
    pub(super) chars: u32,
    /// The pool whose senders may take it, unless it is bound.
    pub(super) pool: Option<PoolId>,
}

fn read_due(row: &PgRow) -> Fallible<Due> {
    let cells = Cells::new("messages", row);
    Ok(Due {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        campaign: cells.opt_id("campaign_id")?,
        lane: cells.word("lane")?,
        bound_to: cells.opt_id("sender_id")?,
        not_before: cells.time("not_before")?,
        generation: Generation(cells.small("release_generation")?),
        to: cells.address()?,
        chars: cells.small("chars")?,
        pool: cells.opt_id("pool")?,
    })
}

/// A campaign with something due.
struct Source {
    campaign: CampaignId,
    pool: PoolId,
    /// How many of its messages were found.
    found: u32,
    /// The last of them.
    after: (DateTime<Utc>, MessageId),
}

/// A campaign that is asked for so many of its messages.
struct Asked {
    source: Source,
    most: u32,
}

/// What comes before every message: no message is due before the epoch, which stands for "at once".
const FIRST: (DateTime<Utc>, MessageId) = (DateTime::UNIX_EPOCH, MessageId::from_bytes([0; 16]));

impl Tx {
    pub(super) async fn find_pools_with_singles(&mut self, fleet: &Fleet) -> Fallible<Vec<PoolId>> {
        let query = sqlx::query(
            "SELECT p.id FROM pools p WHERE p.id = ANY($1) AND EXISTS (SELECT 1 FROM messages m WHERE m.pool_id = p.id \
                AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL OFFSET 0) \
             ORDER BY p.id",
        );
        let pools: HashSet<PoolId> = fleet.pools.iter().flatten().copied().collect();
        self.all(query.bind(uuids(pools))).await?.iter().map(|row| Cells::new("pools", row).id("id")).collect()
    }

    pub(super) async fn find_bound_singles(
        &mut self,
        fleet: &Fleet,
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<Due>> {
        const FIND: &str = concat!(
            "SELECT m.*, NULL::uuid AS pool FROM unnest($1::uuid[], $2::bigint[]) AS j (sender_id, most) CROSS JOIN LATERAL (SELECT ",
            due_columns!(),
            " FROM messages m WHERE m.sender_id = j.sender_id AND m.campaign_id IS NULL AND m.lane = $3 AND m.not_before < $4 \
                AND m.state = 'waiting' AND m.release_deadline IS NULL \
                ORDER BY m.sender_id, m.campaign_id, m.lane, m.not_before, m.id LIMIT j.most) m"
        );
        let (senders, most) = bind_rooms(fleet);
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(FIND).bind(senders).bind(most).bind(lane.as_str()).bind(due_before);
        let mut found = self.read_all_due(query).await?;
        found.sort_unstable_by_key(|due| (due.not_before, due.id));
        Ok(found)
    }

    pub(super) async fn find_bound_of_campaigns(
        &mut self,
        fleet: &Fleet,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<Due>> {
        const FIND: &str = concat!(
            "SELECT m.*, NULL::uuid AS pool FROM unnest($1::uuid[], $2::bigint[]) AS j (sender_id, most) \
             CROSS JOIN (SELECT id, started_at FROM campaigns WHERE state = 'running') c CROSS JOIN LATERAL (SELECT ",
            due_columns!(),
            " FROM messages m WHERE m.sender_id = j.sender_id AND m.campaign_id = c.id AND m.lane = 'campaign' \
                AND m.not_before < $3 AND m.state = 'waiting' AND m.release_deadline IS NULL \
                ORDER BY m.sender_id, m.campaign_id, m.lane, m.not_before, m.id LIMIT j.most) m ORDER BY c.started_at, c.id"
        );
        let (senders, most) = bind_rooms(fleet);
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.read_all_due(sqlx::query(FIND).bind(senders).bind(most).bind(due_before)).await?;
        Ok(in_turn(found))
    }

    pub(super) async fn find_pool_singles(
        &mut self,
        fleet: &Fleet,
        pools: &[PoolId],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<Due>> {
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(concat!(
            "SELECT m.*, j.pool FROM unnest($1::uuid[], $2::bigint[]) AS j (pool, most) CROSS JOIN LATERAL (SELECT ",
            due_columns!(),
            " FROM messages m WHERE m.pool_id = j.pool AND m.lane = $3 AND m.not_before < $4 AND m.state = 'waiting' \
                AND m.release_deadline IS NULL AND m.sender_id IS NULL AND m.campaign_id IS NULL \
                ORDER BY m.not_before, m.id LIMIT j.most) m"
        ));
        let most = column(pools, |pool| i64::from(fleet.room_of(*pool)));
        let query = query.bind(uuids(pools.iter().copied())).bind(most).bind(lane.as_str()).bind(due_before);
        let mut found = self.read_all_due(query).await?;
        found.sort_unstable_by_key(|due| (due.not_before, due.id));
        Ok(found)
    }

    /// Every campaign is asked for its share first, so that many campaigns cost no more than one; what some leave goes to
    /// those that have more.
    pub(super) async fn find_due_of_campaigns(
        &mut self,
        fleet: &Fleet,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<Due>> {
        let mut sources = self.find_campaigns_with_due(fleet, due_before).await?;
        let mut found: Vec<Due> = Vec::new();
        while !sources.is_empty() && u32::try_from(found.len()).unwrap_or(u32::MAX) < fleet.left {
            let left = fleet.left - u32::try_from(found.len()).unwrap_or(u32::MAX);
            let share = left.div_ceil(u32::try_from(sources.len()).unwrap_or(1));
            let most = |source: &Source| share.min(fleet.room_of(source.pool).saturating_sub(source.found));
            let asked = sources.into_iter().map(|source| Asked { most: most(&source), source });
            let asked: Vec<Asked> = asked.filter(|asked| asked.most > 0).collect();
            let mut due = self.find_due_of_sources(&asked, due_before).await?;
            sources = those_with_more(asked, &due);
            found.append(&mut due);
        }
        Ok(in_turn(found))
    }

    async fn find_campaigns_with_due(&mut self, fleet: &Fleet, due_before: DateTime<Utc>) -> Fallible<Vec<Source>> {
        let query = sqlx::query(
            "SELECT c.id, p.id AS pool_id FROM campaigns c JOIN pools p ON p.workspace_id = c.workspace_id AND p.name = c.pool \
             WHERE c.state = 'running' AND EXISTS (SELECT 1 FROM messages m \
                WHERE m.campaign_id = c.id AND m.state = 'waiting' AND m.release_deadline IS NULL AND m.sender_id IS NULL \
                    AND m.not_before < $1 OFFSET 0) ORDER BY c.started_at, c.id",
        );
        let mut sources = Vec::new();
        for row in &self.all(query.bind(due_before)).await? {
            let cells = Cells::new("campaigns", row);
            let (campaign, pool) = (cells.id("id")?, cells.id("pool_id")?);
            if fleet.room_of(pool) > 0 {
                sources.push(Source { campaign, pool, found: 0, after: FIRST });
            }
        }
        Ok(sources)
    }

    async fn find_due_of_sources(&mut self, asked: &[Asked], due_before: DateTime<Utc>) -> Fallible<Vec<Due>> {
        let query = sqlx::query(concat!(
            "SELECT m.*, j.pool FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::uuid[]) \
                WITH ORDINALITY AS j (campaign_id, pool, most, after_time, after_id, place) CROSS JOIN LATERAL (SELECT ",
            due_columns!(),
            " FROM messages m WHERE m.campaign_id = j.campaign_id AND m.state = 'waiting' AND m.release_deadline IS NULL \
                AND m.sender_id IS NULL AND m.not_before < $6 AND (m.not_before, m.id) > (j.after_time, j.after_id) \
                ORDER BY m.not_before, m.id LIMIT j.most) m ORDER BY j.place, m.not_before, m.id"
        ));
        let query = query
            .bind(column(asked, |asked| uuid(asked.source.campaign)))
            .bind(column(asked, |asked| uuid(asked.source.pool)))
            .bind(column(asked, |asked| i64::from(asked.most)))
            .bind(column(asked, |asked| asked.source.after.0))
            .bind(column(asked, |asked| uuid(asked.source.after.1)));
        self.read_all_due(query.bind(due_before)).await
    }

    async fn read_all_due(&mut self, query: Bound<'_>) -> Fallible<Vec<Due>> {
        self.all(query).await?.iter().map(read_due).collect()
    }
}

/// The sources that gave all they were asked for, and so may have more.
fn those_with_more(asked: Vec<Asked>, due: &[Due]) -> Vec<Source> {
    let mut given: HashMap<CampaignId, (u32, (DateTime<Utc>, MessageId))> = HashMap::new();
    for due in due {
        if let Some(campaign) = due.campaign {
            let (count, last) = given.entry(campaign).or_insert((0, FIRST));
            *count += 1;
            *last = (due.not_before, due.id);
        }
    }
    let more = asked.into_iter().filter_map(|Asked { mut source, most }| {
        let (count, last) = given.get(&source.campaign).copied()?;
        source.found += count;
        source.after = last;
        (count == most).then_some(source)
    });
    more.collect()
}

fn bind_rooms(fleet: &Fleet) -> (Vec<sqlx::types::Uuid>, Vec<i64>) {
    fleet.bound_rooms().into_iter().map(|(sender, most)| (uuid(sender), i64::from(most))).unzip()
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
