//! The load: campaigns of thousands, one after the other so that there is always something to send, and a trickle of single messages.
//!
//! It behaves as a careful client does: whatever has no answer is asked again under the same `Idempotency-Key`, perhaps of another
//! server. What was answered with 2xx goes into the book of accepted things, and nothing else.

use std::{
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Answer, Api, ScenarioError, ScenarioResult, TEXT_MARK,
    oracle::{Accepted, AcceptedCampaign},
    stage::text,
};

/// Everyone who is ever written to; later campaigns meet the people of earlier ones again, and who has opted out meanwhile.
const POPULATION: usize = 60_000;
/// How long a client waits before it asks again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Between two single messages.
const TRICKLE: Duration = Duration::from_millis(500);
/// Between two looks at how much is left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What clients do, and what they were told.
#[derive(Debug)]
pub(super) struct Load {
    doors: Vec<Api>,
    turn: AtomicUsize,
    /// How many people a campaign has.
    size: usize,
    stop: CancellationToken,
    accepted: Mutex<Accepted>,
    /// Messages that wait, as of the last look.
    waiting: AtomicU64,
}

impl Load {
    /// Clients of these servers.
    pub(super) fn new(doors: Vec<Api>, size: usize, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            doors,
            turn: AtomicUsize::default(),
            size,
            stop,
            accepted: Mutex::default(),
            waiting: AtomicU64::default(),
        })
    }

    /// Whether there was something to send at the last look.
    pub(super) fn has_work(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// What was accepted.
    pub(super) fn accepted(&self) -> Accepted {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Submits campaigns until it is stopped: the next one when less than half of one is left.
    pub(super) async fn submit_campaigns(self: Arc<Self>) -> ScenarioResult<()> {
        let mut running = Vec::new();
        for number in 0.. {
            while self.look(&mut running).await >= self.size / 2 {
                if self.rests(LOOK_EVERY).await {
                    return Ok(());
                }
            }
            match self.submit(number).await? {
                Some(campaign) => running.push(campaign),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Sends single messages until it is stopped.
    pub(super) async fn send_single_messages(self: Arc<Self>) -> ScenarioResult<()> {
        for number in 0_usize.. {
            if self.rests(TRICKLE).await {
                break;
            }
            let to = phone(number * 7_919 + 13);
            let text = format!("Order {number} is at the {TEXT_MARK}.");
            let answer = self.ask(format!("single-{number}"), |api| {
                api.request(Method::POST, "/v1/messages").json(&json!({ "to": to, "text": text }))
            });
            match answer.await {
                None => break,
                // Whoever has opted out is not written to.
                Some(answer) if answer.slug() == "recipient-suppressed" => {}
                Some(answer) => {
                    let id = self::text(&answer.ok()?, "id")?;
                    self.book(|accepted| accepted.messages.insert(id));
                }
            }
        }
        Ok(())
    }

    /// How many messages of these campaigns wait; those that have ended are forgotten.
    async fn look(&self, running: &mut Vec<String>) -> usize {
        let mut waiting = 0;
        for campaign in std::mem::take(running) {
            let door = &self.doors[self.turn.load(Ordering::Relaxed) % self.doors.len()];
            let progress = door.get(&format!("/v1/campaigns/{campaign}/progress")).await.and_then(Answer::ok);
            let Ok(progress) = progress else {
                self.turn.fetch_add(1, Ordering::Relaxed);
                // As if all of it were left: a server that does not answer is asked again, not given more.
                waiting += self.size;
                running.push(campaign);
                continue;
            };
            let count = |value: &serde_json::Value| value.as_u64().unwrap_or_default();
            let planning = &progress["planning"];
            let unplanned = count(&planning["rows"]).saturating_sub(count(&planning["planned_through"]));
            waiting += usize::try_from(count(&progress["account"]["waiting"]) + unplanned).unwrap_or(usize::MAX);
            if progress["state"] == "running" {
                running.push(campaign);
            }
        }
        self.waiting.store(waiting as u64, Ordering::Relaxed);
        waiting
    }

    /// One campaign, from the draft to the start; nothing when the clients were stopped before.
    async fn submit(&self, number: usize) -> ScenarioResult<Option<String>> {
        let template = format!("Hi {{{{ name }}}}, code {{{{ code }}}} of the {TEXT_MARK}.");
        let campaign = json!({ "name": format!("Campaign {number}"), "template": template });
        let drafted =
            self.ask(format!("draft-{number}"), |api| api.request(Method::POST, "/v1/campaigns").json(&campaign));
        let Some(drafted) = drafted.await else { return Ok(None) };
        let id = text(&drafted.ok()?, "id")?;
        let path = format!("/v1/campaigns/{id}");
        let phones: Vec<_> = (0..self.size).map(|row| phone(number * self.size * 2 / 3 + row)).collect();
        let csv = csv(number, &phones);
        let uploaded = self.ask(format!("upload-{number}"), |api| {
            api.request(Method::POST, &format!("{path}/recipients"))
                .header("content-type", "text/csv")
                .body(csv.clone())
        });
        let Some(uploaded) = uploaded.await else { return Ok(None) };
        let uploaded = uploaded.ok()?;
        if uploaded["accepted"] != phones.len() {
            return Err(ScenarioError::new(format!("not all of {} were accepted: {uploaded}", phones.len())));
        }
        let started = self.ask(format!("start-{number}"), |api| api.request(Method::POST, &format!("{path}/start")));
        let Some(started) = started.await else { return Ok(None) };
        started.ok()?;
        self.book(|accepted| accepted.campaigns.push(AcceptedCampaign { id: id.clone(), phones }));
        Ok(Some(id))
    }

    /// Asks until there is an answer that is one; nothing when the clients were stopped before.
    async fn ask(&self, key: String, request: impl Fn(&Api) -> RequestBuilder) -> Option<Answer> {
        loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let door = &self.doors[turn % self.doors.len()];
            match door.send(request(door).header("idempotency-key", &key)).await {
                Ok(answer) if !comes_again(&answer) => return Some(answer),
                _ if self.rests(AGAIN_AFTER).await => return None,
                _ => {}
            }
        }
    }

    /// Waits a moment; whether the clients were stopped meanwhile.
    async fn rests(&self, moment: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => true,
            () = sleep(moment) => false,
        }
    }

    fn book<T>(&self, entry: impl FnOnce(&mut Accepted) -> T) {
        entry(&mut self.accepted.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether an answer asks to come again.
fn comes_again(answer: &Answer) -> bool {
    answer.status >= 500 || ["idempotency-key-in-flight", "conflict", "upload-in-progress"].contains(&answer.slug())
}

/// One of the population.
fn phone(index: usize) -> String {
    let person = index % POPULATION;
    format!("+4915177{:04}{:02}", 1_000 + person / 100, person % 100)
}

/// An audience whose texts are all different, so that a text tells its message.
fn csv(campaign: usize, phones: &[String]) -> String {
    let mut csv = "phone,name,code\n".to_owned();
    for (row, phone) in phones.iter().enumerate() {
        let _ = writeln!(csv, "{phone},Guest,{campaign}-{row}");
    }
    csv
}
