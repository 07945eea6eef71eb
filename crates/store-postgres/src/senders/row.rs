//! A sender as it is read: as others see it, and as far as transactions decide by it.

use paceline_domain::Epoch;
use paceline_ledger::{
    Fallible,
    rows::{Keep, SenderRow},
};
use paceline_pacing::{PaceState, Seed, Suspension};
use paceline_store::senders::{LeaseView, Sender};
use sqlx::postgres::PgRow;

use crate::{cells::Cells, values::real_now};

/// The columns of a sender as others see it; the table is named `s`.
macro_rules! sender_columns {
    () => {
        concat!(
            "s.id, s.workspace_id, s.phone, s.channel, s.name, s.account, s.profile, s.zone, s.seed, s.state, \
             s.pace_next_slot, s.pace_day, s.pace_spent, s.session_state, s.session_at, s.session_detail, \
             s.pairing_code, s.suspended, s.suspended_until, s.lease_epoch, s.lease_expires_at, \
             CASE WHEN s.lease_expires_at > ",
            $crate::values::real_now!(),
            " THEN s.lease_worker END AS lease_worker, s.created_at, s.last_sent_at, \
             (SELECT coalesce(json_agg(p.name ORDER BY p.name COLLATE \"C\"), '[]')::text \
              FROM pool_members pm JOIN pools p ON p.id = pm.pool_id WHERE pm.sender_id = s.id) AS pools"
        )
    };
}
pub(crate) use sender_columns;

/// The text that locks senders with a strength.
macro_rules! lock {
    ($strength:literal) => {
        concat!(
            "SELECT id, workspace_id, state, zone, seed, pace_next_slot, pace_day, pace_spent, session_state, session_at, suspended, \
             suspended_until, lease_epoch, lease_expires_at > ",
            real_now!(),
            " AS is_leased FROM senders WHERE id = ANY($1) ORDER BY id FOR ",
            $strength
        )
    };
}

/// The text that locks senders.
pub(super) const fn lock_text(keep: Keep) -> &'static str {
    match keep {
        Keep::There => lock!("KEY SHARE"),
        Keep::Unchanged => lock!("SHARE"),
        Keep::Mine => lock!("NO KEY UPDATE"),
        Keep::MineAlone => lock!("UPDATE"),
    }
}

/// Reads a sender that is locked.
pub(super) fn read_sender_row(row: &PgRow) -> Fallible<SenderRow> {
    let cells = Cells::new("senders", row);
    Ok(SenderRow {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        state: cells.word("state")?,
        zone: cells.text("zone")?.parse().map_err(|_| cells.corrupt("zone"))?,
        seed: Seed(cells.number("seed")?),
        pace: read_pace(cells)?,
        session: cells.word("session_state")?,
        session_at: cells.opt_time("session_at")?,
        suspension: read_suspension(cells)?,
        epoch: Epoch(cells.number("lease_epoch")?),
        is_leased: cells.flag("is_leased")?,
    })
}

/// Reads a sender as others see it.
pub(crate) fn read_sender(row: &PgRow) -> Fallible<Sender> {
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
        zone: cells.text("zone")?.parse().map_err(|_| cells.corrupt("zone"))?,
        seed: Seed(cells.number("seed")?),
        state: cells.word("state")?,
        pace: read_pace(cells)?,
        session: cells.word("session_state")?,
        session_at: cells.opt_time("session_at")?,
        session_detail: cells.opt_string("session_detail")?,
        pairing_code: cells.opt_string("pairing_code")?,
        suspension: read_suspension(cells)?,
        lease,
        created_at: cells.time("created_at")?,
        last_sent_at: cells.opt_time("last_sent_at")?,
    })
}

fn read_pace(cells: Cells<'_>) -> Fallible<PaceState> {
    let day = cells.opt_text("pace_day")?.map(|day| day.parse().map_err(|_| cells.corrupt("pace_day")));
    Ok(PaceState {
        next_slot: cells.opt_time("pace_next_slot")?,
        day: day.transpose()?,
        spent_today: cells.small("pace_spent")?,
    })
}

fn read_suspension(cells: Cells<'_>) -> Fallible<Option<Suspension>> {
    if !cells.flag("suspended")? {
        return Ok(None);
    }
    Ok(Some(Suspension { until: cells.opt_time("suspended_until")? }))
}
