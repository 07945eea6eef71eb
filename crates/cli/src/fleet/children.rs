//! The worker processes of this machine, held against the senders there are.

use std::{
    collections::{HashMap, HashSet},
    io,
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use paceline_domain::{Clock, Minter, SenderId, WorkerId};
use paceline_store::senders::Sender;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use super::{
    child::{Launch, Running, Signal, Standing, describe, resident_bytes, tell},
    meters::Meters,
};
use crate::{setup::Setup, table::Table};

/// How long a worker may drain before it is killed; longer than its own limit.
const DRAIN_LIMIT: Duration = Duration::from_secs(70);
/// A worker that has run for as long has recovered: its next end counts as the first again.
const RECOVERED_AFTER: Duration = Duration::from_mins(1);
/// The longest pause before a worker that keeps ending is started again.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long a new worker may be without the lease that another one has, before it is not needed.
const LEASE_WITHIN: Duration = Duration::from_secs(10);
/// The table is shown at most this often.
const TABLE_EVERY: Duration = Duration::from_secs(5);

/// The worker processes.
pub(super) struct Children {
    launch: Launch,
    max: usize,
    clock: Arc<dyn Clock>,
    minter: Arc<Minter>,
    meters: Meters,
    running: HashMap<SenderId, Running>,
    reapers: JoinSet<(SenderId, io::Result<ExitStatus>)>,
    /// Senders whose workers have ended unasked.
    crashes: HashMap<SenderId, Crashes>,
    /// Whether the log has said that there are more senders than processes.
    full: bool,
    rows: Vec<Row>,
    shown: Vec<(SenderId, u32, &'static str)>,
    shown_at: Option<Instant>,
}

struct Crashes {
    count: u32,
    again_at: Instant,
}

/// A sender as the table shows it.
struct Row {
    id: SenderId,
    phone: String,
    last_sent_at: Option<DateTime<Utc>>,
    held_elsewhere: bool,
}

/// A worker that was reaped.
pub(super) struct Ended {
    pub(super) worker: WorkerId,
    pub(super) line: Value,
}

impl Children {
    pub(super) fn new(launch: Launch, max: u32, setup: &Setup) -> Self {
        Self {
            launch,
            max: usize::try_from(max).unwrap_or(usize::MAX),
            clock: Arc::clone(&setup.clock),
            minter: Arc::clone(&setup.minter),
            meters: Meters::new(&setup.metrics),
            running: HashMap::new(),
            reapers: JoinSet::new(),
            crashes: HashMap::new(),
            full: false,
            rows: Vec::new(),
            shown: Vec::new(),
            shown_at: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Starts and stops what the active senders ask for. Answers with what was done.
    pub(super) fn follow(&mut self, senders: &[Sender]) -> Vec<Value> {
        let mut done = Vec::new();
        let active: HashSet<SenderId> = senders.iter().map(|sender| sender.id).collect();
        self.crashes.retain(|sender, _| active.contains(sender));
        let unwanted: Vec<_> = self.running.keys().copied().filter(|sender| !active.contains(sender)).collect();
        for sender in unwanted {
            done.extend(self.stop(sender, "the sender is not active"));
        }
        let mut left_out = 0;
        for sender in senders {
            let holder = sender.lease.as_ref().map(|lease| lease.worker);
            match self.running.get(&sender.id) {
                Some(child) if holder.is_some_and(|holder| holder != child.worker) => {
                    if child.started.elapsed() > LEASE_WITHIN {
                        done.extend(self.stop(sender.id, "another worker holds the sender"));
                    }
                }
                Some(_) => {}
                None if holder.is_some() || !self.may_start(sender.id) => {}
                None if self.running.len() >= self.max => left_out += 1,
                None => done.extend(self.start(sender.id)),
            }
        }
        self.kill_the_slow();
        self.report_left_out(left_out);
        self.rows = senders.iter().map(|sender| self.row(sender)).collect();
        done
    }

    fn may_start(&self, sender: SenderId) -> bool {
        self.crashes.get(&sender).is_none_or(|crashes| crashes.again_at <= Instant::now())
    }

    fn start(&mut self, sender: SenderId) -> Option<Value> {
        let worker: WorkerId = self.minter.mint(self.clock.real_now());
        let mut child = match self.launch.start(sender, worker) {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(sender.id = %sender, %error, "a worker cannot be started");
                self.note_crash(sender, Duration::ZERO);
                return None;
            }
        };
        let pid = child.id()?;
        self.reapers.spawn(async move { (sender, child.wait().await) });
        self.running.insert(sender, Running { worker, pid, started: Instant::now(), standing: Standing::Wanted });
        self.meters.started.inc();
        self.count();
        tracing::info!(sender.id = %sender, worker.id = %worker, process.pid = pid, "a worker is started");
        Some(json!({ "event": "worker_started", "sender_id": sender, "worker_id": worker, "pid": pid }))
    }

    fn stop(&mut self, sender: SenderId, why: &str) -> Option<Value> {
        let child = self.running.get_mut(&sender).filter(|child| child.standing == Standing::Wanted)?;
        child.standing = Standing::Stopping(Instant::now());
        tell(child.pid, Signal::TERM);
        tracing::info!(sender.id = %sender, process.pid = child.pid, why, "a worker is stopped");
        Some(json!({ "event": "worker_stopping", "sender_id": sender, "pid": child.pid, "why": why }))
    }

    /// Asks every worker to drain.
    pub(super) fn stop_all(&mut self) {
        let all: Vec<_> = self.running.keys().copied().collect();
        for sender in all {
            self.stop(sender, "the fleet stops");
        }
    }

    /// The next worker that has ended and been reaped; waits for ever while there is none. Cancel-safe.
    pub(super) async fn next_ended(&mut self) -> Ended {
        loop {
            match self.reapers.join_next().await {
                Some(Ok((sender, status))) => {
                    if let Some(ended) = self.note_end(sender, &status) {
                        return ended;
                    }
                }
                Some(Err(error)) => tracing::error!(%error, "a worker cannot be waited for"),
                None => std::future::pending().await,
            }
        }
    }

    /// The next one while all are stopping, with those killed that take too long; `None` when all have been reaped.
    pub(super) async fn next_ended_of_the_stopped(&mut self) -> Option<Ended> {
        while !self.running.is_empty() {
            self.kill_the_slow();
            if let Ok(ended) = tokio::time::timeout(Duration::from_secs(1), self.next_ended()).await {
                return Some(ended);
            }
        }
        None
    }

    fn note_end(&mut self, sender: SenderId, status: &io::Result<ExitStatus>) -> Option<Ended> {
        let child = self.running.remove(&sender)?;
        self.count();
        let (how, pid) = (describe(status), child.pid);
        if child.standing == Standing::Wanted {
            tracing::warn!(sender.id = %sender, process.pid = pid, status = how, "a worker has ended unasked");
            self.meters.crashed.inc();
            self.note_crash(sender, child.started.elapsed());
        } else {
            tracing::info!(sender.id = %sender, process.pid = pid, status = how, "a worker has stopped");
        }
        let line = json!({ "event": "worker_ended", "sender_id": sender, "pid": pid, "status": how });
        Some(Ended { worker: child.worker, line })
    }

    /// The first crash is made good at once; one that follows soon waits 1, 2, 4, … seconds.
    fn note_crash(&mut self, sender: SenderId, ran_for: Duration) {
        let before = self.crashes.get(&sender).map_or(0, |crashes| crashes.count);
        let count = if ran_for >= RECOVERED_AFTER { 1 } else { before.saturating_add(1) };
        let pause = match count {
            0 | 1 => Duration::ZERO,
            _ => Duration::from_secs(1_u64 << (count - 2).min(6)).min(LONGEST_PAUSE),
        };
        self.crashes.insert(sender, Crashes { count, again_at: Instant::now() + pause });
    }

    fn kill_the_slow(&mut self) {
        for (sender, child) in &mut self.running {
            if let Standing::Stopping(since) = child.standing
                && since.elapsed() > DRAIN_LIMIT
            {
                tracing::error!(sender.id = %sender, process.pid = child.pid, "a worker does not drain; it is killed");
                tell(child.pid, Signal::KILL);
                child.standing = Standing::Killed;
            }
        }
    }

    fn report_left_out(&mut self, left_out: usize) {
        self.meters.left_out.set(i64::try_from(left_out).unwrap_or(i64::MAX));
        if left_out > 0 && !self.full {
            tracing::warn!(
                senders.left_out = left_out,
                fleet.max = self.max,
                "there are more active senders than this fleet has processes; raise --max, or start a fleet on another machine"
            );
        }
        self.full = left_out > 0;
    }

    fn count(&self) {
        self.meters.workers.set(i64::try_from(self.running.len()).unwrap_or(i64::MAX));
    }

    fn row(&self, sender: &Sender) -> Row {
        let holder = sender.lease.as_ref().map(|lease| lease.worker);
        let own = self.running.get(&sender.id).map(|child| child.worker);
        Row {
            id: sender.id,
            phone: sender.phone.as_e164().to_owned(),
            last_sent_at: sender.last_sent_at,
            held_elsewhere: holder.is_some() && holder != own,
        }
    }

    fn state_of(&self, row: &Row) -> (u32, &'static str) {
        match self.running.get(&row.id) {
            Some(child) if child.standing == Standing::Wanted => (child.pid, "running"),
            Some(child) => (child.pid, "stopping"),
            None if row.held_elsewhere => (0, "held elsewhere"),
            None if self.crashes.contains_key(&row.id) => (0, "restarting"),
            None => (0, "waiting"),
        }
    }

    /// The table of senders and their workers, when something about it has changed and it was not shown just now.
    pub(super) fn table_when_changed(&mut self) -> Option<String> {
        let states: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let (pid, state) = self.state_of(row);
                (row.id, pid, state)
            })
            .collect();
        if states == self.shown || self.shown_at.is_some_and(|at| at.elapsed() < TABLE_EVERY) {
            return None;
        }
        let mut table = Table::new(&["SENDER", "PID", "STATE", "MEMORY", "LAST SEND"]);
        for (row, &(_, pid, state)) in self.rows.iter().zip(&states) {
            let memory = resident_bytes(pid).map_or_else(|| "–".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
            let last = row.last_sent_at.map_or_else(|| "–".to_owned(), |at| at.format("%F %T").to_string());
            let pid = if pid == 0 { "–".to_owned() } else { pid.to_string() };
            table.add(vec![row.phone.clone(), pid, state.to_owned(), memory, last]);
        }
        self.shown = states;
        self.shown_at = Some(Instant::now());
        Some(format!("\n{table}"))
    }
}
