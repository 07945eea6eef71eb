//! Senders and the pools that group them.

use paceline_store::senders::{NewSender, Sender};

use crate::prelude::*;

/// Selects senders as others see them, and what else is said.
macro_rules! select_sender {
    ($($rest:expr),+ $(,)?) => {
        paceline_ledger::select_sender_with!(
            concat!(
                "iif(s.lease_expires_at > ",
                $crate::values::real_now!(),
                ", s.lease_worker, NULL) AS lease_worker, s.created_at, s.last_sent_at, \
                 (SELECT json_group_array(p.name ORDER BY p.name) FROM pool_members pm JOIN pools p ON p.id = pm.pool_id \
                  WHERE pm.sender_id = s.id) AS pools"
            ),
            $($rest),+
        )
    };
}
pub(crate) use select_sender;

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
        self.list(query, columns::number_holder).await
    }

    async fn lock_senders(&mut self, senders: &[SenderId], _keep: Keep) -> Fallible<Vec<Locked<SenderRow>>> {
        let query = sqlx::query(concat!(
            "SELECT s.id, s.workspace_id, s.state, s.zone, s.seed, s.pace_next_slot, s.pace_day, s.pace_spent, \
                s.session_state, s.session_at, s.suspended, s.suspended_until, s.lease_epoch, s.lease_expires_at > ",
            real_now!(),
            " AS is_leased FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) ORDER BY s.id"
        ));
        self.lock(query.bind(json_ids(senders.iter().copied())), columns::sender_row).await
    }

    async fn find_sender(&mut self, sender: SenderId) -> Fallible<Option<Sender>> {
        let query = sqlx::query(select_sender!(" FROM senders s WHERE s.id = ?1"));
        self.find(query.bind(blob(sender)), columns::sender).await
    }

    async fn list_senders(&mut self, senders: &[SenderId]) -> Fallible<Vec<Sender>> {
        let query = sqlx::query(select_sender!(" FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value)"));
        self.list(query.bind(json_ids(senders.iter().copied())), columns::sender).await
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
        self.run(insert).await
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

    async fn remove_sender(&mut self, sender: &Locked<SenderRow>) -> Fallible<()> {
        let remove = sqlx::query(
            "UPDATE senders SET state = 'removed', session_state = 'unpaired', pairing_code = NULL, \
             lease_worker = NULL, lease_expires_at = NULL, lease_epoch = lease_epoch + 1 WHERE id = ?1",
        );
        self.execute(remove.bind(blob(sender.id))).await?;
        let sessions = sqlx::query("DELETE FROM sender_sessions WHERE sender_id = ?1");
        self.run(sessions.bind(blob(sender.id))).await
    }

    async fn write_sessions(&mut self, changes: &[SessionWrite<'_>]) -> Fallible<()> {
        WRITE_SESSIONS
            .write(self, changes, |values, change| {
                values.add(blob(change.sender.id)).add(change.state.as_str()).add(micros(change.at));
                values.add(change.detail).add(change.pairing_code).add(change.suspension.is_some());
                values.add(opt_micros(change.suspension.and_then(|suspension| suspension.until)));
            })
            .await
    }

    async fn has_active_sender(&mut self, workspace: WorkspaceId, pool: &str) -> Fallible<bool> {
        let query = sqlx::query(
            "SELECT 1 FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
             WHERE p.workspace_id = ?1 AND p.name = ?2 AND s.state = 'active' LIMIT 1",
        );
        self.has(query.bind(blob(workspace)).bind(pool)).await
    }
}

/// The texts.
pub(crate) const TEXTS: SenderTexts = SenderTexts {
    find: select_sender!(" FROM senders s WHERE s.id = ?1 AND s.workspace_id = ?2"),
    find_by_phone: select_sender!(
        " FROM senders s WHERE s.workspace_id = ?1 AND s.phone = ?2 AND s.state <> 'removed' \
             ORDER BY s.created_at, s.id LIMIT 1"
    ),
    list: select_sender!(
        " FROM senders s WHERE s.workspace_id = ?1 AND s.state <> 'removed' AND (s.created_at, s.id) > (?2, ?3) \
             ORDER BY s.created_at, s.id LIMIT ?4"
    ),
    list_pools: "SELECT p.name, (SELECT count(*) FROM pool_members pm JOIN senders s ON s.id = pm.sender_id \
                WHERE pm.pool_id = p.id AND s.state = 'active') AS active_senders \
             FROM pools p WHERE p.workspace_id = ?1 ORDER BY p.name",
};
