//! One sender's actor: lease, session, settle, consume; and back.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_channel::Channel;
use paceline_domain::{AttemptNumber, MessageId};
use paceline_pacing::{Pace, PaceState, Profile};
use paceline_store::release::{Claim, PutOff};
use tokio::{sync::watch, time::Instant};

use crate::{
    backlog::Item,
    backoff::Backoff,
    ceiling::Ceiling,
    connection::{Connection, Ending, SessionStatus},
    context::Context,
    gate::{Closer, GateWatch},
    intake::Intake,
    lease::{LeaseWatch, Standing},
    meters::SessionMeter,
    ticket::Ticket,
    transmit::Transmitter,
};

/// How many claims are given back in one transaction.
const CLAIMS_PER_GIVE_BACK: usize = 512;

/// How long to wait before a consumer that ended is made again.
const CONSUME_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// One sender's actor.
pub(crate) struct Actor {
    pub(crate) context: Arc<Context>,
    pub(crate) lease: LeaseWatch,
    pub(crate) gate: GateWatch,
    channel: Arc<dyn Channel>,
    meter: Arc<SessionMeter>,
    /// The name under which `profile` was found; a renewal may bring another.
    pub(crate) profile_name: String,
    pub(crate) profile: Profile,
    /// As the last intent left it. Nobody else spends it while the lease is held.
    pub(crate) pace: PaceState,
    pub(crate) ceiling: Arc<Ceiling>,
    /// The network said that it goes too fast.
    pub(crate) throttled_until: Option<DateTime<Utc>>,
    /// On how many sessions an open attempt was sent again, so that one message cannot take the sender down for ever.
    pub(crate) resends: HashMap<(MessageId, AttemptNumber), u32>,
    /// The jobs of attempts that were left open on the present consumer, answered when those are settled.
    pub(crate) owed: HashMap<(MessageId, AttemptNumber), Arc<Ticket>>,
    /// When the last intent was, for the gap's histogram.
    pub(crate) last_intent: Option<DateTime<Utc>>,
    /// How many intents are to be made one by one, because the store refused a batch.
    pub(crate) one_by_one: usize,
}

/// A session that is up.
pub(crate) struct Link {
    pub(crate) transmitter: Arc<Transmitter>,
    pub(crate) status: watch::Receiver<SessionStatus>,
}

/// Why the actor stops what it is doing, by what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// An attempt was left open, or may have been: settle before the next new send.
    Settle,
    /// The profile changed.
    Profile,
    /// The consumer ended: make it again.
    ConsumerEnded,
    /// The session is over, or no good.
    SessionOver,
    /// The lease is not held any more.
    LeaseOver,
}

impl Actor {
    pub(crate) fn new(context: Arc<Context>, lease: LeaseWatch, channel: Arc<dyn Channel>) -> Self {
        let sender = lease.sender();
        let profile = context.profile(&sender.profile);
        Self {
            gate: context.gate.watch(),
            ceiling: Arc::new(Ceiling::new(profile.per_second, Arc::clone(&context.clock))),
            meter: Arc::new(context.meters.session()),
            channel,
            profile_name: sender.profile.clone(),
            profile,
            pace: sender.pace.clone(),
            throttled_until: None,
            resends: HashMap::new(),
            owed: HashMap::new(),
            last_intent: None,
            one_by_one: 0,
            lease,
            context,
        }
    }

    /// Works for the sender until the lease ends, then releases it.
    pub(crate) async fn run(mut self) {
        let first_pause = self.context.options.reconnect_pause;
        let mut backoff = Backoff::of_sender(self.lease.id, self.lease.epoch, first_pause);
        while self.lease.standing() == Standing::Held {
            let ending = self.work_on_session(&mut backoff).await;
            tokio::select! {
                biased;
                () = self.rest(ending, &mut backoff) => {}
                () = self.lease.ended() => {}
            }
        }
        tracing::info!(sender.id = %self.lease.id, lease.standing = ?self.lease.standing(), "the actor ends");
        if self.lease.standing() != Standing::Lost
            && let Err(error) = self.context.store.release_lease(self.lease.id, self.lease.epoch).await
        {
            tracing::warn!(sender.id = %self.lease.id, error = %error, "the lease runs out by itself, as it cannot be released");
        }
    }

    async fn rest(&self, ending: Ending, backoff: &mut Backoff) {
        match ending {
            Ending::Disconnected | Ending::LoggedOut => tokio::time::sleep(backoff.next_pause()).await,
            Ending::Replaced => tokio::time::sleep(self.context.options.replaced_pause).await,
            Ending::Suspended(Some(until)) => self.context.clock.sleep_until(until).await,
            Ending::Suspended(None) => std::future::pending().await,
        }
    }

    /// Opens a session, works on it until it or the lease is over, and closes it.
    async fn work_on_session(&mut self, backoff: &mut Backoff) -> Ending {
        let opening = Connection::open(&self.context, &self.lease, &self.channel, &self.meter);
        let opened = tokio::select! {
            biased;
            opened = opening => opened,
            () = self.lease.ended() => Err(Ending::Disconnected),
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(ending) => return ending,
        };
        let mut status = connection.status.clone();
        let up = tokio::select! {
            biased;
            up = status.wait_for(|status| *status != SessionStatus::Opening) => up.is_ok_and(|s| *s == SessionStatus::Connected),
            () = self.lease.ended() => false,
        };
        if up {
            backoff.reset();
            tracing::info!(sender.id = %self.lease.id, lease.epoch = self.lease.epoch.0, "the session is up");
            let mut link = Link { transmitter: Arc::new(self.transmitter(&connection)), status };
            self.work(&mut link).await;
        }
        connection.close().await
    }

    fn transmitter(&self, connection: &Connection) -> Transmitter {
        Transmitter {
            context: Arc::clone(&self.context),
            lease: self.lease.clone(),
            session: Arc::clone(&connection.session),
            channel: self.channel.kind(),
            ceiling: Arc::clone(&self.ceiling),
        }
    }

    /// Settles, consumes and sends, round and round, until the session or the lease is over.
    async fn work(&mut self, link: &mut Link) {
        let mut intake = None;
        let mut settled = false;
        loop {
            let turn = match self.take_turn(link, &mut intake, settled).await {
                Ok(turn) | Err(turn) => turn,
            };
            match turn {
                Turn::Settle => settled = false,
                Turn::Profile => {
                    settled = true;
                    self.change_profile(link);
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
                    tokio::time::sleep(CONSUME_AGAIN_AFTER).await;
                }
                Turn::SessionOver | Turn::LeaseOver => break,
            }
        }
        self.leave(link, intake).await;
    }

    async fn take_turn(&mut self, link: &mut Link, intake: &mut Option<Intake>, settled: bool) -> Result<Turn, Turn> {
        if !settled {
            self.settle(link).await?;
        }
        let intake = match intake {
            Some(intake) => intake,
            None => intake.insert(self.consume(link).await?),
        };
        Ok(if self.profile.is_unpaced() {
            self.work_unpaced(link, intake).await
        } else {
            self.work_paced(link, intake).await
        })
    }

    fn change_profile(&mut self, link: &mut Link) {
        let name = self.lease.sender().profile.clone();
        tracing::info!(sender.id = %self.lease.id, profile.name = %name, "the sender has another pacing profile");
        self.profile = self.context.profile(&name);
        self.profile_name = name;
        self.ceiling = Arc::new(Ceiling::new(self.profile.per_second, Arc::clone(&self.context.clock)));
        let old = &link.transmitter;
        link.transmitter = Arc::new(Transmitter {
            context: Arc::clone(&old.context),
            lease: old.lease.clone(),
            session: Arc::clone(&old.session),
            channel: old.channel,
            ceiling: Arc::clone(&self.ceiling),
        });
    }

    /// Gives a consumer up: its jobs come again to the next one, but for those whose outcomes are being reported.
    async fn part_with(&mut self, intake: Intake) {
        tokio::select! {
            biased;
            () = self.context.reporter.flush() => {}
            () = self.lease.ended() => {}
        }
        self.owed.clear();
        drop(intake);
    }

    /// Takes leave of a session. A short absence leaves the jobs in the queue, a long one lets other senders have the messages,
    /// and a lost lease leaves everything to its new holder.
    async fn leave(&mut self, link: &Link, intake: Option<Intake>) {
        let over = match *link.status.borrow() {
            SessionStatus::Over(ending) => Some(ending),
            SessionStatus::Opening | SessionStatus::Connected => None,
        };
        let waits_for = match (self.lease.standing(), over) {
            (Standing::Unwanted | Standing::Draining, _) => Some("sender"),
            (Standing::Held, Some(Ending::Replaced | Ending::LoggedOut | Ending::Suspended(_))) => Some("session"),
            (Standing::Held | Standing::Lost, _) => None,
        };
        if let Some(mut intake) = intake {
            if let Some(waits_for) = waits_for {
                // A consumer that has ended meanwhile has its jobs come again by itself.
                let _ = intake.pull().await;
                let items = intake.backlog.take_all();
                self.put_off(items, PutOff { not_before: None, waits_for }).await;
            }
            // Their answers need the consumer alive.
            self.context.reporter.flush().await;
            self.owed.clear();
        }
    }

    /// Whether something other than work is to be done.
    pub(crate) fn interruption(&self, link: &Link) -> Result<(), Turn> {
        if self.lease.standing() != Standing::Held {
            return Err(Turn::LeaseOver);
        }
        if matches!(*link.status.borrow(), SessionStatus::Over(_)) {
            return Err(Turn::SessionOver);
        }
        if self.lease.sender().profile != self.profile_name {
            return Err(Turn::Profile);
        }
        Ok(())
    }

    /// Gives claims back to the store and answers their jobs; where the store is away the jobs go back to the queue.
    pub(crate) async fn put_off(&self, items: Vec<Item>, put_off: PutOff) {
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

    /// Puts off what has been held for as long as a job may be.
    pub(crate) async fn put_off_old(&self, intake: &mut Intake, waits_for: &'static str) {
        let Some(limit) = Instant::now().checked_sub(self.context.options.max_hold) else { return };
        let old = intake.backlog.take_older(limit);
        self.put_off(old, PutOff { not_before: None, waits_for }).await;
    }

    /// Waits until there may be something to do: a job, the time given, or a change of lease, session, gate or profile.
    pub(crate) async fn idle(
        &mut self,
        link: &mut Link,
        intake: &mut Intake,
        until: Option<DateTime<Utc>>,
    ) -> Result<(), Turn> {
        // While the store is away nothing can be put off, and an old job would only wake us again and again.
        let hold = self.context.options.max_hold;
        let oldest = if self.context.gate.is_open() { intake.backlog.oldest() } else { None };
        let search_at = self.search_at(intake);
        tokio::select! {
            biased;
            () = self.lease.changed() => Ok(()),
            changed = link.status.changed() => changed.map_err(|_| Turn::SessionOver),
            () = self.gate.changed() => Ok(()),
            taken = intake.next() => taken.map_err(|_| Turn::ConsumerEnded),
            () = sleep_until(&self.context, until) => Ok(()),
            () = sleep_until_instant(oldest.map(|oldest| oldest + hold)) => Ok(()),
            () = sleep_until_instant(search_at) => self.search(intake).await,
        }
    }

    /// The sender's pacer.
    pub(crate) fn with_pace<T>(&self, decide: impl FnOnce(Pace<'_>) -> T) -> T {
        let sender = self.lease.sender();
        decide(Pace { profile: &self.profile, zone: sender.zone, seed: sender.seed })
    }

    pub(crate) fn channel_word(&self) -> &'static str {
        self.channel.kind().as_str()
    }

    pub(crate) fn channel_kind(&self) -> paceline_domain::ChannelKind {
        self.channel.kind()
    }
}

/// Sleeps until a campaign time, or for ever.
pub(crate) async fn sleep_until(context: &Context, until: Option<DateTime<Utc>>) {
    match until {
        Some(at) => context.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Sleeps until a real time, or for ever.
pub(crate) async fn sleep_until_instant(until: Option<Instant>) {
    match until {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
