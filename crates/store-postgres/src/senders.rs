//! Senders and the pools that group them.

use std::collections::BTreeMap;

use paceline_store::senders::{NewSender, Sender};

use crate::prelude::*;

/// Selects senders as others see them, and what else is said.
macro_rules! select_sender {
    ($($rest:expr),+ $(,)?) => {
        paceline_ledger::select_sender_with!(
            concat!(
                "CASE WHEN s.lease_expires_at > ",
                $crate::values::real_now!(),
                " THEN s.lease_worker END AS lease_worker, s.created_at, s.last_sent_at, \
                 (SELECT coalesce(json_agg(p.name ORDER BY p.name COLLATE \"C\"), '[]')::text \
                  FROM pool_members pm JOIN pools p ON p.id = pm.pool_id WHERE pm.sender_id = s.id) AS pools"
            ),
            $($rest),+
        )
    };
}
pub(crate) use select_sender;

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
const fn lock_text(keep: Keep) -> &'static str {
    match keep {
        Keep::There => lock!("KEY SHARE"),
        Keep::Unchanged => lock!("SHARE"),
        Keep::Mine => lock!("NO KEY UPDATE"),
        Keep::MineAlone => lock!("UPDATE"),
    }
}

/// A removed sender that comes back does so under its old id. Its epoch and what it has spent today live on.
const PUT: &str = "INSERT INTO senders (id, workspace_id, phone, channel, name, account, profile, zone, seed, state, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active', $10) \
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, account = excluded.account, \
        profile = excluded.profile, zone = excluded.zone, seed = excluded.seed, state = 'active', \
        created_at = excluded.created_at, session_state = 'unpaired', session_at = NULL, session_detail = NULL, \
        pairing_code = NULL, suspended = false, suspended_until = NULL";

const WRITE_SESSIONS: &str = "UPDATE senders SET session_state = v.state, session_at = v.at, session_detail = v.detail, \
        pairing_code = v.pairing_code, suspended = v.suspended, suspended_until = v.until \
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[]) \
        AS v (id, state, at, detail, pairing_code, suspended, until) WHERE senders.id = v.id";

#[async_trait]
impl SenderRows for Tx {
    async fn lock_number(&mut self, channel: ChannelKind, phone: &PhoneNumber) -> Fallible<()> {
        let alone = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))");
        self.run(alone.bind(channel.as_str()).bind(phone.as_e164())).await
    }

    async fn list_holders(
        &mut self,
        channel: ChannelKind,
        phone: &PhoneNumber,
        workspace: WorkspaceId,
    ) -> Fallible<Vec<NumberHolder>> {
        let holders = sqlx::query(
            "SELECT id, state FROM senders WHERE channel = $1 AND phone = $2 AND state <> 'removed' \
             UNION ALL \
             SELECT id, state FROM senders WHERE channel = $1 AND phone = $2 AND state = 'removed' AND workspace_id = $3",
        );
        self.list(holders.bind(channel.as_str()).bind(phone.as_e164()).bind(uuid(workspace)), columns::number_holder)
            .await
    }

    async fn lock_senders(&mut self, senders: &[SenderId], keep: Keep) -> Fallible<Vec<Locked<SenderRow>>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        self.lock(sqlx::query(lock_text(keep)).bind(uuids(senders.iter().copied())), columns::sender_row).await
    }

    async fn find_sender(&mut self, sender: SenderId) -> Fallible<Option<Sender>> {
        let query = sqlx::query(select_sender!(" FROM senders s WHERE s.id = $1"));
        self.find(query.bind(uuid(sender)), columns::sender).await
    }

    async fn list_senders(&mut self, senders: &[SenderId]) -> Fallible<Vec<Sender>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(select_sender!(" FROM senders s WHERE s.id = ANY($1)"));
        self.list(query.bind(uuids(senders.iter().copied())), columns::sender).await
    }

    async fn put_sender(&mut self, id: SenderId, sender: &NewSender) -> Fallible<()> {
        let put = sqlx::query(PUT)
            .bind(uuid(id))
            .bind(uuid(sender.workspace))
            .bind(sender.phone.as_e164())
            .bind(sender.channel.as_str())
            .bind(storable(&sender.name))
            .bind(sender.account.as_deref().map(storable))
            .bind(storable(&sender.profile))
            .bind(sender.zone.name())
            .bind(sender.seed.0)
            .bind(sender.created_at);
        self.run(put).await
    }

    async fn set_pools(&mut self, sender: SenderId, workspace: WorkspaceId, pools: &[(PoolId, &str)]) -> Fallible<()> {
        self.run(sqlx::query("DELETE FROM pool_members WHERE sender_id = $1").bind(uuid(sender))).await?;
        if pools.is_empty() {
            return Ok(());
        }
        // In the order of the names as they are stored, so that two who make the same pools do not wait for each other in a circle.
        let pools: BTreeMap<_, PoolId> = pools.iter().map(|(id, name)| (storable(name), *id)).collect();
        let names: Vec<&str> = pools.keys().map(AsRef::as_ref).collect();
        let make = sqlx::query(
            "INSERT INTO pools (id, workspace_id, name) SELECT v.id, $3, v.name \
             FROM UNNEST($1::uuid[], $2::text[]) AS v (id, name) ON CONFLICT DO NOTHING",
        );
        self.run(make.bind(uuids(pools.values().copied())).bind(&names).bind(uuid(workspace))).await?;
        let join = sqlx::query(
            "INSERT INTO pool_members (sender_id, pool_id, workspace_id) \
             SELECT $1, id, workspace_id FROM pools WHERE workspace_id = $2 AND name = ANY($3) ON CONFLICT DO NOTHING",
        );
        self.run(join.bind(uuid(sender)).bind(uuid(workspace)).bind(&names)).await
    }

    async fn remove_sender(&mut self, sender: &Locked<SenderRow>) -> Fallible<()> {
        let remove = sqlx::query(
            "UPDATE senders SET state = 'removed', session_state = 'unpaired', pairing_code = NULL, \
             lease_worker = NULL, lease_expires_at = NULL, lease_epoch = lease_epoch + 1 WHERE id = $1",
        );
        self.run(remove.bind(uuid(sender.id))).await?;
        self.run(sqlx::query("DELETE FROM sender_sessions WHERE sender_id = $1").bind(uuid(sender.id))).await
    }

    async fn write_sessions(&mut self, changes: &[SessionWrite<'_>]) -> Fallible<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE_SESSIONS)
            .bind(column(changes, |change| uuid(change.sender.id)))
            .bind(column(changes, |change| change.state.as_str()))
            .bind(column(changes, |change| change.at))
            .bind(column(changes, |change| change.detail.map(storable)))
            .bind(column(changes, |change| change.pairing_code.map(storable)))
            .bind(column(changes, |change| change.suspension.is_some()))
            .bind(column(changes, |change| change.suspension.and_then(|suspension| suspension.until)));
        self.run(write).await
    }

    async fn has_active_sender(&mut self, workspace: WorkspaceId, pool: &str) -> Fallible<bool> {
        let query = sqlx::query(
            "SELECT 1 FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
             WHERE p.workspace_id = $1 AND p.name = $2 AND s.state = 'active' LIMIT 1",
        );
        self.has(query.bind(uuid(workspace)).bind(storable(pool))).await
    }
}

/// The texts.
pub(crate) const TEXTS: SenderTexts = SenderTexts {
    find: select_sender!(" FROM senders s WHERE s.id = $1 AND s.workspace_id = $2"),
    find_by_phone: select_sender!(
        " FROM senders s WHERE s.workspace_id = $1 AND s.phone = $2 AND s.state <> 'removed' \
             ORDER BY s.created_at, s.id LIMIT 1"
    ),
    list: select_sender!(
        " FROM senders s WHERE s.workspace_id = $1 AND s.state <> 'removed' \
                AND (s.created_at, s.id) > (coalesce($2, '-infinity'::timestamptz), coalesce($3, '00000000-0000-0000-0000-000000000000'::uuid)) \
             ORDER BY s.created_at, s.id LIMIT $4"
    ),
    list_pools: "SELECT p.name, (SELECT count(*) FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                WHERE pm.pool_id = p.id AND s.state = 'active') AS active_senders \
             FROM pools p WHERE p.workspace_id = $1 ORDER BY p.name COLLATE \"C\"",
};
