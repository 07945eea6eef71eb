//! Settles, consumes and sends, round and round, on one session after another.

use std::{sync::Arc, time::Duration};

use paceline_channel::Session;
use paceline_domain::ChannelKind;
use paceline_store::release::PutOff;
use tokio::{sync::watch, time::Instant};

use crate::{
    backoff::Backoff,
    context::Context,
    lease::watch::{LeaseWatch, Standing},
    send::{
        attempts::Attempts,
        consuming::consume,
        intake::Intake,
        link::Link,
        paced::Paced,
        settle::Settling,
        transmit::Transmitter,
        turn::Turn,
        unpaced::{BatchSize, Unpaced},
    },
    session::status::{Ending, SessionStatus},
};

/// How long to wait at first before a consumer that ended is made again; longer each time, for brokers dislike consumers that come and go.
const CONSUME_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A consumer that has lived for so long was no failure.
const STEADY: Duration = Duration::from_secs(30);

/// Sends for one sender, while its lease is held.
pub(crate) struct SendLoop {
    attempts: Attempts,
    batch_size: BatchSize,
    /// The waits between consumers that end.
    consumers: Backoff,
    /// When the present one began.
    consuming_since: Instant,
}

impl SendLoop {
    /// One that has no session yet.
    pub(crate) fn new(context: Arc<Context>, lease: LeaseWatch, channel: ChannelKind) -> Self {
        let consumers = Backoff::of_sender(lease.id, lease.epoch, CONSUME_AGAIN_AFTER);
        let attempts = Attempts::new(context, lease, channel);
        Self { attempts, batch_size: BatchSize::default(), consumers, consuming_since: Instant::now() }
    }

    /// Works on a session that is up, until it or the lease is over.
    pub(crate) async fn work_on(&mut self, session: Arc<dyn Session>, status: watch::Receiver<SessionStatus>) {
        let mut link = Link::new(self.transmitter(session), status);
        let mut intake = None;
        let mut settled = false;
        loop {
            let turn = match self.take_turn(&mut link, &mut intake, settled).await {
                Ok(turn) | Err(turn) => turn,
            };
            match turn {
                Turn::Settle => settled = false,
                Turn::Profile => {
                    settled = true;
                    self.attempts.pace.change_profile();
                    link.change_ceiling(Arc::clone(self.attempts.pace.ceiling()));
                    if let Some(intake) = intake.take() {
                        // The prefetch follows the profile. What is in hand comes again to the next consumer.
                        self.part_with(intake).await;
                    }
                }
                Turn::ConsumerEnded => {
                    settled = true;
                    if let Some(intake) = intake.take() {
                        self.part_with(intake).await;
                    }
                    if self.consuming_since.elapsed() >= STEADY {
                        self.consumers.reset();
                    }
                    tokio::time::sleep(self.consumers.next_pause().min(LONGEST_WAIT)).await;
                }
                Turn::SessionOver | Turn::LeaseOver => break,
            }
        }
        self.leave(&link, intake).await;
    }

    fn transmitter(&self, session: Arc<dyn Session>) -> Transmitter {
        let Attempts { context, lease, channel, pace, open: _ } = &self.attempts;
        let (context, ceiling) = (Arc::clone(context), Arc::clone(pace.ceiling()));
        Transmitter { context, lease: lease.clone(), session, channel: *channel, ceiling }
    }

    async fn take_turn(&mut self, link: &mut Link, intake: &mut Option<Intake>, settled: bool) -> Result<Turn, Turn> {
        let attempts = &mut self.attempts;
        if !settled {
            Settling { attempts, link }.settle().await?;
        }
        if intake.is_none() {
            *intake = Some(consume(&self.attempts, link).await?);
            self.consuming_since = Instant::now();
        }
        let Some(intake) = intake else { return Ok(Turn::ConsumerEnded) };
        let attempts = &mut self.attempts;
        Ok(if attempts.pace.profile().is_unpaced() {
            Unpaced::new(attempts, link, intake, &mut self.batch_size).work().await
        } else {
            Paced::new(attempts, link, intake).work().await
        })
    }

    /// Gives a consumer up: its jobs come again to the next one, but for those whose outcomes are being reported.
    async fn part_with(&mut self, intake: Intake) {
        tokio::select! {
            biased;
            () = self.attempts.context.reporter.flush() => {}
            () = self.attempts.lease.ended() => {}
        }
        self.attempts.open.forget_owed();
        drop(intake);
    }

    /// Takes leave of a session. A short absence leaves the jobs in the queue, a long one lets other senders have the messages,
    /// and a lost lease leaves everything to its new holder.
    async fn leave(&mut self, link: &Link, intake: Option<Intake>) {
        let waits_for = match (self.attempts.lease.standing(), link.ending()) {
            (Standing::Unwanted | Standing::Draining, _) => Some("sender"),
            (Standing::Held, Some(Ending::Replaced | Ending::LoggedOut | Ending::Suspended(_))) => Some("session"),
            (Standing::Held | Standing::Lost, _) => None,
        };
        if let Some(mut intake) = intake {
            if let Some(waits_for) = waits_for {
                // A consumer that has ended meanwhile has its jobs come again by itself.
                let _ = intake.pull().await;
                intake.put_off_all(PutOff { not_before: None, waits_for }).await;
            }
            // Their answers need the consumer alive.
            self.attempts.context.reporter.flush().await;
            self.attempts.open.forget_owed();
        }
    }
}
