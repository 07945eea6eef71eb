//! What the store alone can do: rows appended and planned, and messages from claim to applied result, per second.
//!
//! `cargo run --release -p paceline-store-sqlite --example store_throughput -- [rows] [senders] [receipts]` prints one JSON object.
//! `receipts` says how many of the two receipts (delivered, read) each message gets.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement fails by panicking and prints its result")]
#![expect(clippy::cast_precision_loss, reason = "rates are read by people")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{
    Address, CampaignId, CampaignMove, ChannelKind, Content, Epoch, Generation, Lane, MessageId, Minter, Outcome,
    Receipt, ReceiptKind, ResultBody, SenderId, SessionChange, SessionState, UnknownPolicy, WaId, WorkerId,
    WorkerResult, WorkspaceId, WorkspaceKey,
};
use paceline_pacing::{Profile, Seed};
use paceline_store::{
    campaigns::{CampaignDefinition, CampaignStore, NewCampaign},
    intents::{AttemptOutcome, IntentBatch, IntentStore, IntentVerdict},
    leases::{Fenced, LeaseStore, LeaseWish},
    plan::{PlanStore, PlannedBatch, PlannedMessage},
    recipients::{RecipientStore, UploadOpening, UploadRow},
    release::{ReleaseStore, ReleasedMessage, Room},
    results::{OptOut, ResultStore, ResultToApply},
    senders::{NewSender, SenderStore},
    workspaces::{ApiKey, Workspace, WorkspaceStore},
};
use paceline_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::{sync::mpsc, time::Instant};

const TTL: Duration = Duration::from_mins(10);
const BATCH: u32 = 2_000;

struct Bench {
    store: SqliteStore,
    minter: Minter,
    workspace: WorkspaceId,
    key: WorkspaceKey,
    worker: WorkerId,
    now: DateTime<Utc>,
    /// How long each look at the campaign took.
    looks: Mutex<Vec<Duration>>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let argument = |at, default| std::env::args().nth(at).map_or(default, |text: String| text.parse::<i64>().unwrap());
    let (rows, senders, receipts) = (argument(1, 100_000), argument(2, 20), argument(3, 0));
    let folder = tempfile::tempdir().unwrap();
    let bench = Arc::new(Bench::start(folder.path().join("paceline.db")).await);
    let leases = bench.add_senders(senders).await;
    let campaign = bench.add_campaign().await;

    let began = Instant::now();
    bench.append(campaign, rows).await;
    let appended = began.elapsed();
    bench.store.move_campaign(bench.workspace, campaign, CampaignMove::Start, bench.now).await.unwrap();
    let began = Instant::now();
    bench.plan().await;
    let planned = began.elapsed();
    let began = Instant::now();
    let looking = tokio::spawn(Arc::clone(&bench).look(campaign));
    let sent = bench.send(&leases, rows, receipts).await;
    let sending = began.elapsed();
    looking.abort();
    let mut looks = std::mem::take(&mut *bench.looks.lock().unwrap());
    looks.sort_unstable();
    let log_bytes = std::fs::metadata(folder.path().join("paceline.db-wal")).unwrap().len();

    let account = bench.store.find_campaign(bench.workspace, campaign).await.unwrap().unwrap().account;
    assert!(account.is_balanced());
    assert_eq!(account, bench.store.count_account(bench.workspace, campaign).await.unwrap());
    let rate = |count: i64, time: Duration| (count as f64 / time.as_secs_f64()).round();
    println!(
        "{}",
        serde_json::json!({
            "rows": rows, "senders": senders, "sent": sent, "resident_kib": resident_kib(),
            "appended_per_second": rate(rows, appended),
            "planned_per_second": rate(rows, planned),
            "appended_and_planned_per_second": rate(rows, appended + planned),
            "messages_per_second": rate(sent, sending),
            "receipts_each": receipts,
            "find_campaign_p99_micros": looks.get(looks.len() * 99 / 100).map(Duration::as_micros),
            "log_bytes": log_bytes,
        })
    );
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

impl Bench {
    async fn start(path: std::path::PathBuf) -> Self {
        let minter = Minter::new([1; 32]);
        let now = DateTime::from_timestamp(1_770_000_000, 0).unwrap();
        let key = WorkspaceKey::from_bytes(minter.bytes());
        let workspace = Workspace {
            id: minter.mint(now),
            name: "bench".to_owned(),
            key: key.clone(),
            unknown_policy: UnknownPolicy::default(),
            created_at: now,
        };
        let id = workspace.id;
        let api_key = ApiKey {
            id: minter.mint(now),
            workspace: id,
            name: "bench".to_owned(),
            hash: minter.bytes(),
            created_at: now,
        };
        let store =
            paceline_store_sqlite::open(SqliteOptions::new(path), Arc::new(Minter::new([2; 32]))).await.unwrap();
        store.bootstrap(workspace, api_key).await.unwrap();
        let worker = minter.mint(now);
        Self { store, minter, workspace: id, key, worker, now, looks: Mutex::default() }
    }

    async fn add_senders(&self, senders: i64) -> Vec<(SenderId, Epoch)> {
        for number in 0..senders {
            let sender = NewSender {
                id: self.minter.mint(self.now),
                workspace: self.workspace,
                phone: format!("+1555010{number:04}").parse().unwrap(),
                channel: ChannelKind::Simulator,
                name: number.to_string(),
                account: None,
                pools: vec!["main".to_owned()],
                profile: "unlimited".to_owned(),
                zone: chrono_tz::UTC,
                seed: Seed(number),
                created_at: self.now,
            };
            self.store.add_sender(sender).await.unwrap();
        }
        let wish = LeaseWish {
            worker: self.worker,
            slots: u32::MAX,
            pinned: None,
            channels: vec![ChannelKind::Simulator],
            ttl: TTL,
        };
        let leases = self.store.claim_leases(wish).await.unwrap();
        let connected = |sender| {
            let body = ResultBody::Session(SessionChange {
                state: SessionState::Connected,
                pairing_code: None,
                until: None,
                detail: None,
            });
            ResultToApply { result: WorkerResult { sender, at: self.now, body }, opt_out: OptOut::No }
        };
        let results: Vec<_> = leases.iter().map(|lease| connected(lease.sender.id)).collect();
        self.store.apply_results(&results, self.now).await.unwrap();
        leases.into_iter().map(|lease| (lease.sender.id, lease.epoch)).collect()
    }

    async fn add_campaign(&self) -> CampaignId {
        let definition = CampaignDefinition {
            name: "bench".to_owned(),
            template: "Hello {{ name }}".to_owned(),
            pool: "main".to_owned(),
            default_region: None,
            phone_column: None,
            start_at: None,
            expires_at: None,
        };
        let new =
            NewCampaign { id: self.minter.mint(self.now), workspace: self.workspace, definition, created_at: self.now };
        self.store.create_campaign(new).await.unwrap().id
    }

    async fn append(&self, campaign: CampaignId, rows: i64) {
        let upload = self.minter.mint(self.now);
        let opening = self.store.open_upload(self.workspace, campaign, upload, TTL).await.unwrap();
        let UploadOpening::Opened(upload) = opening else { panic!("{opening:?}") };
        let mut next = 1;
        while next <= rows {
            let last = rows.min(next + i64::from(BATCH) - 1);
            let batch = (next..=last).map(|row| self.row(row)).collect();
            self.store.append_recipients(upload, batch, TTL).await.unwrap();
            next = last + 1;
        }
        self.store.commit_upload(upload, vec!["name".to_owned()]).await.unwrap();
    }

    fn row(&self, row: i64) -> UploadRow {
        let address = Address::phone(format!("+4917{row:09}").parse().unwrap());
        let hash = self.key.hash_address(&address);
        UploadRow::Recipient { row, address, hash, variables: format!(r#"{{"name":"Person {row}","city":"Town"}}"#) }
    }

    async fn plan(&self) {
        let planning = self.store.list_planning(1).await.unwrap().remove(0);
        let (mut after, mut now) = (0, self.now);
        loop {
            let rows = self.store.list_unplanned(&planning.campaign, after, BATCH).await.unwrap();
            let Some(last) = rows.last().map(|row| row.recipient.row) else { return };
            let message = |row: paceline_store::plan::UnplannedRow| {
                let id: MessageId = self.minter.mint(now);
                let body =
                    format!("Hello {}, this is a message of the usual length for a campaign.", row.recipient.variables);
                PlannedMessage {
                    id,
                    wa_id: self.key.wa_id(id),
                    recipient: row.recipient,
                    content: Content::Text { body },
                    sticky: row.sticky,
                }
            };
            let messages = rows.into_iter().map(message).collect();
            let batch = PlannedBatch {
                campaign: planning.campaign.id,
                after_row: after,
                through_row: last,
                messages,
                exclusions: Vec::new(),
                now,
            };
            self.store.record_plan(batch).await.unwrap();
            after = last;
            now += TimeDelta::milliseconds(20);
        }
    }

    /// Someone who watches the campaign while it is sent.
    async fn look(self: Arc<Self>, campaign: CampaignId) {
        loop {
            let began = Instant::now();
            self.store.find_campaign(self.workspace, campaign).await.unwrap();
            self.looks.lock().unwrap().push(began.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// A releaser, an actor for each sender and a results role, all at once.
    async fn send(self: &Arc<Self>, leases: &[(SenderId, Epoch)], rows: i64, receipts: i64) -> i64 {
        let (reports, mut reported) = mpsc::channel::<Vec<WorkerResult>>(10_000);
        let mut jobs = HashMap::new();
        for &(sender, epoch) in leases {
            let (job, queue) = mpsc::channel::<Vec<ReleasedMessage>>(10_000);
            jobs.insert(sender, job);
            tokio::spawn(Arc::clone(self).act(sender, epoch, queue, reports.clone(), receipts));
        }
        drop(reports);
        let releaser = tokio::spawn(Arc::clone(self).release(jobs));
        let mut sent = 0;
        let mut open = true;
        while open {
            let mut batch = Vec::new();
            while batch.len() < 500 {
                let next = if batch.is_empty() { reported.recv().await } else { reported.try_recv().ok() };
                let Some(results) = next else {
                    open = !batch.is_empty();
                    break;
                };
                batch.extend(results.into_iter().map(|result| ResultToApply { result, opt_out: OptOut::No }));
            }
            let outcomes = batch.iter().filter(|it| matches!(it.result.body, ResultBody::Attempt { .. })).count();
            self.store.apply_results(&batch, self.now).await.unwrap();
            sent += i64::try_from(outcomes).unwrap();
            if sent >= rows {
                releaser.abort();
            }
        }
        sent
    }

    async fn release(self: Arc<Self>, jobs: HashMap<SenderId, mpsc::Sender<Vec<ReleasedMessage>>>) {
        loop {
            let windows = self.store.list_windows().await.unwrap();
            let room = |window: &paceline_store::release::SenderWindow| {
                let room = Profile::unlimited().window().saturating_sub(window.outstanding);
                Room { sender: window.sender.id, room, free: room }
            };
            let rooms: Vec<_> = windows.senders.iter().map(room).collect();
            let released =
                self.store.claim_due(windows.round, &rooms, self.now + TimeDelta::hours(1), TTL).await.unwrap();
            if released.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let mut by_sender: HashMap<SenderId, Vec<ReleasedMessage>> = HashMap::new();
            for message in released {
                by_sender.entry(message.sender).or_default().push(message);
            }
            for (sender, messages) in by_sender {
                for chunk in messages.chunks(64) {
                    jobs[&sender].send(chunk.to_vec()).await.unwrap();
                }
            }
        }
    }

    async fn act(
        self: Arc<Self>,
        sender: SenderId,
        epoch: Epoch,
        mut queue: mpsc::Receiver<Vec<ReleasedMessage>>,
        reports: mpsc::Sender<Vec<WorkerResult>>,
        receipts: i64,
    ) {
        while let Some(job) = queue.recv().await {
            let items: Vec<(MessageId, Generation)> = job.iter().map(|it| (it.message, it.generation)).collect();
            assert!(job.iter().all(|it| it.lane == Lane::Campaign));
            let batch = IntentBatch {
                sender,
                epoch,
                worker: self.worker,
                now: self.now,
                profile: Profile::unlimited(),
                items,
                pace_inputs: serde_json::json!({"rule": "free"}),
            };
            let Fenced::Done(answer) = self.store.record_intents(batch).await.unwrap() else { panic!("lease lost") };
            let granted: Vec<(MessageId, i32, WaId)> = answer
                .items
                .into_iter()
                .filter_map(|(message, verdict)| match verdict {
                    IntentVerdict::Granted(grant) => Some((message, grant.attempt, grant.wa_id)),
                    IntentVerdict::Refused(_) => None,
                })
                .collect();
            let outcome = Outcome::Sent { provider_id: None };
            let outcomes: Vec<_> = granted
                .iter()
                .map(|&(message, attempt, _)| AttemptOutcome {
                    message,
                    attempt,
                    epoch,
                    outcome: outcome.clone(),
                    at: self.now,
                })
                .collect();
            self.store.record_outcomes(&outcomes).await.unwrap();
            let result = |body| WorkerResult { sender, at: self.now, body };
            let sent = granted.iter().map(|&(message, attempt, _)| {
                result(ResultBody::Attempt { message, attempt, epoch, outcome: outcome.clone() })
            });
            reports.send(sent.collect()).await.unwrap();
            for kind in [ReceiptKind::Delivered, ReceiptKind::Read].into_iter().take(usize::try_from(receipts).unwrap())
            {
                let receipts =
                    granted.iter().map(|(_, _, id)| result(ResultBody::Receipt(Receipt { id: id.clone(), kind })));
                reports.send(receipts.collect()).await.unwrap();
            }
        }
    }
}
