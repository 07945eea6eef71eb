//! Senders and the pools that group them.

use chrono_tz::Tz;
use paceline_domain::Epoch;
use paceline_pacing::{PaceState, Seed, Suspension};
use paceline_store::senders::{LeaseView, PoolView, Sender};

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::{NumberHolder, SenderRow},
};

/// Selects senders as others see them, and what else is said; `$derived` is how a database gathers the columns `lease_worker` and `pools`,
/// with the times in between, and the table is named `s`.
#[macro_export]
macro_rules! select_sender_with {
    ($derived:expr, $($rest:expr),+) => {
        concat!(
            "SELECT s.id, s.workspace_id, s.phone, s.channel, s.name, s.account, s.profile, s.zone, s.seed, s.state, \
             s.pace_next_slot, s.pace_day, s.pace_spent, s.session_state, s.session_at, s.session_detail, \
             s.pairing_code, s.suspended, s.suspended_until, s.lease_epoch, s.lease_expires_at, ",
            $derived,
            $($rest),+
        )
    };
}

/// A sender's own columns.
pub fn sender_row<R: Columns>(row: &R) -> Fallible<SenderRow> {
    let cells = Cells::new("senders", row);
    Ok(SenderRow {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        state: cells.word("state")?,
        zone: zone(cells)?,
        seed: Seed(cells.number("seed")?),
        pace: pace(cells)?,
        session: cells.word("session_state")?,
        session_at: cells.opt_time("session_at")?,
        suspension: suspension(cells)?,
        epoch: Epoch(cells.number("lease_epoch")?),
        is_leased: cells.flag("is_leased")?,
    })
}

/// A sender as others see it; its lease's worker is named while the lease holds.
pub fn sender<R: Columns>(row: &R) -> Fallible<Sender> {
    let cells = Cells::new("senders", row);
    let lease = match cells.opt_id("lease_worker")? {
        None => None,
        Some(worker) => Some(LeaseView {
            worker,
            epoch: Epoch(cells.number("lease_epoch")?),
            expires_at: cells.time("lease_expires_at")?,
        }),
    };
    Ok(Sender {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        phone: cells.phone("phone")?,
        channel: cells.word("channel")?,
        name: cells.string("name")?,
        account: cells.opt_string("account")?,
        pools: cells.json("pools")?,
        profile: cells.string("profile")?,
        zone: zone(cells)?,
        seed: Seed(cells.number("seed")?),
        state: cells.word("state")?,
        pace: pace(cells)?,
        session: cells.word("session_state")?,
        session_at: cells.opt_time("session_at")?,
        session_detail: cells.opt_string("session_detail")?,
        pairing_code: cells.opt_string("pairing_code")?,
        suspension: suspension(cells)?,
        lease,
        created_at: cells.time("created_at")?,
        last_sent_at: cells.opt_time("last_sent_at")?,
    })
}

/// Who has, or had, a number.
pub fn number_holder<R: Columns>(row: &R) -> Fallible<NumberHolder> {
    let cells = Cells::new("senders", row);
    Ok(NumberHolder { id: cells.id("id")?, state: cells.word("state")? })
}

/// A pool as others see it.
pub fn pool<R: Columns>(row: &R) -> Fallible<PoolView> {
    let cells = Cells::new("pools", row);
    Ok(PoolView { name: cells.string("name")?, active_senders: cells.number("active_senders")? })
}

fn zone<R: Columns>(cells: Cells<'_, R>) -> Fallible<Tz> {
    cells.text("zone")?.parse().map_err(|_| cells.corrupt("zone"))
}

fn pace<R: Columns>(cells: Cells<'_, R>) -> Fallible<PaceState> {
    let day = cells.opt_text("pace_day")?.map(|day| day.parse().map_err(|_| cells.corrupt("pace_day")));
    Ok(PaceState {
        next_slot: cells.opt_time("pace_next_slot")?,
        day: day.transpose()?,
        spent_today: cells.small("pace_spent")?,
    })
}

fn suspension<R: Columns>(cells: Cells<'_, R>) -> Fallible<Option<Suspension>> {
    if !cells.flag("suspended")? {
        return Ok(None);
    }
    Ok(Some(Suspension { until: cells.opt_time("suspended_until")? }))
}
