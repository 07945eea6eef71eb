//! Releasing.

use paceline_domain::{CampaignId, Generation, PoolId};
use paceline_store::release::{ReleaseRound, SenderWindow};

use crate::{
    Fallible,
    columns::{Cells, Columns, sender},
    rows::{DueRow, TakerRow},
};

/// The columns of a message that is due; the table is named `m`.
#[macro_export]
macro_rules! due_columns {
    () => {
        "m.seq, m.id, m.campaign_id, m.lane, m.sender_id, m.not_before, m.release_generation, m.phone, m.business_scoped_id, \
         m.linked_id, m.chars"
    };
}

/// The senders of rows, of which there is one for each pool of a sender; those of a sender follow each other.
pub fn takers<R: Columns>(rows: &[R]) -> Fallible<Vec<TakerRow>> {
    let mut takers: Vec<TakerRow> = Vec::new();
    for row in rows {
        let cells = Cells::new("senders", row);
        let (sender, pool) = (cells.id("id")?, cells.opt_id("pool_id")?);
        if let Some(taker) = takers.last_mut().filter(|taker| taker.sender == sender) {
            taker.pools.extend(pool);
            continue;
        }
        takers.push(TakerRow { sender, pools: pool.into_iter().collect(), has_bound: cells.flag("has_bound")? });
    }
    Ok(takers)
}

/// A campaign that has something due, and its pool.
pub fn source<R: Columns>(row: &R) -> Fallible<(CampaignId, PoolId)> {
    let cells = Cells::new("campaigns", row);
    Ok((cells.id("id")?, cells.id("pool_id")?))
}

/// A message that is due; `pool` is whose it is, when it is not bound.
pub fn due<R: Columns>(row: &R, pool: Option<PoolId>) -> Fallible<DueRow> {
    let cells = Cells::new("messages", row);
    Ok(DueRow {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        campaign: cells.opt_id("campaign_id")?,
        lane: cells.word("lane")?,
        bound_to: cells.opt_id("sender_id")?,
        not_before: cells.time("not_before")?,
        generation: Generation(cells.small("release_generation")?),
        to: cells.address()?,
        chars: cells.small("chars")?,
        pool,
    })
}

/// A sender, and how much it has been given.
pub fn window<R: Columns>(row: &R) -> Fallible<SenderWindow> {
    let outstanding = Cells::new("messages", row).small("outstanding")?;
    Ok(SenderWindow { sender: sender(row)?, outstanding })
}

/// The round.
pub fn round<R: Columns>(row: &R) -> Fallible<ReleaseRound> {
    Cells::new("release_rounds", row).number("round").map(ReleaseRound)
}
