//! A running consumer with the messages that it has brought: they are sent from here, or their claims are given back.
//!
//! Dropping it gives every unanswered job back to the queue.

use std::sync::Arc;

use futures_util::FutureExt;
use paceline_domain::Job;
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_queue::{Delivery, JobConsumer};
use paceline_store::release::{Claim, PutOff};
use tokio::time::Instant;

use crate::{
    context::Context,
    gate::Closer,
    lease::watch::LeaseWatch,
    send::{
        backlog::{Backlog, Item},
        lost_jobs::LostJobs,
        turn::Turn,
    },
};

/// How many claims are given back in one transaction.
const CLAIMS_PER_GIVE_BACK: usize = 512;

/// Jobs in hand and jobs to come.
pub(crate) struct Intake {
    /// The messages in hand.
    pub(crate) backlog: Backlog,
    context: Arc<Context>,
    lease: LeaseWatch,
    consumer: Box<dyn JobConsumer>,
    lost_jobs: LostJobs,
}

impl Intake {
    /// Nothing is in hand yet.
    pub(crate) fn new(context: Arc<Context>, lease: LeaseWatch, consumer: Box<dyn JobConsumer>) -> Self {
        let lost_jobs = LostJobs::new(context.options.missed_after);
        Self { backlog: Backlog::default(), context, lease, consumer, lost_jobs }
    }

    /// Takes up the next job. Cancel-safe: between the arrival and the backlog nothing waits, but for a job without messages.
    pub(crate) async fn next(&mut self) -> Result<(), Turn> {
        let delivery = self.consumer.next().await.ok_or(Turn::ConsumerEnded)?;
        self.take(delivery).await;
        Ok(())
    }

    /// Takes up all the jobs at hand.
    pub(crate) async fn pull(&mut self) -> Result<(), Turn> {
        while let Some(next) = self.consumer.next().now_or_never() {
            self.take(next.ok_or(Turn::ConsumerEnded)?).await;
        }
        Ok(())
    }

    /// When the job that has been held longest is to be put off.
    pub(crate) fn put_off_at(&self) -> Option<Instant> {
        // While the store is away nothing can be put off, and an old job would only wake the actor again and again.
        let oldest = if self.context.gate.is_open() { self.backlog.oldest() } else { None };
        oldest.map(|oldest| oldest + self.context.options.max_hold)
    }

    /// Puts off what has been held for as long as a job may be. Not while the store is away.
    pub(crate) async fn put_off_old(&mut self, waits_for: &'static str) {
        if !self.context.gate.is_open() {
            return;
        }
        let Some(limit) = Instant::now().checked_sub(self.context.options.max_hold) else { return };
        let old = self.backlog.take_older(limit);
        self.put_off(old, PutOff { not_before: None, waits_for }).await;
    }

    /// Puts off everything in hand.
    pub(crate) async fn put_off_all(&mut self, put_off: PutOff) {
        let items = self.backlog.take_all();
        self.put_off(items, put_off).await;
    }

    /// Gives claims back to the store and answers their jobs; where the store is away the jobs go back to the queue.
    pub(crate) async fn put_off(&mut self, items: Vec<Item>, put_off: PutOff) {
        let mut items = items;
        while !items.is_empty() {
            let later = items.split_off(items.len().min(CLAIMS_PER_GIVE_BACK));
            let claims: Vec<_> =
                items.iter().map(|item| Claim { message: item.job.message, generation: item.job.generation }).collect();
            let given = self.context.store.give_back(&claims, put_off).await;
            let count = u64::try_from(claims.len()).unwrap_or(u64::MAX);
            self.context.meters.put_off.with_label_values(&[put_off.waits_for]).inc_by(count);
            if let Err(error) = &given {
                self.context.gate.close(Closer::Leases, error);
                if !error.is_transient() {
                    tracing::error!(sender.id = %self.lease.id, error = %error, "claims cannot be given back to the store");
                }
            }
            for item in std::mem::replace(&mut items, later) {
                match given {
                    Ok(()) => item.ticket.settle().await,
                    Err(_) => item.ticket.give_back().await,
                }
            }
        }
    }

    /// When to look for lost jobs: only while there is nothing in hand, and not while the store is away.
    pub(crate) fn look_for_lost_at(&self) -> Option<Instant> {
        (self.backlog.len() == 0 && self.context.gate.is_open()).then(|| self.lost_jobs.look_at())
    }

    /// Gives the claims of lost jobs back.
    pub(crate) async fn reclaim_lost(&mut self) -> Result<(), Turn> {
        self.lost_jobs.reclaim(&self.context, &self.lease).await
    }

    async fn take(&mut self, delivery: Delivery<Job>) {
        failpoints::pass(Failpoint::WorkerJobReceived);
        self.lost_jobs.job_came();
        if let Some(acker) = self.backlog.take(delivery, Instant::now())
            && let Err(error) = acker.ack().await
        {
            tracing::debug!(error = %error, "a job without messages could not be answered");
        }
    }
}
