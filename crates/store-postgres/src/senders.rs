//! Senders and pools.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Epoch, PhoneNumber, SenderId, SenderState, WorkspaceId, kind};
use paceline_pacing::{PaceState, Seed, Suspension};
use paceline_store::{
    Page, PageRequest, StoreResult,
    senders::{LeaseView, NewSender, PoolView, Sender, SenderAddition, SenderMoveOutcome, SenderStore},
};
use sqlx::postgres::PgRow;

use crate::{
    cells::Cells,
    cursor::{Cursor, key_of, split_key},
    error::Fallible,
    open::PostgresStore,
    transaction::Tx,
    values::{storable, uuid},
};

/// The columns of a sender; the table is named `s`.
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

/// Reads a sender.
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
    let suspension =
        if cells.flag("suspended")? { Some(Suspension { until: cells.opt_time("suspended_until")? }) } else { None };
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
        suspension,
        lease,
        created_at: cells.time("created_at")?,
        last_sent_at: cells.opt_time("last_sent_at")?,
    })
}

/// Reads a sender's pace.
pub(crate) fn read_pace(cells: Cells<'_>) -> Fallible<PaceState> {
    let day = cells.opt_text("pace_day")?.map(|day| day.parse().map_err(|_| cells.corrupt("pace_day")));
    Ok(PaceState {
        next_slot: cells.opt_time("pace_next_slot")?,
        day: day.transpose()?,
        spent_today: cells.small("pace_spent")?,
    })
}

#[async_trait]
impl SenderStore for PostgresStore {
    async fn add_sender(&self, sender: NewSender) -> StoreResult<SenderAddition> {
        self.write(move |tx| Box::pin(tx.add_sender(sender))).await
    }

    async fn find_sender(&self, workspace: WorkspaceId, sender: SenderId) -> StoreResult<Option<Sender>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM senders s WHERE s.id = $1 AND s.workspace_id = $2"
        ));
        let row = self.one(query.bind(uuid(sender)).bind(uuid(workspace))).await?;
        Ok(row.as_ref().map(read_sender).transpose()?)
    }

    async fn find_sender_by_phone(&self, workspace: WorkspaceId, phone: &PhoneNumber) -> StoreResult<Option<Sender>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM senders s WHERE s.workspace_id = $1 AND s.phone = $2 AND s.state <> 'removed' \
             ORDER BY s.created_at, s.id LIMIT 1"
        ));
        let row = self.one(query.bind(uuid(workspace)).bind(phone.as_e164())).await?;
        Ok(row.as_ref().map(read_sender).transpose()?)
    }

    async fn list_senders(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Sender>> {
        let cursor = Cursor::<24>::read(&page)?;
        let (after_time, after_id) = cursor.after.map(split_key).transpose()?.unzip();
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM senders s WHERE s.workspace_id = $1 AND s.state <> 'removed' \
                AND (s.created_at, s.id) > (coalesce($2, '-infinity'::timestamptz), coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid)) \
             ORDER BY s.created_at, s.id LIMIT $4"
        ));
        let query = query.bind(uuid(workspace)).bind(after_time).bind(after_id).bind(cursor.fetch());
        let senders = self.all(query).await?.iter().map(read_sender).collect::<Fallible<Vec<_>>>()?;
        Ok(cursor.page(senders, |sender| key_of(sender.created_at, sender.id.to_bytes())))
    }

    async fn move_sender(
        &self,
        workspace: WorkspaceId,
        sender: SenderId,
        to: SenderState,
        _now: DateTime<Utc>,
    ) -> StoreResult<SenderMoveOutcome> {
        self.write(move |tx| Box::pin(tx.move_sender(workspace, sender, to))).await
    }

    async fn list_pools(&self, workspace: WorkspaceId) -> StoreResult<Vec<PoolView>> {
        let query = sqlx::query(
            "SELECT p.name, (SELECT count(*) FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                WHERE pm.pool_id = p.id AND s.state = 'active') AS active_senders \
             FROM pools p WHERE p.workspace_id = $1 ORDER BY p.name COLLATE \"C\"",
        );
        let rows = self.all(query.bind(uuid(workspace))).await?;
        let pool = |row| {
            let cells = Cells::new("pools", row);
            Ok(PoolView { name: cells.string("name")?, active_senders: cells.number("active_senders")? })
        };
        Ok(rows.iter().map(pool).collect::<Fallible<_>>()?)
    }
}

impl Tx {
    /// A sender by its id, in whatever workspace.
    pub(crate) async fn sender(&mut self, sender: SenderId) -> Fallible<Option<Sender>> {
        let query = sqlx::query(concat!("SELECT ", sender_columns!(), " FROM senders s WHERE s.id = $1"));
        let row = self.one(query.bind(uuid(sender))).await?;
        row.as_ref().map(read_sender).transpose()
    }

    /// Additions of one number are made one after the other: what the second finds is there when it writes.
    async fn add_sender(&mut self, new: NewSender) -> Fallible<SenderAddition> {
        let alone = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))");
        self.execute(alone.bind(new.channel.as_str()).bind(new.phone.as_e164())).await?;
        if let Some(existing) = self.sender(new.id).await? {
            return Ok(SenderAddition::Existing(Box::new(existing)));
        }
        let holders = sqlx::query(
            "SELECT id, workspace_id, state FROM senders WHERE channel = $1 AND phone = $2 AND state <> 'removed' \
             UNION ALL \
             SELECT id, workspace_id, state FROM senders \
             WHERE channel = $1 AND phone = $2 AND state = 'removed' AND workspace_id = $3",
        );
        let holders = holders.bind(new.channel.as_str()).bind(new.phone.as_e164().to_owned()).bind(uuid(new.workspace));
        let mut id = new.id;
        for row in &self.all(holders).await? {
            let cells = Cells::new("senders", row);
            if cells.word::<SenderState>("state")? != SenderState::Removed {
                return Ok(SenderAddition::Taken);
            }
            id = cells.id("id")?;
        }
        self.write_sender(id, &new).await?;
        self.write_pools(id, &new).await?;
        let added = self.sender(id).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(SenderAddition::Added(Box::new(added)))
    }

    /// Writes a sender, or a removed one that comes back under its old id. Its epoch and what it has spent today live on.
    async fn write_sender(&mut self, id: SenderId, new: &NewSender) -> Fallible<()> {
        let insert = sqlx::query(
            "INSERT INTO senders (id, workspace_id, phone, channel, name, account, profile, zone, seed, state, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, account = excluded.account, \
                profile = excluded.profile, zone = excluded.zone, seed = excluded.seed, state = 'active', \
                created_at = excluded.created_at, session_state = 'unpaired', session_at = NULL, session_detail = NULL, \
                pairing_code = NULL, suspended = false, suspended_until = NULL",
        );
        let insert = insert
            .bind(uuid(id))
            .bind(uuid(new.workspace))
            .bind(new.phone.as_e164())
            .bind(new.channel.as_str())
            .bind(storable(&new.name))
            .bind(new.account.as_deref().map(storable))
            .bind(storable(&new.profile))
            .bind(new.zone.name())
            .bind(new.seed.0)
            .bind(new.created_at);
        self.execute(insert).await?;
        Ok(())
    }

    async fn write_pools(&mut self, id: SenderId, new: &NewSender) -> Fallible<()> {
        let leave = sqlx::query("DELETE FROM pool_members WHERE sender_id = $1");
        self.execute(leave.bind(uuid(id))).await?;
        // In the order of their names, so that two additions that make the same pools do not wait for each other in a circle.
        let names: BTreeSet<_> = new.pools.iter().map(|name| storable(name)).collect();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let ids: Vec<_> = names.iter().map(|_| uuid::<kind::Pool>(self.mint(new.created_at))).collect();
        let make = sqlx::query(
            "INSERT INTO pools (id, workspace_id, name) SELECT v.id, $3, v.name \
             FROM UNNEST($1::uuid[], $2::text[]) AS v (id, name) ON CONFLICT DO NOTHING",
        );
        self.execute(make.bind(ids).bind(&names).bind(uuid(new.workspace))).await?;
        let join = sqlx::query(
            "INSERT INTO pool_members (sender_id, pool_id, workspace_id) \
             SELECT $1, id, workspace_id FROM pools WHERE workspace_id = $2 AND name = ANY($3) ON CONFLICT DO NOTHING",
        );
        self.execute(join.bind(uuid(id)).bind(uuid(new.workspace)).bind(&names)).await?;
        Ok(())
    }

    async fn move_sender(
        &mut self,
        workspace: WorkspaceId,
        id: SenderId,
        to: SenderState,
    ) -> Fallible<SenderMoveOutcome> {
        if to == SenderState::Removed {
            // Nobody binds a message to it meanwhile: whoever claims holds this row first.
            self.execute(sqlx::query("SELECT round FROM release_rounds FOR UPDATE")).await?;
        }
        self.execute(sqlx::query("SELECT 1 FROM senders WHERE id = $1 FOR UPDATE").bind(uuid(id))).await?;
        let Some(sender) = self.sender(id).await?.filter(|sender| sender.workspace == workspace) else {
            return Ok(SenderMoveOutcome::NotFound);
        };
        if sender.state == to {
            return Ok(SenderMoveOutcome::Moved(Box::new(sender)));
        }
        if sender.state == SenderState::Removed {
            return Ok(SenderMoveOutcome::Removed);
        }
        if to == SenderState::Removed {
            self.remove_sender(id).await?;
        } else {
            let update = sqlx::query("UPDATE senders SET state = $2 WHERE id = $1");
            self.execute(update.bind(uuid(id)).bind(to.as_str())).await?;
        }
        let moved = self.sender(id).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(SenderMoveOutcome::Moved(Box::new(moved)))
    }

    /// The lease ends with a new epoch, so that whoever held it can neither send nor store a session any more.
    async fn remove_sender(&mut self, id: SenderId) -> Fallible<()> {
        let remove = sqlx::query(
            "UPDATE senders SET state = 'removed', session_state = 'unpaired', pairing_code = NULL, \
             lease_worker = NULL, lease_expires_at = NULL, lease_epoch = lease_epoch + 1 WHERE id = $1",
        );
        self.execute(remove.bind(uuid(id))).await?;
        self.execute(sqlx::query("DELETE FROM sender_sessions WHERE sender_id = $1").bind(uuid(id))).await?;
        // Locked in the order of their rows, as everyone does. A message that meanwhile is sent or bound elsewhere drops out.
        let unbind = sqlx::query(
            "WITH bound AS MATERIALIZED (SELECT seq FROM messages WHERE sender_id = $1 AND state = 'waiting' AND seq IN ( \
                SELECT seq FROM messages WHERE sender_id = $1 AND state = 'waiting' AND release_deadline IS NULL \
                UNION ALL SELECT seq FROM messages WHERE sender_id = $1 AND release_deadline IS NOT NULL) \
                ORDER BY seq FOR UPDATE) \
             UPDATE messages SET release_deadline = NULL, \
                sender_id = CASE WHEN binding = 'routed' THEN sender_id END, \
                waits_for = CASE WHEN binding = 'routed' THEN 'sender_removed' ELSE waits_for END, \
                binding = CASE WHEN binding = 'routed' THEN binding ELSE 'free' END \
             FROM bound WHERE messages.seq = bound.seq",
        );
        self.execute(unbind.bind(uuid(id))).await?;
        Ok(())
    }
}
