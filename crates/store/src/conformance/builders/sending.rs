//! Releases, intents, outcomes and results.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{
    Epoch, Generation, Inbound, Lane, MessageId, Outcome, Receipt, ReceiptKind, ResultBody, SenderId, SessionChange,
    SessionState, WaId, WorkerResult,
};
use paceline_pacing::Profile;

use super::{HOUR, World, address, campaigns::text, fleet::room};
use crate::{
    intents::{AttemptOutcome, Grant, IntentAnswer, IntentBatch, IntentVerdict},
    leases::{Fenced, Lease},
    messages::{Message, MessageAcceptance, NewMessage, Route},
    release::{Claim, PutOff, ReleasedMessage, Room},
    results::{ApplySummary, OptOut, ResultToApply},
    suppressions::Suppression,
};

impl World {
    /// A transactional message to a numbered person.
    pub fn new_message(&self, person: u32, route: Route) -> NewMessage {
        let id = self.id();
        NewMessage {
            id,
            workspace: self.workspace,
            lane: Lane::Transactional,
            to: address(person),
            hash: self.hash(person),
            content: text("Your code is 1234"),
            wa_id: self.key.wa_id(id),
            route,
            not_before: None,
            expires_at: None,
            created_at: self.now,
        }
    }

    /// Accepts a transactional message.
    pub async fn accept(&self, message: NewMessage) -> Message {
        match self.store.create_message(message).await.unwrap() {
            MessageAcceptance::Accepted(message) => *message,
            refused => panic!("{refused:?}"),
        }
    }

    /// Claims what is due within two minutes, for an hour.
    pub async fn claim(&self, rooms: &[Room]) -> Vec<ReleasedMessage> {
        self.claim_within(rooms, HOUR).await
    }

    /// Claims what is due within two minutes, for `hold`.
    pub async fn claim_within(&self, rooms: &[Room], hold: Duration) -> Vec<ReleasedMessage> {
        let round = self.store.list_windows().await.unwrap().round;
        self.store.claim_due(round, rooms, self.now + TimeDelta::minutes(2), hold).await.unwrap()
    }

    /// Claims up to `count` messages for one sender.
    pub async fn claim_for(&self, sender: SenderId, count: u32) -> Vec<ReleasedMessage> {
        self.claim(&[room(sender, count)]).await
    }

    /// Gives claims back, due again at once.
    pub async fn give_back(&self, released: &[ReleasedMessage]) {
        let claims: Vec<_> = released.iter().map(claim_of).collect();
        let put_off = PutOff { not_before: None, waits_for: "gap" };
        self.store.give_back(&claims, put_off).await.unwrap();
    }

    /// An intent to send what was released, unpaced.
    pub fn intent(&self, lease: &Lease, released: &[ReleasedMessage]) -> IntentBatch {
        let items: Vec<(MessageId, Generation)> = released.iter().map(|it| (it.message, it.generation)).collect();
        IntentBatch {
            sender: lease.sender.id,
            epoch: lease.epoch,
            worker: self.worker,
            now: self.now,
            profile: Profile::unlimited(),
            items,
            pace_inputs: serde_json::json!({"chars": 12}),
        }
    }

    /// Records an intent under a lease that holds.
    pub async fn record(&self, batch: IntentBatch) -> IntentAnswer {
        match self.store.record_intents(batch).await.unwrap() {
            Fenced::Done(answer) => answer,
            Fenced::LeaseLost => panic!("the lease holds"),
        }
    }

    /// Records an intent that is granted whole.
    pub async fn intend(&self, lease: &Lease, released: &[ReleasedMessage]) -> Vec<(MessageId, Grant)> {
        let answer = self.record(self.intent(lease, released)).await;
        let granted = answer.items.into_iter().map(|(message, verdict)| match verdict {
            IntentVerdict::Granted(grant) => (message, grant),
            IntentVerdict::Refused(refusal) => panic!("{refusal:?}"),
        });
        granted.collect()
    }

    /// Writes an attempt's outcome and hands out the result that its worker, the present holder, publishes.
    pub async fn conclude(&self, sender: SenderId, message: MessageId, attempt: i32, outcome: Outcome) -> WorkerResult {
        let attempts = self.story(message).await.attempts;
        let epoch = attempts.iter().find(|it| it.number == attempt).map_or(Epoch(0), |it| it.epoch);
        self.conclude_under(epoch, sender, (message, attempt), outcome).await
    }

    /// The same under an epoch of its own.
    pub async fn conclude_under(
        &self,
        epoch: Epoch,
        sender: SenderId,
        (message, attempt): (MessageId, i32),
        outcome: Outcome,
    ) -> WorkerResult {
        let recorded = AttemptOutcome { message, attempt, epoch, outcome: outcome.clone(), at: self.now };
        self.store.record_outcomes(&[recorded]).await.unwrap();
        WorkerResult { sender, at: self.now, body: ResultBody::Attempt { message, attempt, epoch, outcome } }
    }

    /// Sends what was released, each with the same outcome, and applies the results.
    pub async fn send(&self, lease: &Lease, released: &[ReleasedMessage], outcome: &Outcome) {
        let granted = self.intend(lease, released).await;
        let mut results = Vec::new();
        for (message, grant) in granted {
            results.push(self.conclude(lease.sender.id, message, grant.attempt, outcome.clone()).await);
        }
        self.apply(results).await;
    }

    /// Claims and sends all that is due for a sender, which WhatsApp accepts.
    pub async fn send_all(&self, lease: &Lease) -> Vec<MessageId> {
        let released = self.claim_for(lease.sender.id, 64).await;
        self.send(lease, &released, &accepted()).await;
        released.into_iter().map(|it| it.message).collect()
    }

    /// Applies results that ask for no opt-out.
    pub async fn apply(&self, results: impl IntoIterator<Item = WorkerResult>) -> ApplySummary {
        let results: Vec<_> = results.into_iter().map(|result| ResultToApply { result, opt_out: OptOut::No }).collect();
        self.store.apply_results(&results, self.now).await.unwrap()
    }

    /// Applies an incoming message that is an opt-out word.
    pub async fn opt_out(&self, sender: SenderId, person: u32) -> ApplySummary {
        let result = inbound(sender, person, &format!("stop-{person}-{}", self.now.timestamp()), self.now);
        self.store.apply_results(&[ResultToApply { result, opt_out: OptOut::Yes }], self.now).await.unwrap()
    }

    /// A suppression of a numbered person by hand, of everything.
    pub fn suppression(&self, person: u32) -> Suppression {
        Suppression {
            id: self.id(),
            workspace: self.workspace,
            hash: self.hash(person),
            address: Some(address(person)),
            scope: paceline_domain::SuppressionScope::All,
            reason: paceline_domain::SuppressionReason::Manual,
            since: self.now,
        }
    }
}

/// The claim of a released message.
pub fn claim_of(released: &ReleasedMessage) -> Claim {
    Claim { message: released.message, generation: released.generation }
}

/// WhatsApp accepted the message.
pub const fn accepted() -> Outcome {
    Outcome::Sent { provider_id: None }
}

/// A receipt.
pub fn receipt(sender: SenderId, id: &WaId, kind: ReceiptKind, at: DateTime<Utc>) -> WorkerResult {
    WorkerResult { sender, at, body: ResultBody::Receipt(Receipt { id: id.clone(), kind }) }
}

/// A message from a numbered person; `id` is the network's.
pub fn inbound(sender: SenderId, person: u32, id: &str, at: DateTime<Utc>) -> WorkerResult {
    let body = Inbound { id: WaId::from_network(id), from: address(person), text: "Thank you".to_owned() };
    WorkerResult { sender, at, body: ResultBody::Inbound(body) }
}

/// A change of a sender's session.
pub fn session(sender: SenderId, state: SessionState, at: DateTime<Utc>) -> WorkerResult {
    let change = SessionChange { state, pairing_code: None, until: None, detail: None };
    WorkerResult { sender, at, body: ResultBody::Session(change) }
}
