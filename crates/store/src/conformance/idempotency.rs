//! Idempotency keys.

use std::{sync::Arc, time::Duration};

use super::builders::{AT_ONCE, HOUR, World};
use crate::{
    Store,
    idempotency::{ClaimOutcome, IdempotencyClaim, Once, OnceOutcome, RecordedResponse},
    messages::{MessageAcceptance, Route},
};

impl World {
    async fn claim_key(&self, key: &str, ttl: Duration) -> ClaimOutcome {
        self.store.claim_idempotency_key(claim(self, key, ttl)).await.unwrap()
    }
}

fn claim(world: &World, key: &str, ttl: Duration) -> IdempotencyClaim {
    IdempotencyClaim { workspace: world.workspace, key: key.to_owned(), ttl }
}

fn response(status: u16) -> RecordedResponse {
    // Bytes that are no text: a body is kept as it was.
    let body = vec![b'{', 0, 0xff, b'}'];
    RecordedResponse { request_hash: [3; 32], status, content_type: "application/json".to_owned(), body }
}

pub async fn a_claimed_key_is_refused_to_others_until_it_is_answered(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Claimed);
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::InFlight);
    assert_eq!(world.claim_key("b", HOUR).await, ClaimOutcome::Claimed, "another key is another key");
    world.store.record_response(world.workspace, "a", response(201)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Answered(response(201)));
    }
}

pub async fn of_many_claims_at_once_one_is_granted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.claim_key("a", HOUR).await })
        })
        .collect();
    let mut granted = 0;
    for claim in claims {
        match claim.await.unwrap() {
            ClaimOutcome::Claimed => granted += 1,
            ClaimOutcome::InFlight => {}
            ClaimOutcome::Answered(_) => panic!("nobody answered"),
        }
    }
    assert_eq!(granted, 1);
}

pub async fn a_key_in_flight_may_be_taken_over_and_an_answered_one_not(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let take_over = || world.store.take_over_idempotency_key(claim(&world, "a", HOUR));
    assert_eq!(take_over().await.unwrap(), ClaimOutcome::Claimed);
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::InFlight);
    assert_eq!(take_over().await.unwrap(), ClaimOutcome::Claimed);
    world.store.record_response(world.workspace, "a", response(201)).await.unwrap();
    assert_eq!(take_over().await.unwrap(), ClaimOutcome::Answered(response(201)));
}

pub async fn a_claim_that_ran_out_may_be_claimed_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    assert_eq!(world.claim_key("a", AT_ONCE).await, ClaimOutcome::Claimed);
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Claimed);
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::InFlight);
}

pub async fn a_renewed_claim_outlives_its_first_ttl(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let short = Duration::from_millis(200);
    assert_eq!(world.claim_key("renewed", short).await, ClaimOutcome::Claimed);
    world.store.renew_idempotency_key(claim(&world, "renewed", HOUR)).await.unwrap();
    // The second key tells when the first ttl of the first has passed.
    assert_eq!(world.claim_key("clock", short).await, ClaimOutcome::Claimed);
    super::until(|| async { world.claim_key("clock", short).await == ClaimOutcome::Claimed }).await;
    assert_eq!(world.claim_key("renewed", HOUR).await, ClaimOutcome::InFlight);
}

pub async fn a_released_key_may_be_claimed_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.claim_key("a", HOUR).await;
    world.store.release_idempotency_key(world.workspace, "a").await.unwrap();
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Claimed);
}

pub async fn the_first_answer_stays(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.claim_key("a", HOUR).await;
    world.store.record_response(world.workspace, "a", response(201)).await.unwrap();
    // A request that lost its claim meanwhile may be refused here or ignored, but it replaces and removes nothing.
    let _ = world.store.record_response(world.workspace, "a", response(500)).await;
    let _ = world.store.release_idempotency_key(world.workspace, "a").await;
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Answered(response(201)));
}

pub async fn claims_of_the_dead_are_void(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    for key in ["a", "b"] {
        assert_eq!(world.claim_key(key, HOUR).await, ClaimOutcome::Claimed);
    }
    world.store.record_response(world.workspace, "a", response(201)).await.unwrap();
    assert_eq!(world.store.void_idempotency_claims().await.unwrap(), 1);
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Answered(response(201)), "an answer stays");
    assert_eq!(world.claim_key("b", HOUR).await, ClaimOutcome::Claimed);
}

/// Under this key; the answer tells what became of the message.
fn once(world: &World, key: &str) -> Once<MessageAcceptance> {
    let answer = |acceptance: &MessageAcceptance| match acceptance {
        MessageAcceptance::Accepted(message) => {
            RecordedResponse { body: message.id.to_bytes().to_vec(), ..response(201) }
        }
        _ => response(409),
    };
    Once { claim: claim(world, key, HOUR), answer: Arc::new(answer) }
}

pub async fn a_message_is_accepted_and_answered_in_one(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let new = world.new_message(1, Route::Sender(sender));
    let done = world.store.create_message_once(new.clone(), once(&world, "a")).await.unwrap();
    let OnceOutcome::Done(MessageAcceptance::Accepted(message)) = done else { panic!("{done:?}") };
    assert_eq!(message.id, new.id);
    let answer = RecordedResponse { body: new.id.to_bytes().to_vec(), ..response(201) };
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Answered(answer.clone()));
    for again in [new.clone(), world.new_message(2, Route::Sender(sender))] {
        let again = world.store.create_message_once(again, once(&world, "a")).await.unwrap();
        assert_eq!(again, OnceOutcome::Answered(answer.clone()), "whatever is asked under the same key");
    }
    assert_eq!(world.store.figures().await.unwrap().account.planned, 1);

    let nowhere = world.new_message(3, Route::Pool("nowhere".to_owned()));
    let refused = world.store.create_message_once(nowhere, once(&world, "b")).await.unwrap();
    assert_eq!(refused, OnceOutcome::Done(MessageAcceptance::NoSender));
    assert_eq!(world.claim_key("b", HOUR).await, ClaimOutcome::Answered(response(409)), "a refusal is an answer too");
}

pub async fn a_message_under_a_key_in_flight_is_not_accepted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    assert_eq!(world.claim_key("a", HOUR).await, ClaimOutcome::Claimed);
    let new = world.new_message(1, Route::Sender(sender));
    let held = world.store.create_message_once(new.clone(), once(&world, "a")).await.unwrap();
    assert_eq!(held, OnceOutcome::InFlight);
    assert_eq!(world.store.figures().await.unwrap().account.planned, 0);
    world.store.release_idempotency_key(world.workspace, "a").await.unwrap();
    let done = world.store.create_message_once(new, once(&world, "a")).await.unwrap();
    assert!(matches!(done, OnceOutcome::Done(MessageAcceptance::Accepted(_))), "{done:?}");
}

pub async fn of_many_messages_at_once_under_a_key_one_is_accepted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let sends: Vec<_> = (0..8)
        .map(|person| {
            let world = world.clone();
            let new = world.new_message(person, Route::Sender(sender));
            tokio::spawn(async move { world.store.create_message_once(new, once(&world, "a")).await.unwrap() })
        })
        .collect();
    let mut done = 0;
    for send in sends {
        match send.await.unwrap() {
            OnceOutcome::Done(MessageAcceptance::Accepted(_)) => done += 1,
            OnceOutcome::Answered(answer) => assert_eq!(answer.status, 201),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((done, world.store.figures().await.unwrap().account.planned), (1, 1));
}
