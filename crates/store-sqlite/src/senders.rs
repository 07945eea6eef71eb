//! Senders and the pools that group them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, Epoch, PhoneNumber, PoolId, SenderId, SenderState, WorkspaceId};
use paceline_ledger::{
    Fallible,
    locks::Locked,
    rows::{Keep, NumberHolder, SenderReads, SenderRow, SenderRows, SessionWrite},
};
use paceline_pacing::{PaceState, Seed, Suspension};
use paceline_store::senders::{LeaseView, NewSender, PoolView, Sender};
use sqlx::sqlite::SqliteRow;

use crate::{
    bulk::Bulk,
    cells::Cells,
    database::SqliteRows,
    transaction::Tx,
    values::{blob, json_ids, micros, opt_micros, real_now},
};

/// The columns of a sender; the table is named `s`.
macro_rules! sender_columns {
    () => {
        concat!(
            "s.id, s.workspace_id, s.phone, s.channel, s.name, s.account, s.profile, s.zone, s.seed, s.state, \
             s.pace_next_slot, s.pace_day, s.pace_spent, s.session_state, s.session_at, s.session_detail, \
             s.pairing_code, s.suspended, s.suspended_until, s.lease_epoch, s.lease_expires_at, \
             iif(s.lease_expires_at > ",
            $crate::values::real_now!(),
            ", s.lease_worker, NULL) AS lease_worker, s.created_at, s.last_sent_at, \
             (SELECT json_group_array(p.name ORDER BY p.name) FROM pool_members pm JOIN pools p ON p.id = pm.pool_id \
              WHERE pm.sender_id = s.id) AS pools"
        )
    };
}
pub(crate) use sender_columns;

const JOIN_POOLS: Bulk = Bulk {
    head: "WITH v (name) AS (VALUES",
    row: "(?)",
    tail: ") INSERT INTO pool_members (sender_id, pool_id, workspace_id) SELECT ?1, p.id, p.workspace_id \
           FROM v CROSS JOIN pools p WHERE p.workspace_id = ?2 AND p.name = v.name",
};

const MAKE_POOLS: Bulk = Bulk {
    head: "INSERT INTO pools (id, workspace_id, name) VALUES",
    row: "(?, ?1, ?)",
    tail: "ON CONFLICT (workspace_id, name) DO NOTHING",
};

const WRITE_SESSIONS: Bulk = Bulk {
    head: "WITH v (id, state, at, detail, pairing_code, suspended, until) AS (VALUES",
    row: "(?, ?, ?, ?, ?, ?, ?)",
    tail: ") UPDATE senders SET session_state = v.state, session_at = v.at, session_detail = v.detail, \
           pairing_code = v.pairing_code, suspended = v.suspended, suspended_until = v.until \
           FROM v WHERE senders.id = v.id",
};

/// Reads a sender.
pub(crate) fn read_sender(row: &SqliteRow) -> Fallible<Sender> {
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

fn read_row(row: &SqliteRow) -> Fallible<Locked<SenderRow>> {
    let cells = Cells::new("senders", row);
    Ok(Locked::new(SenderRow {
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
    }))
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
    Ok(if cells.flag("suspended")? { Some(Suspension { until: cells.opt_time("suspended_until")? }) } else { None })
}

#[async_trait]
impl SenderRows for Tx {
    async fn lock_number(&mut self, _channel: ChannelKind, _phone: &PhoneNumber) -> Fallible<()> {
        Ok(())
    }

    async fn list_holders(
        &mut self,
        channel: ChannelKind,
        phone: &PhoneNumber,
        workspace: WorkspaceId,
    ) -> Fallible<Vec<NumberHolder>> {
        let query = sqlx::query(
            "SELECT id, state FROM senders WHERE channel = ?1 AND phone = ?2 AND state <> 'removed' \
             UNION ALL \
             SELECT id, state FROM senders \
             WHERE channel = ?1 AND phone = ?2 AND state = 'removed' AND workspace_id = ?3",
        );
        let query = query.bind(channel.as_str()).bind(phone.as_e164()).bind(blob(workspace));
        let holder = |row| {
            let cells = Cells::new("senders", row);
            Ok(NumberHolder { id: cells.id("id")?, state: cells.word("state")? })
        };
        self.all(query).await?.iter().map(holder).collect()
    }

    async fn lock_senders(&mut self, senders: &[SenderId], _keep: Keep) -> Fallible<Vec<Locked<SenderRow>>> {
        let query = sqlx::query(concat!(
            "SELECT s.id, s.workspace_id, s.state, s.zone, s.seed, s.pace_next_slot, s.pace_day, s.pace_spent, \
                s.session_state, s.session_at, s.suspended, s.suspended_until, s.lease_epoch, s.lease_expires_at > ",
            real_now!(),
            " AS is_leased FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) ORDER BY s.id"
        ));
        self.all(query.bind(json_ids(senders.iter().copied()))).await?.iter().map(read_row).collect()
    }

    async fn find_sender(&mut self, sender: SenderId) -> Fallible<Option<Sender>> {
        let query = sqlx::query(concat!("SELECT ", sender_columns!(), " FROM senders s WHERE s.id = ?1"));
        self.one(query.bind(blob(sender))).await?.as_ref().map(read_sender).transpose()
    }

    async fn list_senders(&mut self, senders: &[SenderId]) -> Fallible<Vec<Sender>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value)"
        ));
        self.all(query.bind(json_ids(senders.iter().copied()))).await?.iter().map(read_sender).collect()
    }

    /// Its epoch and what it has spent today live on.
    async fn put_sender(&mut self, id: SenderId, sender: &NewSender) -> Fallible<()> {
        let insert = sqlx::query(
            "INSERT INTO senders (id, workspace_id, phone, channel, name, account, profile, zone, seed, state, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'active', ?10) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, account = excluded.account, \
                profile = excluded.profile, zone = excluded.zone, seed = excluded.seed, state = 'active', \
                created_at = excluded.created_at, session_state = 'unpaired', session_at = NULL, session_detail = NULL, \
                pairing_code = NULL, suspended = 0, suspended_until = NULL",
        );
        let insert = insert
            .bind(blob(id))
            .bind(blob(sender.workspace))
            .bind(sender.phone.as_e164())
            .bind(sender.channel.as_str())
            .bind(sender.name.as_str())
            .bind(sender.account.as_deref())
            .bind(sender.profile.as_str())
            .bind(sender.zone.name())
            .bind(sender.seed.0)
            .bind(micros(sender.created_at));
        self.execute(insert).await?;
        Ok(())
    }

    async fn set_pools(&mut self, sender: SenderId, workspace: WorkspaceId, pools: &[(PoolId, &str)]) -> Fallible<()> {
        self.execute(sqlx::query("DELETE FROM pool_members WHERE sender_id = ?1").bind(blob(sender))).await?;
        MAKE_POOLS
            .run(
                self,
                pools,
                |values| {
                    values.add(blob(workspace));
                },
                |values, (id, name)| {
                    values.add(blob(*id)).add(*name);
                },
            )
            .await?;
        JOIN_POOLS
            .run(
                self,
                pools,
                |values| {
                    values.add(blob(sender)).add(blob(workspace));
                },
                |values, (_, name)| {
                    values.add(*name);
                },
            )
            .await?;
        Ok(())
    }

    async fn set_sender_state(&mut self, sender: &Locked<SenderRow>, state: SenderState) -> Fallible<()> {
        let update = sqlx::query("UPDATE senders SET state = ?2 WHERE id = ?1");
        self.execute(update.bind(blob(sender.id)).bind(state.as_str())).await?;
        Ok(())
    }

    async fn remove_sender(&mut self, sender: &Locked<SenderRow>) -> Fallible<()> {
        let remove = sqlx::query(
            "UPDATE senders SET state = 'removed', session_state = 'unpaired', pairing_code = NULL, \
             lease_worker = NULL, lease_expires_at = NULL, lease_epoch = lease_epoch + 1 WHERE id = ?1",
        );
        self.execute(remove.bind(blob(sender.id))).await?;
        let sessions = sqlx::query("DELETE FROM sender_sessions WHERE sender_id = ?1");
        self.execute(sessions.bind(blob(sender.id))).await?;
        Ok(())
    }

    async fn write_sessions(&mut self, changes: &[SessionWrite<'_>]) -> Fallible<()> {
        WRITE_SESSIONS
            .run(
                self,
                changes,
                |_| {},
                |values, change| {
                    values.add(blob(change.sender.id)).add(change.state.as_str()).add(micros(change.at));
                    values.add(change.detail).add(change.pairing_code).add(change.suspension.is_some());
                    values.add(opt_micros(change.suspension.and_then(|suspension| suspension.until)));
                },
            )
            .await?;
        Ok(())
    }

    async fn has_active_sender(&mut self, workspace: WorkspaceId, pool: &str) -> Fallible<bool> {
        let query = sqlx::query(
            "SELECT 1 FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
             WHERE p.workspace_id = ?1 AND p.name = ?2 AND s.state = 'active' LIMIT 1",
        );
        Ok(self.one(query.bind(blob(workspace)).bind(pool)).await?.is_some())
    }
}

#[async_trait]
impl SenderReads for SqliteRows {
    async fn find_sender(&self, workspace: WorkspaceId, sender: SenderId) -> Fallible<Option<Sender>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM senders s WHERE s.id = ?1 AND s.workspace_id = ?2"
        ));
        let row = self.one(query.bind(blob(sender)).bind(blob(workspace))).await?;
        row.as_ref().map(read_sender).transpose()
    }

    async fn find_sender_by_phone(&self, workspace: WorkspaceId, phone: &PhoneNumber) -> Fallible<Option<Sender>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM senders s WHERE s.workspace_id = ?1 AND s.phone = ?2 AND s.state <> 'removed' \
             ORDER BY s.created_at, s.id LIMIT 1"
        ));
        let row = self.one(query.bind(blob(workspace)).bind(phone.as_e164())).await?;
        row.as_ref().map(read_sender).transpose()
    }

    async fn list_senders(
        &self,
        workspace: WorkspaceId,
        after: Option<(DateTime<Utc>, SenderId)>,
        limit: u32,
    ) -> Fallible<Vec<Sender>> {
        let (after_time, after_id) =
            after.map_or((i64::MIN, Vec::new()), |(created_at, id)| (micros(created_at), blob(id)));
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM senders s WHERE s.workspace_id = ?1 AND s.state <> 'removed' AND (s.created_at, s.id) > (?2, ?3) \
             ORDER BY s.created_at, s.id LIMIT ?4"
        ));
        let query = query.bind(blob(workspace)).bind(after_time).bind(after_id).bind(limit);
        self.all(query).await?.iter().map(read_sender).collect()
    }

    async fn list_pools(&self, workspace: WorkspaceId) -> Fallible<Vec<PoolView>> {
        let query = sqlx::query(
            "SELECT p.name, (SELECT count(*) FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                WHERE pm.pool_id = p.id AND s.state = 'active') AS active_senders \
             FROM pools p WHERE p.workspace_id = ?1 ORDER BY p.name",
        );
        let pool = |row| {
            let cells = Cells::new("pools", row);
            Ok(PoolView { name: cells.string("name")?, active_senders: cells.number("active_senders")? })
        };
        self.all(query.bind(blob(workspace))).await?.iter().map(pool).collect()
    }
}
