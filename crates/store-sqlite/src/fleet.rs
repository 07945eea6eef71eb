//! Worker processes.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{ChannelKind, WorkerId};
use paceline_store::{
    StoreResult,
    fleet::{FleetStore, Which, WorkerReport, WorkerView},
    senders::Sender,
};
use sqlx::sqlite::SqliteRow;

use crate::{
    cells::Cells,
    error::Fallible,
    open::SqliteStore,
    senders::{read_sender, sender_columns},
    values::{blob, duration_micros, real_now},
};

#[async_trait]
impl FleetStore for SqliteStore {
    async fn report_worker(&self, report: WorkerReport, ttl: Duration) -> StoreResult<()> {
        self.write(move |tx| {
            Box::pin(async move {
                let gone = sqlx::query(concat!("DELETE FROM workers WHERE expires_at <= ", real_now!(), " AND id <> ?1"));
                tx.execute(gone.bind(blob(report.id))).await?;
                let write = sqlx::query(concat!(
                    "INSERT INTO workers (id, host, pid, version, pinned_sender_id, slots, channels, listen, resident_bytes, \
                        draining, started_at, seen_at, expires_at) \
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, n.now, n.now, n.now + ?11 FROM (SELECT ",
                    real_now!(),
                    " AS now) n WHERE true ON CONFLICT (id) DO UPDATE SET slots = excluded.slots, channels = excluded.channels, \
                        listen = excluded.listen, resident_bytes = excluded.resident_bytes, draining = excluded.draining, \
                        seen_at = excluded.seen_at, expires_at = excluded.expires_at"
                ));
                let write = write.bind(blob(report.id)).bind(report.host).bind(report.pid).bind(report.version);
                let write = write.bind(report.pinned.map(blob)).bind(report.slots).bind(json_words(&report.channels));
                let write = write.bind(report.listen).bind(i64::try_from(report.resident_bytes).unwrap_or(i64::MAX));
                tx.execute(write.bind(report.draining).bind(duration_micros(ttl))).await.map(|_| ())
            })
        })
        .await
    }

    async fn remove_worker(&self, worker: WorkerId) -> StoreResult<()> {
        self.write(move |tx| {
            Box::pin(async move {
                let remove = sqlx::query("DELETE FROM workers WHERE id = ?1");
                tx.execute(remove.bind(blob(worker))).await.map(|_| ())
            })
        })
        .await
    }

    async fn list_workers(&self) -> StoreResult<Vec<WorkerView>> {
        let query = sqlx::query(concat!(
            "SELECT id, host, pid, version, pinned_sender_id, slots, channels, listen, resident_bytes, draining, started_at, \
                seen_at FROM workers WHERE expires_at > ",
            real_now!(),
            " ORDER BY started_at, id"
        ));
        Ok(self.all(query).await?.iter().map(read_worker).collect::<Fallible<_>>()?)
    }

    async fn list_fleet_senders(&self, which: Which) -> StoreResult<Vec<Sender>> {
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
            .bind(blob(id)),
            Which::Phone(phone) => sqlx::query(concat!(
                "SELECT ",
                sender_columns!(),
                " FROM senders s WHERE s.state <> 'removed' AND s.phone = ?1 ORDER BY s.created_at, s.id"
            ))
            .bind(phone.as_e164().to_owned()),
        };
        Ok(self.all(query).await?.iter().map(read_sender).collect::<Fallible<_>>()?)
    }

    async fn count_leases(&self) -> StoreResult<Vec<(WorkerId, u32)>> {
        let query = sqlx::query(concat!(
            "SELECT lease_worker, count(*) AS leases FROM senders WHERE lease_expires_at > ",
            real_now!(),
            " GROUP BY lease_worker ORDER BY lease_worker"
        ));
        let count = |row| {
            let cells = Cells::new("senders", row);
            Ok((cells.id("lease_worker")?, cells.small("leases")?))
        };
        Ok(self.all(query).await?.iter().map(count).collect::<Fallible<_>>()?)
    }

    async fn count_shared_senders(&self, channels: &[ChannelKind]) -> StoreResult<u32> {
        let query = sqlx::query(concat!(
            "SELECT count(*) AS senders FROM senders s WHERE s.state = 'active' \
                AND s.channel IN (SELECT value FROM json_each(?1)) \
                AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.pinned_sender_id = s.id AND w.expires_at > ",
            real_now!(),
            ")"
        ));
        let row = self.one(query.bind(json_words(channels))).await?;
        Ok(row.map_or(Ok(0), |row| Cells::new("senders", &row).small("senders"))?)
    }
}

fn json_words(channels: &[ChannelKind]) -> String {
    let words: Vec<&str> = channels.iter().copied().map(ChannelKind::as_str).collect();
    serde_json::json!(words).to_string()
}

fn read_worker(row: &SqliteRow) -> Fallible<WorkerView> {
    let cells = Cells::new("workers", row);
    let report = WorkerReport {
        id: cells.id("id")?,
        host: cells.string("host")?,
        pid: cells.small("pid")?,
        version: cells.string("version")?,
        pinned: cells.opt_id("pinned_sender_id")?,
        slots: cells.small("slots")?,
        channels: cells.json("channels")?,
        listen: cells.opt_string("listen")?,
        resident_bytes: cells.small("resident_bytes")?,
        draining: cells.flag("draining")?,
    };
    Ok(WorkerView { report, started_at: cells.time("started_at")?, seen_at: cells.time("seen_at")? })
}
