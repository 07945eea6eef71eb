//! Jobs: one bounded queue for each sender.

use std::{
    collections::hash_map::Entry,
    sync::{Arc, PoisonError},
};

use async_trait::async_trait;
use paceline_domain::{Job, SenderId};
use paceline_queue::{Delivery, JobConsumer, JobQueue, Publication, QueueResult};

use crate::{
    EmbeddedQueue,
    line::{Line, LineConsumer, Offer},
};

#[async_trait]
impl JobQueue for EmbeddedQueue {
    async fn declare_senders(&self, senders: &[SenderId]) -> QueueResult<()> {
        for &sender in senders {
            self.declare(sender);
        }
        Ok(())
    }

    async fn publish_jobs(&self, jobs: Vec<Job>) -> QueueResult<Vec<Publication>> {
        Ok(jobs.into_iter().map(|job| self.publish(job)).collect())
    }

    /// Declares the sender's queue where it is missing.
    async fn consume_jobs(&self, sender: SenderId, prefetch: u16) -> QueueResult<Box<dyn JobConsumer>> {
        Ok(Box::new(SenderJobs(self.declare(sender).consume(usize::from(prefetch)))))
    }

    async fn remove_sender(&self, sender: SenderId) -> QueueResult<()> {
        let removed = self.jobs.write().unwrap_or_else(PoisonError::into_inner).remove(&sender);
        if let Some(line) = removed {
            line.remove();
        }
        Ok(())
    }
}

impl EmbeddedQueue {
    fn declare(&self, sender: SenderId) -> Arc<Line<Job>> {
        if let Some(line) = self.find_line(sender) {
            return line;
        }
        match self.jobs.write().unwrap_or_else(PoisonError::into_inner).entry(sender) {
            Entry::Occupied(line) => Arc::clone(line.get()),
            Entry::Vacant(place) => Arc::clone(place.insert(Line::new(self.job_depth.clone()))),
        }
    }

    fn find_line(&self, sender: SenderId) -> Option<Arc<Line<Job>>> {
        self.jobs.read().unwrap_or_else(PoisonError::into_inner).get(&sender).cloned()
    }

    fn publish(&self, job: Job) -> Publication {
        let Some(line) = self.find_line(job.sender) else { return Publication::Returned };
        match line.offer(job, self.jobs_per_sender) {
            Offer::Taken => Publication::Confirmed,
            Offer::Full => Publication::Rejected,
            Offer::Removed => Publication::Returned,
        }
    }
}

struct SenderJobs(LineConsumer<Job>);

#[async_trait]
impl JobConsumer for SenderJobs {
    async fn next(&mut self) -> Option<Delivery<Job>> {
        self.0.next().await
    }
}
