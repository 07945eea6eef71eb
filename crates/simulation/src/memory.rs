//! The database in memory: the row port over maps. It decides nothing; the ledger does.
//!
//! Transactions run one at a time and are whole or not at all: each table notes what was there before. Where nobody else holds the maps,
//! as in the simulation, no statement ever waits. Every lock that another database would wait for is held against the order of
//! locks, so that each run of the simulation and of the conformance suite proves that order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use paceline_domain::{
    AddressHash, ApiKeyId, AttemptNumber, CampaignId, EndpointId, MessageId, PoolId, SenderId, SignInId, UploadId,
    WorkerId, WorkspaceId,
};
use paceline_ledger::{
    Database, Fallible, Steps,
    locks::{Line, Order},
    rows::Rows,
};
use paceline_store::{
    StoreError, StoreResult,
    campaigns::ExcludedRow,
    endpoints::Endpoint,
    leases::SealedSession,
    recipients::RecipientRow,
    resolutions::Resolved,
    sign_ins::SignIn,
    suppressions::Suppression,
    workspaces::{ApiKey, Workspace},
};
use tokio::sync::{Mutex, MutexGuard};

use self::{
    attempts::Attempts,
    campaigns::CampaignEntry,
    dead_letters::DeadLetters,
    deliveries::Deliveries,
    events::EventEntry,
    fleet::WorkerEntry,
    idempotency::KeyEntry,
    messages::Messages,
    senders::PoolEntry,
    table::{Table, Undo},
    uploads::UploadEntry,
};

mod attempts;
mod campaigns;
mod counters;
mod dead_letters;
mod deliveries;
mod endpoints;
mod events;
mod fleet;
mod gates;
mod health;
mod idempotency;
mod leases;
mod messages;
mod plan;
mod purge;
mod release;
mod resolutions;
mod results;
mod senders;
mod sign_ins;
mod suppressions;
mod table;
mod uploads;
mod waiting;
mod workspaces;

pub(crate) use messages::MessageEntry;
pub(crate) use senders::SenderEntry;

/// The database. Clones share it.
#[derive(Clone)]
pub struct Memory(Arc<Shared>);

struct Shared {
    tables: Mutex<Tables>,
    clock: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    is_closed: AtomicBool,
}

/// Everything that is stored.
#[derive(Default)]
pub(crate) struct Tables {
    /// When the present transaction began, by the database's own clock: leases and claims are reckoned in it.
    pub(crate) now: DateTime<Utc>,
    pub(crate) workspaces: Table<WorkspaceId, Workspace>,
    api_keys: Table<ApiKeyId, ApiKey>,
    sign_ins: Table<SignInId, SignIn>,
    /// Whether nobody has seen the first key.
    unseen_first_key: Table<(), ()>,
    idempotency_keys: Table<(WorkspaceId, String), KeyEntry>,
    pub(crate) senders: Table<SenderId, SenderEntry>,
    sessions: Table<(SenderId, i32), SealedSession>,
    pools: Table<PoolId, PoolEntry>,
    members: Table<(SenderId, PoolId), ()>,
    workers: Table<WorkerId, WorkerEntry>,
    pub(crate) campaigns: Table<CampaignId, CampaignEntry>,
    counts: Table<(WorkspaceId, CampaignId, String), i64>,
    uploads: Table<UploadId, UploadEntry>,
    recipients: Table<(CampaignId, i64), RecipientRow>,
    /// The row of each person among a campaign's.
    people: Table<(CampaignId, AddressHash), i64>,
    exclusions: Table<(CampaignId, i64), ExcludedRow>,
    pub(crate) messages: Messages,
    pub(crate) attempts: Attempts,
    /// The ids of results that were applied, and when.
    inbox: Table<[u8; 16], DateTime<Utc>>,
    pub(crate) suppressions: Table<(WorkspaceId, AddressHash), Suppression>,
    pub(crate) events: Table<i64, EventEntry>,
    /// Events up to this row have a number, which is that of the row.
    numbered_through: Table<(), i64>,
    endpoints: Table<EndpointId, Endpoint>,
    /// Those for which something may still wait.
    removed_endpoints: Table<EndpointId, ()>,
    deliveries: Deliveries,
    rounds: Table<(), i64>,
    dead_letters: DeadLetters,
    resolutions: Table<(MessageId, AttemptNumber), Resolved>,
    order: Order,
    /// The newest number of a row, of whatever table. One that was given to a transaction that failed is not given again.
    last_seq: i64,
    /// The present transaction is to be lost although its caller is told that it was committed.
    loses_commit: bool,
}

impl Memory {
    /// An empty database whose own time is what `clock` says.
    pub fn new(clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        let (tables, is_closed) = (Mutex::new(Tables::default()), AtomicBool::new(false));
        Self(Arc::new(Shared { tables, clock: Box::new(clock), is_closed }))
    }

    /// The tables as they are. To be called where nobody else holds them.
    pub(crate) fn look(&self) -> MutexGuard<'_, Tables> {
        let mut tables = self.0.tables.try_lock().expect("one thread owns the world, and no call of the ledger waits");
        tables.now = self.now();
        tables
    }

    /// Changes tables past the ledger, as a defect would.
    pub(crate) fn tamper<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> T {
        let mut tables = self.look();
        let answer = change(&mut tables);
        tables.keep();
        answer
    }

    /// Loses the next transaction, whose caller will be told that it was committed.
    pub(crate) fn lose_next_commit(&self) {
        self.look().loses_commit = true;
    }

    /// The tables, to be read as one snapshot.
    async fn read(&self) -> Fallible<MutexGuard<'_, Tables>> {
        if self.0.is_closed.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable { reason: "the maps are closed".to_owned(), source: None }.into());
        }
        // Trying first, because waiting for a turn would cost a part of the budget of tokio's tasks, and wait when that is spent.
        let mut tables = match self.0.tables.try_lock() {
            Ok(tables) => tables,
            Err(_) => self.0.tables.lock().await,
        };
        tables.now = self.now();
        Ok(tables)
    }

    fn now(&self) -> DateTime<Utc> {
        (self.0.clock)().trunc_subsecs(6)
    }
}

/// A transaction under way. Unless it is kept, it is undone when it is dropped, in whatever way it ended.
struct Transaction<'m>(MutexGuard<'m, Tables>);

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        self.0.undo();
    }
}

#[async_trait]
impl Database for Memory {
    async fn transact<T, F>(&self, steps: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Clone + Send + 'static,
    {
        let mut transaction = Transaction(self.read().await?);
        transaction.0.order = Order::default();
        let is_lost = std::mem::take(&mut transaction.0.loses_commit);
        // Nobody else is under way, so that there is nobody to lose against and nothing to repeat.
        let done = steps(&mut *transaction.0).await?;
        if !is_lost {
            transaction.0.keep();
        }
        Ok(done)
    }

    async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        // Whoever is under way has its turn before this one.
        drop(self.0.tables.lock().await);
    }
}

impl Tables {
    /// Waits for a lock, in another database than this.
    fn wait_for(&mut self, line: Line) {
        self.order.wait_for(line);
    }

    /// Forgets which results were applied.
    pub(crate) fn forget_inbox(&mut self) {
        self.inbox = Table::default();
    }

    /// The number of a new row.
    fn next_seq(&mut self) -> i64 {
        self.last_seq += 1;
        self.last_seq
    }

    fn after(&self, span: Duration) -> DateTime<Utc> {
        let span = TimeDelta::from_std(span).ok();
        span.and_then(|span| self.now.checked_add_signed(span)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn before(&self, span: Duration) -> DateTime<Utc> {
        let span = TimeDelta::from_std(span).ok();
        span.and_then(|span| self.now.checked_sub_signed(span)).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    fn each(&mut self) -> [&mut dyn Undo; 28] {
        [
            &mut self.workspaces,
            &mut self.api_keys,
            &mut self.sign_ins,
            &mut self.unseen_first_key,
            &mut self.idempotency_keys,
            &mut self.senders,
            &mut self.sessions,
            &mut self.pools,
            &mut self.members,
            &mut self.workers,
            &mut self.campaigns,
            &mut self.counts,
            &mut self.uploads,
            &mut self.recipients,
            &mut self.people,
            &mut self.exclusions,
            &mut self.messages,
            &mut self.attempts,
            &mut self.inbox,
            &mut self.suppressions,
            &mut self.events,
            &mut self.numbered_through,
            &mut self.endpoints,
            &mut self.removed_endpoints,
            &mut self.deliveries,
            &mut self.rounds,
            &mut self.dead_letters,
            &mut self.resolutions,
        ]
    }
}

impl Undo for Tables {
    fn keep(&mut self) {
        for table in self.each() {
            table.keep();
        }
    }

    fn undo(&mut self) {
        for table in self.each() {
            table.undo();
        }
    }
}
