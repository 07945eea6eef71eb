//! The writer: one task that owns the one connection that writes, and commits in groups.
//!
//! A caller hands in a whole transaction as a closure and is answered after the commit. What is queued while the disk works
//! becomes the next group: one `BEGIN IMMEDIATE`, one fsync, a savepoint for each transaction. A caller that goes away does
//! not undo its transaction: it is done whole or not at all, as if the answer had been lost.

use std::time::Duration;

use paceline_ledger::{Fault, Steps, Then, rows::Rows};
use paceline_store::{StoreError, StoreResult};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{
    error::{retell, store_error, unavailable},
    transaction::Tx,
};

/// How many transactions may wait for the writer before callers wait to hand theirs in.
const QUEUE: usize = 1_024;

/// The most transactions of a group.
const GROUP: usize = 128;

/// A group that has worked for so long takes no more transactions: those that are done want their answers.
const GROUP_TIME: Duration = Duration::from_millis(20);

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Order>);

enum Order {
    Run(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the writer over an open connection. When that one breaks, it opens another with the same options.
    pub(crate) fn start(conn: sqlx::SqliteConnection, options: SqliteConnectOptions) -> Self {
        let (orders, queue) = mpsc::channel(QUEUE);
        tokio::spawn(WriterTask { queue, options, tx: Some(Tx::new(conn)) }.run());
        Self(orders)
    }

    /// Runs a transaction and answers after its commit.
    pub(crate) async fn write<T, F>(&self, steps: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Typed { steps: Some(steps), done: None, reply };
        let closed = || unavailable("the store is closed");
        self.0.send(Order::Run(Box::new(job))).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Ends the writer after what is queued; the last connection folds the log into the database file.
    pub(crate) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.0.send(Order::Close(reply)).await.is_ok() {
            // An error means that the task has ended, which is what was asked for.
            let _ = closed.await;
        }
    }
}

/// A transaction without its type.
trait Job: Send {
    /// Runs the steps and keeps what they return.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Steps<'t, ()>;
    /// Answers the caller: with what the steps returned when the commit succeeded.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Typed<T, F> {
    steps: Option<F>,
    done: Option<T>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Job for Typed<T, F>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Rows) -> Steps<'t, T> + Send + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Steps<'t, ()> {
        Box::pin(async move {
            let Some(steps) = self.steps.take() else { return Ok(()) };
            self.done = Some(steps(&mut *tx).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Typed { done, reply, .. } = *self;
        let answer = committed.and_then(|()| done.ok_or_else(|| unavailable("the transaction did not end")));
        // An error means that the caller went away.
        let _ = reply.send(answer);
    }
}

struct WriterTask {
    queue: mpsc::Receiver<Order>,
    options: SqliteConnectOptions,
    /// `None` while the connection is broken.
    tx: Option<Tx>,
}

impl WriterTask {
    async fn run(mut self) {
        while let Some(order) = self.queue.recv().await {
            match order {
                Order::Run(job) => {
                    if let Some(reply) = self.run_group(job).await {
                        self.end().await;
                        let _ = reply.send(());
                        return;
                    }
                }
                Order::Close(reply) => {
                    self.end().await;
                    let _ = reply.send(());
                    return;
                }
            }
        }
        self.end().await;
    }

    async fn end(&mut self) {
        self.queue.close();
        if let Some(tx) = self.tx.take()
            && let Err(error) = tx.conn.close().await
        {
            tracing::warn!(error = %error, "the database was not closed cleanly; the next start recovers it");
        }
    }

    /// Runs a group that begins with `first`. Returns the wish to close, when one was queued.
    async fn run_group(&mut self, first: Box<dyn Job>) -> Option<oneshot::Sender<()>> {
        let mut group = Group::default();
        let mut close = None;
        let begun = self.begin().await;
        let outcome = match (begun, &mut self.tx) {
            (Ok(()), Some(tx)) => group.run(tx, first, &mut self.queue, &mut close).await,
            (begun, _) => {
                group.done.push(first);
                // The others would meet the same obstacle one busy timeout later each.
                while group.done.len() < GROUP
                    && close.is_none()
                    && let Ok(order) = self.queue.try_recv()
                {
                    match order {
                        Order::Run(job) => group.done.push(job),
                        Order::Close(reply) => close = Some(reply),
                    }
                }
                begun.and_then(|()| Err(unavailable("the store is closed")))
            }
        };
        if let Err(error) = &outcome {
            tracing::warn!(error = %error, transactions = group.done.len(), "nothing of a group was written");
            self.recover().await;
        }
        group.answer(outcome);
        close
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        let tx = match self.tx.take() {
            Some(tx) => tx,
            None => Tx::new(self.options.connect().await.map_err(store_error)?),
        };
        let tx = self.tx.insert(tx);
        sqlx::query("BEGIN IMMEDIATE").execute(&mut tx.conn).await.map_err(store_error)?;
        Ok(())
    }

    /// Leaves no transaction open, and no connection whose state is in doubt.
    async fn recover(&mut self) {
        let Some(mut tx) = self.tx.take() else { return };
        // Fails when SQLite has rolled back by itself, which is as good.
        let _ = sqlx::query("ROLLBACK").execute(&mut tx.conn).await;
        let idle = sqlx::query("BEGIN").execute(&mut tx.conn).await.is_ok()
            && sqlx::query("ROLLBACK").execute(&mut tx.conn).await.is_ok();
        if idle {
            // A full disk may have room again once the log's pages are in the file and its space can be written over. No
            // harm in a failure: the next group tries its own luck.
            let _ = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut tx.conn).await;
            self.tx = Some(tx);
        }
    }
}

/// Transactions that are committed together.
#[derive(Default)]
struct Group {
    /// Those that wait for the commit.
    done: Vec<Box<dyn Job>>,
    /// Those that were refused, and rolled back alone.
    refused: Vec<(Box<dyn Job>, StoreError)>,
}

impl Group {
    async fn run(
        &mut self,
        tx: &mut Tx,
        first: Box<dyn Job>,
        queue: &mut mpsc::Receiver<Order>,
        close: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), StoreError> {
        let began = Instant::now();
        let mut next = Some(first);
        while let Some(job) = next.take() {
            self.run_one(tx, job).await?;
            if self.done.len() + self.refused.len() < GROUP && began.elapsed() < GROUP_TIME {
                match queue.try_recv() {
                    Ok(Order::Run(job)) => next = Some(job),
                    Ok(Order::Close(reply)) => *close = Some(reply),
                    Err(_) => {}
                }
            }
        }
        sqlx::query("COMMIT").execute(&mut tx.conn).await.map_err(store_error)?;
        Ok(())
    }

    async fn run_one(&mut self, tx: &mut Tx, mut job: Box<dyn Job>) -> Result<(), StoreError> {
        // Nothing was written before it: it needs no savepoint, its rollback is the whole one.
        let alone = self.done.is_empty();
        if !alone && let Err(error) = sqlx::query("SAVEPOINT one").execute(&mut tx.conn).await {
            self.done.push(job);
            return Err(store_error(error));
        }
        let end = match job.run(tx).await {
            Ok(()) => {
                self.done.push(job);
                if alone { None } else { Some("RELEASE one") }
            }
            // One that is alone loses against nobody: there is nothing to repeat.
            Err(Fault { error, then: Then::RollBack | Then::Repeat }) => {
                self.refused.push((job, error));
                Some(if alone { "ROLLBACK; BEGIN IMMEDIATE" } else { "ROLLBACK TO one; RELEASE one" })
            }
            Err(Fault { error, then: Then::Close }) => {
                self.done.push(job);
                return Err(error);
            }
        };
        if let Some(end) = end {
            sqlx::query(end).execute(&mut tx.conn).await.map_err(store_error)?;
        }
        Ok(())
    }

    fn answer(self, outcome: Result<(), StoreError>) {
        for (job, error) in self.refused {
            job.answer(Err(error));
        }
        let mut jobs = self.done.into_iter();
        match outcome {
            Ok(()) => jobs.for_each(|job| job.answer(Ok(()))),
            Err(error) => {
                // The last is the one that met the error.
                let last = jobs.next_back();
                jobs.for_each(|job| job.answer(Err(retell(&error))));
                if let Some(job) = last {
                    job.answer(Err(error));
                }
            }
        }
    }
}
