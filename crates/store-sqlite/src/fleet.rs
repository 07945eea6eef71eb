//! Worker processes.

use paceline_store::{
    fleet::{Which, WorkerReport, WorkerView},
    senders::Sender,
};

use crate::{prelude::*, senders::sender_columns};

#[async_trait]
impl FleetRows for Tx {
    async fn remove_silent_workers(&mut self, but: WorkerId) -> Fallible<()> {
        let gone = sqlx::query(concat!("DELETE FROM workers WHERE expires_at <= ", real_now!(), " AND id <> ?1"));
        self.run(gone.bind(blob(but))).await
    }

    async fn put_worker(&mut self, report: &WorkerReport, ttl: Duration) -> Fallible<()> {
        let write = sqlx::query(concat!(
            "INSERT INTO workers (id, host, pid, version, pinned_sender_id, slots, channels, listen, resident_bytes, \
                draining, started_at, seen_at, expires_at) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, n.now, n.now, n.now + ?11 FROM (SELECT ",
            real_now!(),
            " AS now) n WHERE true ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, channels = excluded.channels, \
                listen = excluded.listen, resident_bytes = excluded.resident_bytes, draining = excluded.draining, \
                seen_at = excluded.seen_at, expires_at = excluded.expires_at"
        ));
        let write = write.bind(blob(report.id)).bind(report.host.as_str()).bind(report.pid);
        let write = write.bind(report.version.as_str()).bind(opt_blob(report.pinned)).bind(report.slots);
        let write = write.bind(json_channels(&report.channels)).bind(report.listen.as_deref());
        let write = write.bind(i64::try_from(report.resident_bytes).unwrap_or(i64::MAX));
        self.run(write.bind(report.draining).bind(duration_micros(ttl))).await
    }

    async fn remove_worker(&mut self, worker: WorkerId) -> Fallible<()> {
        self.run(sqlx::query("DELETE FROM workers WHERE id = ?1").bind(blob(worker))).await
    }
}

#[async_trait]
impl FleetReads for SqliteRows {
    async fn list_workers(&self) -> Fallible<Vec<WorkerView>> {
        let query = sqlx::query(concat!(
            "SELECT id, host, pid, version, pinned_sender_id, slots, channels, listen, resident_bytes, draining, started_at, \
                seen_at FROM workers WHERE expires_at > ",
            real_now!(),
            " ORDER BY started_at, id"
        ));
        self.list(query, columns::worker).await
    }

    async fn list_fleet_senders(&self, which: &Which) -> Fallible<Vec<Sender>> {
        let query = match which {
            Which::Active => sqlx::query(concat!(
                "SELECT ",
                sender_columns!(),
                " FROM senders s WHERE s.state = 'active' ORDER BY s.created_at, s.id"
            )),
            Which::Id(id) => sqlx::query(concat!(
                "SELECT ",
                sender_columns!(),
                " FROM senders s WHERE s.state <> 'removed' AND s.id = ?1"
            ))
            .bind(blob(*id)),
            Which::Phone(phone) => sqlx::query(concat!(
                "SELECT ",
                sender_columns!(),
                " FROM senders s WHERE s.state <> 'removed' AND s.phone = ?1 ORDER BY s.created_at, s.id"
            ))
            .bind(phone.as_e164()),
        };
        self.list(query, columns::sender).await
    }

    async fn count_leases(&self) -> Fallible<Vec<(WorkerId, u32)>> {
        let query = sqlx::query(concat!(
            "SELECT lease_worker, count(*) AS leases FROM senders WHERE lease_expires_at > ",
            real_now!(),
            " GROUP BY lease_worker ORDER BY lease_worker"
        ));
        self.list(query, columns::leases_held).await
    }

    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> Fallible<u32> {
        let query = sqlx::query(concat!(
            "SELECT count(*) AS senders FROM senders s WHERE s.state = 'active' \
                AND s.channel IN (SELECT value FROM json_each(?1)) \
                AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.pinned_sender_id = s.id AND w.expires_at > ",
            real_now!(),
            ")"
        ));
        let count = |row: &Row| Cells::new("senders", row).small("senders");
        Ok(self.find(query.bind(json_channels(channels)), count).await?.unwrap_or(0))
    }
}
