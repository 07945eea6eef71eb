//! Idempotency keys.

use std::{sync::Arc, time::Duration};

use super::builders::{AT_ONCE, HOUR, World};
use crate::{
    Store,
    idempotency::{ClaimOutcome, IdempotencyClaim, RecordedResponse},
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
