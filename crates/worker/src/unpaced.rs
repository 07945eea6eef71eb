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
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    actor::{Actor, Link, Turn, sleep_until, sleep_until_instant},
    backlog::Item,
    intake::Intake,
    intent::Plan,
    lease::Standing,
    ticket::Ticket,
    transmit::{Doubt, Parcel, Transmission},
};

/// How many messages may be on their way when another batch is begun.
const IN_FLIGHT: usize = 3 * Job::MAX_ITEMS;

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

impl Flight {
    fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.intent.is_none()
    }
}

impl Actor {
    /// Sends what comes, until something else is to be done and nothing is on its way any more.
    pub(crate) async fn work_unpaced(&mut self, link: &mut Link, intake: &mut Intake) -> Turn {
        let mut flight = Flight::default();
        let mut leaving: Option<Turn> = None;
        loop {
            if leaving.is_none() {
                leaving = self.look_around(link, intake).await.err();
            }
            match leaving {
                Some(turn) if flight.is_empty() => return turn,
                Some(_) => leaving = self.land(link, intake, &mut flight).await.err().or(leaving),
                None => {
                    let wake_at = self.begin(intake, &mut flight).await;
                    leaving = self.fly(link, intake, &mut flight, wake_at).await.err();
                }
            }
        }
    }

    async fn look_around(&mut self, link: &Link, intake: &mut Intake) -> Result<(), Turn> {
        self.interruption(link)?;
        intake.pull().await.map_err(|_| Turn::ConsumerEnded)?;
        if self.context.gate.is_open() {
            self.put_off_old(intake, "ceiling").await;
        }
        Ok(())
    }

    /// Begins an intent when there is room and leave for one; answers with when to look again.
    async fn begin(&mut self, intake: &mut Intake, flight: &mut Flight) -> Option<DateTime<Utc>> {
        let waiting = intake.backlog.len();
        if flight.intent.is_some() || flight.sends.len() > IN_FLIGHT || waiting == 0 || !self.may_begin() {
            return None;
        }
        let now = self.context.clock.now();
        match self.plan(0, now) {
            Plan::PutOff { not_before, waits_for } => {
                let items = intake.backlog.take_all();
                self.put_off(items, PutOff { not_before, waits_for }).await;
                return None;
            }
            Plan::Wait(until) => return Some(until),
            // The pause of the profile that the sender had before.
            Plan::Send(slot) if slot.rule == Rule::Gap && slot.at > now => return Some(slot.at),
            Plan::Send(_) => {}
        }
        let most = if self.one_by_one > 0 { 1 } else { Job::MAX_ITEMS };
        let count = waiting.min(most).min(self.ceiling.burst());
        if let Err(at) = self.ceiling.check(count) {
            return Some(at);
        }
        self.one_by_one = self.one_by_one.saturating_sub(1);
        let items: Vec<_> = std::iter::from_fn(|| intake.backlog.pop()).take(count).collect();
        flight.intent = Some(self.intend(items, now));
        None
    }

    fn intend(&self, items: Vec<Item>, now: DateTime<Utc>) -> Intent {
        let claims = items.iter().map(|item| (item.job.message, item.job.generation)).collect();
        let batch = self.intent_batch(claims, now, self.pace_inputs(None, None, now));
        let store = Arc::clone(&self.context.store);
        let answer = tokio::spawn(async move { store.record_intents(batch).await });
        Intent { items, now, answer: AbortOnDropHandle::new(answer) }
    }

    /// Waits for whatever happens next. What is broken off here is only waiting: the intent and the sends live in the flight.
    async fn fly(
        &mut self,
        link: &mut Link,
        intake: &mut Intake,
        flight: &mut Flight,
        wake_at: Option<DateTime<Utc>>,
    ) -> Result<(), Turn> {
        let hold = self.context.options.max_hold;
        let oldest = if self.context.gate.is_open() { intake.backlog.oldest() } else { None };
        let search_at = self.search_at(intake).filter(|_| flight.is_empty());
        tokio::select! {
            biased;
            Some(sent) = flight.sends.next() => self.conclude_sent(sent).await,
            answer = answered(&mut flight.intent) => self.take_answer(link, intake, flight, answer).await,
            changed = link.status.changed() => changed.map_err(|_| Turn::SessionOver),
            () = self.lease.changed() => Ok(()),
            () = self.gate.changed() => Ok(()),
            taken = intake.next() => taken.map_err(|_| Turn::ConsumerEnded),
            () = sleep_until(&self.context, wake_at) => Ok(()),
            () = sleep_until_instant(oldest.map(|oldest: Instant| oldest + hold)) => Ok(()),
            () = sleep_until_instant(search_at) => self.search(intake).await,
        }
    }
}

impl Actor {
    /// Waits for what is on its way, and begins nothing.
    async fn land(&mut self, link: &Link, intake: &mut Intake, flight: &mut Flight) -> Result<(), Turn> {
        tokio::select! {
            biased;
            Some(sent) = flight.sends.next() => self.conclude_sent(sent).await,
            answer = answered(&mut flight.intent) => self.take_answer(link, intake, flight, answer).await,
        }
    }

    async fn conclude_sent(&mut self, sent: (Parcel, Arc<Ticket>, Transmission)) -> Result<(), Turn> {
        let (parcel, ticket, transmission) = sent;
        self.conclude(&parcel, Some(ticket), transmission).await
    }

    /// Sends what was granted, and settles what was not.
    async fn take_answer(
        &mut self,
        link: &Link,
        intake: &mut Intake,
        flight: &mut Flight,
        answer: StoreResult<Fenced<IntentAnswer>>,
    ) -> Result<(), Turn> {
        let Some(Intent { items, now, answer: _ }) = flight.intent.take() else { return Ok(()) };
        match answer {
            Ok(Fenced::Done(answer)) => {
                self.pace = answer.pace;
                for (item, (message, verdict)) in items.into_iter().zip(answer.items) {
                    match verdict {
                        IntentVerdict::Refused(refusal) => self.refuse(refusal, &item.ticket).await,
                        IntentVerdict::Granted(grant) => {
                            self.observe_intent(&item, now);
                            let parcel = Parcel::granted(message, grant);
                            let transmitter = Arc::clone(&link.transmitter);
                            let send = async move {
                                let transmission = transmitter.transmit(&parcel, Doubt::None).await;
                                (parcel, item.ticket, transmission)
                            };
                            flight.sends.push(send.boxed());
                        }
                    }
                }
                Ok(())
            }
            Ok(Fenced::LeaseLost) => {
                self.context.meters.epoch_refusals.with_label_values(&["intent"]).inc();
                self.lease.change(Standing::Lost);
                Err(Turn::LeaseOver)
            }
            Err(error) if error.is_transient() || items.len() > 1 => {
                if !error.is_transient() {
                    // One of them is the trouble; the others must not suffer for it.
                    self.one_by_one = items.len();
                }
                items.into_iter().rev().for_each(|item| intake.backlog.put_back(item));
                Err(self.intent_failed(&error).await)
            }
            Err(error) => {
                for item in items {
                    item.ticket.settle().await;
                }
                Err(self.intent_failed(&error).await)
            }
        }
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
