//! An unpaced sender: intents in batches, sends side by side, and the next intent while the sends of the former run.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use paceline_domain::Job;
use paceline_pacing::Rule;
use paceline_store::{
    StoreResult,
    intents::{IntentAnswer, IntentVerdict},
    leases::Fenced,
    release::PutOff,
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    report::ticket::Ticket,
    send::{
        attempts::Attempts,
        backlog::Item,
        intake::Intake,
        link::Link,
        pace::Plan,
        sleep::{sleep_until, sleep_until_instant},
        transmit::{Doubt, Parcel, Transmission},
        turn::Turn,
    },
};

/// How many messages may be on their way when another batch is begun.
const IN_FLIGHT: usize = 3 * Job::MAX_ITEMS;

/// An unpaced sender at work on one session with one consumer.
pub(crate) struct Unpaced<'a> {
    attempts: &'a mut Attempts,
    link: &'a mut Link,
    intake: &'a mut Intake,
    batch_size: &'a mut BatchSize,
    flight: Flight,
}

/// How many messages one intent is for.
#[derive(Default)]
pub(crate) struct BatchSize {
    /// How many intents are to be made one by one, because the store refused a batch.
    one_by_one: usize,
}

/// What is on its way.
#[derive(Default)]
struct Flight {
    sends: FuturesUnordered<BoxFuture<'static, (Parcel, Arc<Ticket>, Transmission)>>,
    intent: Option<Intent>,
}

struct Intent {
    items: Vec<Item>,
    now: DateTime<Utc>,
    /// A task of its own: whatever the actor waits for meanwhile may need the store's one connection, which an intent that is
    /// not polled would keep.
    answer: AbortOnDropHandle<StoreResult<Fenced<IntentAnswer>>>,
}

impl<'a> Unpaced<'a> {
    /// Nothing is on its way yet.
    pub(crate) fn new(
        attempts: &'a mut Attempts,
        link: &'a mut Link,
        intake: &'a mut Intake,
        batch_size: &'a mut BatchSize,
    ) -> Self {
        Self { attempts, link, intake, batch_size, flight: Flight::default() }
    }

    /// Sends what comes, until something else is to be done and nothing is on its way any more.
    pub(crate) async fn work(mut self) -> Turn {
        let mut leaving: Option<Turn> = None;
        loop {
            if leaving.is_none() {
                leaving = self.look_around().await.err();
            }
            match leaving {
                Some(turn) if self.flight.is_empty() => return turn,
                Some(_) => leaving = self.land().await.err().or(leaving),
                None => {
                    let wake_at = self.begin().await;
                    leaving = self.fly(wake_at).await.err();
                }
            }
        }
    }

    async fn look_around(&mut self) -> Result<(), Turn> {
        self.attempts.interruption(self.link)?;
        self.intake.pull().await?;
        self.intake.put_off_old("ceiling").await;
        Ok(())
    }

    /// Begins an intent when there is room and leave for one; answers with when to look again.
    async fn begin(&mut self) -> Option<DateTime<Utc>> {
        let waiting = self.intake.backlog.len();
        if self.flight.is_full() || waiting == 0 || !self.attempts.may_begin() {
            return None;
        }
        let now = self.attempts.context.clock.now();
        match self.attempts.pace.plan(0, now) {
            Plan::PutOff { not_before, waits_for } => {
                self.intake.put_off_all(PutOff { not_before, waits_for }).await;
                return None;
            }
            Plan::Wait { until, .. } => return Some(until),
            // The pause of the profile that the sender had before.
            Plan::Send(slot) if slot.rule == Rule::Gap && slot.at > now => return Some(slot.at),
            Plan::Send(_) => {}
        }
        let ceiling = self.attempts.pace.ceiling();
        let count = waiting.min(self.batch_size.most()).min(ceiling.burst());
        if let Err(at) = ceiling.check(count) {
            return Some(at);
        }
        self.batch_size.begun();
        let items: Vec<_> = std::iter::from_fn(|| self.intake.backlog.pop()).take(count).collect();
        self.flight.intent = Some(self.intend(items, now));
        None
    }

    fn intend(&self, items: Vec<Item>, now: DateTime<Utc>) -> Intent {
        let claims = items.iter().map(|item| (item.job.message, item.job.generation)).collect();
        let batch = self.attempts.intent(claims, now, self.attempts.pace.inputs(None, None, now));
        let store = Arc::clone(&self.attempts.context.store);
        let answer = tokio::spawn(async move { store.record_intents(batch).await });
        Intent { items, now, answer: AbortOnDropHandle::new(answer) }
    }

    /// Waits for whatever happens next. What is broken off here is only waiting: the intent and the sends live in the flight.
    async fn fly(&mut self, wake_at: Option<DateTime<Utc>>) -> Result<(), Turn> {
        let clock = Arc::clone(&self.attempts.context.clock);
        let put_off_at = self.intake.put_off_at();
        let look_at = self.intake.look_for_lost_at().filter(|_| self.flight.is_empty());
        tokio::select! {
            biased;
            Some(sent) = self.flight.sends.next() => self.conclude(sent).await,
            answer = answered(&mut self.flight.intent) => self.take_answer(answer).await,
            changed = self.link.changed() => changed,
            taken = self.intake.next() => taken,
            () = sleep_until(clock.as_ref(), wake_at) => Ok(()),
            () = sleep_until_instant(put_off_at) => Ok(()),
            () = sleep_until_instant(look_at) => self.intake.reclaim_lost().await,
        }
    }

    /// Waits for what is on its way, and begins nothing.
    async fn land(&mut self) -> Result<(), Turn> {
        tokio::select! {
            biased;
            Some(sent) = self.flight.sends.next() => self.conclude(sent).await,
            answer = answered(&mut self.flight.intent) => self.take_answer(answer).await,
        }
    }

    async fn conclude(&mut self, sent: (Parcel, Arc<Ticket>, Transmission)) -> Result<(), Turn> {
        let (parcel, ticket, transmission) = sent;
        self.attempts.conclude(&parcel, Some(ticket), transmission).await
    }

    /// Sends what was granted, and settles what was not.
    async fn take_answer(&mut self, answer: StoreResult<Fenced<IntentAnswer>>) -> Result<(), Turn> {
        let Some(Intent { items, now, answer: _ }) = self.flight.intent.take() else { return Ok(()) };
        match answer {
            Ok(Fenced::Done(answer)) => {
                self.attempts.pace.spend(answer.pace);
                for (item, (message, verdict)) in items.into_iter().zip(answer.items) {
                    match verdict {
                        IntentVerdict::Refused(refusal) => self.attempts.refused(refusal, &item.ticket).await,
                        IntentVerdict::Granted(grant) => {
                            self.attempts.granted(&item, now);
                            self.send(Parcel::granted(message, grant), item.ticket);
                        }
                    }
                }
                Ok(())
            }
            Ok(Fenced::LeaseLost) => Err(self.attempts.lease_lost("intent")),
            Err(error) if error.is_transient() || items.len() > 1 => {
                if !error.is_transient() {
                    self.batch_size.refused(items.len());
                }
                items.into_iter().rev().for_each(|item| self.intake.backlog.put_back(item));
                Err(self.attempts.intent_failed(&error).await)
            }
            Err(error) => {
                for item in items {
                    item.ticket.settle().await;
                }
                Err(self.attempts.intent_failed(&error).await)
            }
        }
    }

    fn send(&self, parcel: Parcel, ticket: Arc<Ticket>) {
        let transmitter = Arc::clone(self.link.transmitter());
        let send = async move {
            let transmission = transmitter.transmit(&parcel, Doubt::None).await;
            (parcel, ticket, transmission)
        };
        self.flight.sends.push(send.boxed());
    }
}

impl BatchSize {
    /// The most messages of the next batch.
    fn most(&self) -> usize {
        if self.one_by_one > 0 { 1 } else { Job::MAX_ITEMS }
    }

    /// A batch was begun.
    fn begun(&mut self) {
        self.one_by_one = self.one_by_one.saturating_sub(1);
    }

    /// The store has refused a batch: one of its messages is the trouble, and the others must not suffer for it.
    fn refused(&mut self, count: usize) {
        self.one_by_one = count;
    }
}

impl Flight {
    fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.intent.is_none()
    }

    fn is_full(&self) -> bool {
        self.sends.len() > IN_FLIGHT || self.intent.is_some()
    }
}

/// The answer to the intent on its way; never, when there is none. Cancel-safe.
async fn answered(intent: &mut Option<Intent>) -> StoreResult<Fenced<IntentAnswer>> {
    match intent {
        Some(intent) => match (&mut intent.answer).await {
            Ok(answer) => answer,
            // Nobody aborts it, so it panicked; the actor ends as it would have without a task between.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        },
        None => std::future::pending().await,
    }
}
