//! Jobs: one queue for each sender.

use async_trait::async_trait;
use futures_util::future;
use lapin::Channel;
use paceline_domain::{Job, SenderId};
use paceline_queue::{Delivery, JobConsumer, JobQueue, Publication, QueueError, QueueResult};

use crate::{
    RabbitQueue,
    consumer::{Deliveries, NoConsumer},
    fault::Fault,
    freight::Parcel,
    names::job_key,
    session::{self, Session},
    wire::{self, Kind, Unreadable},
};

/// How many channels share a large declaration. The broker declares on as many of its own processes; more would gain nothing and take its
/// time from everybody else.
const DECLARING_CHANNELS: usize = 4;

#[async_trait]
impl JobQueue for RabbitQueue {
    /// One queue in the way of one sender holds up no other: all others are declared all the same.
    async fn declare_senders(&self, senders: &[SenderId]) -> QueueResult<()> {
        if senders.is_empty() {
            return Ok(());
        }
        let session = self.links.declaring().session().await?;
        let share = senders.len().div_ceil(DECLARING_CHANNELS);
        let mut declaring = Vec::with_capacity(DECLARING_CHANNELS);
        for share in senders.chunks(share) {
            declaring.push(self.declare_share(&session, share));
        }
        let mut refusals = Vec::new();
        for share in future::join_all(declaring).await {
            refusals.extend(share?);
        }
        let others = refusals.len().saturating_sub(1);
        match refusals.into_iter().next() {
            None => Ok(()),
            Some(Fault::Refused { reason, cure }) if others > 0 => {
                Err(QueueError::Refused { reason, cure: format!("{cure}; and likewise {others} more") })
            }
            Some(fault) => Err(fault.into()),
        }
    }

    async fn publish_jobs(&self, jobs: Vec<Job>) -> QueueResult<Vec<Publication>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let parcels = jobs.iter().map(|job| Parcel { key: job_key(job.sender), body: wire::write_job(job) });
        Ok(self.jobs.publish(parcels.collect()).await?)
    }

    /// Declares the sender's queue where it is missing.
    async fn consume_jobs(&self, sender: SenderId, prefetch: u16) -> QueueResult<Box<dyn JobConsumer>> {
        let deliveries = match self.begin_jobs(sender, prefetch).await {
            Err(NoConsumer::Missing) => {
                self.declare_senders(&[sender]).await?;
                self.begin_jobs(sender, prefetch).await
            }
            begun => begun,
        };
        match deliveries {
            Ok(deliveries) => Ok(Box::new(SenderJobs { sender, deliveries })),
            Err(NoConsumer::Missing) => Err(Fault::away("the sender's queue is being deleted").into()),
            Err(NoConsumer::Fault(fault)) => Err(fault.into()),
        }
    }

    async fn remove_sender(&self, sender: SenderId) -> QueueResult<()> {
        let (session, topology) = (self.links.declaring().session().await?, &self.context.topology);
        let queue = topology.names.jobs_of(sender);
        let channel = session.open_channel().await?;
        if topology.finds(&channel, &queue).await? {
            topology.delete(&channel, &queue).await?;
            session::close(channel);
        }
        Ok(())
    }
}

impl RabbitQueue {
    /// Declares on one channel, and on a new one after each refusal, which ends the old one. Answers what was refused.
    async fn declare_share(&self, session: &Session, senders: &[SenderId]) -> Result<Vec<Fault>, Fault> {
        let mut refusals = Vec::new();
        let mut open: Option<Channel> = None;
        for &sender in senders {
            let channel = match open.take() {
                Some(channel) => channel,
                None => session.open_channel().await?,
            };
            match self.context.topology.declare_sender(&channel, sender).await {
                Ok(()) => open = Some(channel),
                Err(refusal) if refusal.is_refusal() => refusals.push(refusal),
                Err(fault) => return Err(fault),
            }
        }
        if let Some(channel) = open {
            session::close(channel);
        }
        Ok(refusals)
    }

    async fn begin_jobs(&self, sender: SenderId, prefetch: u16) -> Result<Deliveries, NoConsumer> {
        let seat = self.links.consuming();
        let session = seat.0.session().await?;
        let queue = self.context.names().jobs_of(sender);
        Deliveries::begin(&self.context, &session, seat, queue, prefetch).await
    }
}

struct SenderJobs {
    sender: SenderId,
    deliveries: Deliveries,
}

#[async_trait]
impl JobConsumer for SenderJobs {
    async fn next(&mut self) -> Option<Delivery<Job>> {
        let sender = self.sender;
        let read = |received: &lapin::message::Delivery| match wire::read_job(received)? {
            job if job.sender == sender => Ok(job),
            _ => Err(Unreadable::Sender),
        };
        self.deliveries.next(read, Kind::Jobs.as_str()).await
    }
}
