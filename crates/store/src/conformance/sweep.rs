//! Sweeping: every deadline that passes is acted on, in batches, and nothing else is touched.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{CampaignMove, CampaignState, EventKind, Exclusion, MessageState, Outcome, ReceiptKind};

use super::builders::{AT_ONCE, HOUR, World, accepted, receipt};
use crate::{
    Store,
    campaigns::CampaignDefinition,
    idempotency::{ClaimOutcome, IdempotencyClaim, RecordedResponse},
    intents::{IntentVerdict, Refusal},
    messages::{NewMessage, Route},
    plan::PlannedBatch,
};

pub async fn scheduled_campaigns_start_when_their_time_has_come(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let mut campaigns = Vec::new();
    for hours in [1, 1, 1, 2] {
        let start_at = Some(world.now + TimeDelta::hours(hours));
        let definition = CampaignDefinition { start_at, ..world.definition("main") };
        campaigns.push(world.started(definition, 0..1).await);
    }
    let almost = world.now + TimeDelta::hours(1) - TimeDelta::microseconds(1);
    assert_eq!(world.store.start_scheduled(almost, 10).await.unwrap(), 0);
    let due = world.now + TimeDelta::hours(1);
    assert_eq!(world.store.start_scheduled(due, 2).await.unwrap(), 2);
    assert_eq!(world.store.start_scheduled(due, 2).await.unwrap(), 1);
    for &campaign in &campaigns[..3] {
        let campaign = world.campaign(campaign).await;
        assert_eq!((campaign.state, campaign.started_at), (CampaignState::Running, Some(due)));
        assert_eq!(world.events_about(EventKind::CampaignStarted, campaign.id).await, 1);
    }
    assert_eq!(world.campaign(campaigns[3]).await.state, CampaignState::Scheduled);
}

pub async fn a_campaign_completes_when_every_row_is_decided_and_nothing_is_open(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..3).await;
    let complete = async || world.store.complete_campaigns(world.now, 10).await.unwrap();
    assert_eq!(complete().await, 0, "rows are undecided");
    let messages = world.plan(campaign).await;
    assert_eq!(complete().await, 0, "messages wait");
    let lease = world.lease(sender).await;
    world.intend(&lease, &world.claim_for(sender, 3).await).await;
    assert_eq!(complete().await, 0, "messages are being sent");
    let outcomes = [accepted(), Outcome::Unknown, accepted()];
    for (&message, outcome) in messages.iter().zip(outcomes) {
        let result = world.conclude(sender, message, 1, outcome).await;
        world.apply([result]).await;
    }
    assert_eq!(complete().await, 1, "what is unknown does not wait");
    assert_eq!(complete().await, 0);
    let seen = world.campaign(campaign).await;
    assert_eq!((seen.state, seen.ended_at), (CampaignState::Completed, Some(world.now)));
    assert_eq!(world.events_about(EventKind::CampaignCompleted, campaign).await, 1);
    world.balanced(campaign).await;
}

pub async fn a_campaign_whose_rows_are_all_excluded_completes(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..1).await;
    let batch = world.next_plan(campaign, 10).await;
    let row = batch.messages[0].recipient.clone();
    let exclusions = vec![(row, Exclusion::UnsendableText { chars: 0 })];
    world.store.record_plan(PlannedBatch { messages: Vec::new(), exclusions, ..batch }).await.unwrap();
    assert_eq!(world.store.complete_campaigns(world.now, 10).await.unwrap(), 1);
}

pub async fn a_paused_campaign_is_not_completed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let mut campaigns = Vec::new();
    for _ in 0..4 {
        campaigns.push(world.planned("main", 0..1).await.0);
    }
    world.send_all(&world.lease(sender).await).await;
    world.move_campaign(campaigns[0], CampaignMove::Pause).await;
    assert_eq!(world.store.complete_campaigns(world.now, 2).await.unwrap(), 2);
    assert_eq!(world.store.complete_campaigns(world.now, 2).await.unwrap(), 1);
    assert_eq!(world.campaign(campaigns[0]).await.state, CampaignState::Paused);
    world.move_campaign(campaigns[0], CampaignMove::Resume).await;
    assert_eq!(world.store.complete_campaigns(world.now, 2).await.unwrap(), 1);
}

/// Of six messages one is being sent and one released when the campaign is paused.
pub async fn messages_expire_when_their_time_has_passed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let expires_at = world.now + TimeDelta::hours(1);
    let definition = CampaignDefinition { expires_at: Some(expires_at), ..world.definition("main") };
    let campaign = world.started(definition, 0..6).await;
    world.plan(campaign).await;
    let lasting = world.accept(world.new_message(50, Route::Sender(sender))).await.id;
    let claims: Vec<_> = world.claim_for(sender, 3).await.into_iter().filter(|it| it.campaign.is_some()).collect();
    let lease = world.lease(sender).await;
    world.intend(&lease, &claims[..1]).await;
    world.move_campaign(campaign, CampaignMove::Pause).await;

    let early = expires_at - TimeDelta::microseconds(1);
    assert_eq!(world.store.expire_messages(early, 10).await.unwrap(), 0);
    for expired in [2, 2, 1, 0] {
        assert_eq!(world.store.expire_messages(expires_at, 2).await.unwrap(), expired);
        world.balanced(campaign).await;
    }
    let account = world.balanced(campaign).await;
    assert_eq!((account.expired, account.sending, account.waiting), (5, 1, 1));
    assert_eq!(world.events_of(EventKind::MessageExpired).await.len(), 5);
    assert_eq!(world.message(claims[1].message).await.ended_at, Some(expires_at));
    assert_eq!(world.stand(lasting).await.0, MessageState::Waiting, "what never expires does not");
    world.move_campaign(campaign, CampaignMove::Resume).await;
    let answer = world.record(world.intent(&lease, &claims[1..2])).await;
    assert_eq!(answer.items[0].1, IntentVerdict::Refused(Refusal::Stale));
}

pub async fn a_transactional_message_expires_too(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let new = NewMessage { expires_at: Some(world.now), ..world.new_message(1, Route::Sender(sender)) };
    let message = world.accept(new).await.id;
    assert_eq!(world.store.expire_messages(world.now, 10).await.unwrap(), 1);
    assert_eq!(world.stand(message).await.0, MessageState::Expired);
    let account = world.store.figures().await.unwrap().account;
    assert_eq!((account.expired, account.imbalance()), (1, 0));
}

pub async fn the_messages_of_a_cancelled_campaign_are_cancelled_in_batches(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (running, _) = world.planned("main", 100..102).await;
    world.move_campaign(running, CampaignMove::Pause).await;
    let (campaign, messages) = world.planned("main", 0..7).await;
    let claims = world.claim_for(sender, 3).await;
    let lease = world.lease(sender).await;
    let granted = world.intend(&lease, &claims[..1]).await;
    world.move_campaign(campaign, CampaignMove::Cancel).await;
    for cancelled in [4, 2, 0] {
        assert_eq!(world.store.cancel_messages(world.now, 4).await.unwrap(), cancelled);
        world.balanced(campaign).await;
    }
    let account = world.balanced(campaign).await;
    assert_eq!((account.cancelled, account.sending), (6, 1));
    let in_flight = granted[0].0;
    for &message in messages.iter().filter(|&&message| message != in_flight) {
        let cancelled = (MessageState::Cancelled, Some("campaign_cancelled".to_owned()));
        assert_eq!(world.stand(message).await, cancelled);
        assert_eq!(world.events_about(EventKind::MessageCancelled, message).await, 1);
    }
    let result = world.conclude(sender, in_flight, 1, accepted()).await;
    world.apply([result]).await;
    assert_eq!(world.balanced(campaign).await.sent, 1, "the send in hand is finished");
    assert_eq!(world.balanced(running).await.waiting, 2, "others are left alone");
}

/// A message that was in flight when its campaign was cancelled comes back unsent.
pub async fn what_comes_back_to_a_cancelled_campaign_is_cancelled_too(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &world.claim_for(sender, 1).await).await;
    world.move_campaign(campaign, CampaignMove::Cancel).await;
    assert_eq!(world.store.cancel_messages(world.now, 10).await.unwrap(), 0);
    let result = world.conclude(sender, messages[0], 1, Outcome::Unsent { not_before: world.now }).await;
    world.apply([result]).await;
    assert_eq!(world.claim_for(sender, 1).await, []);
    world.store.cancel_messages(world.now, 10).await.unwrap();
    assert_eq!(world.balanced(campaign).await.cancelled, 1);
}

pub async fn a_purge_removes_what_is_kept_for_a_time_only(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..3).await;
    world.send_all(&world.lease(sender).await).await;
    let claim = || IdempotencyClaim { workspace: world.workspace, key: "a".to_owned(), ttl: HOUR };
    world.store.claim_idempotency_key(claim()).await.unwrap();
    let response = RecordedResponse { request_hash: [0; 32], status: 201, content_type: String::new(), body: vec![] };
    world.store.record_response(world.workspace, "a", response.clone()).await.unwrap();
    let events = world.events().await;
    assert!(!events.is_empty());

    assert_eq!(world.store.purge_before(HOUR, 1_000).await.unwrap(), 0, "nothing is that old");
    assert_eq!(world.events().await, events);
    assert_eq!(world.store.purge_before(AT_ONCE, 2).await.unwrap(), 2, "no more than asked at once");
    while world.store.purge_before(AT_ONCE, 2).await.unwrap() == 2 {}
    assert_eq!(world.events().await, []);
    assert_eq!(world.store.claim_idempotency_key(claim()).await.unwrap(), ClaimOutcome::Claimed);
    assert_eq!(world.balanced(campaign).await.sent, 3, "messages are kept");
    let id = world.message(messages[0]).await.wa_id;
    let late = receipt(sender, &id, ReceiptKind::Delivered, world.now);
    assert_eq!(world.apply([late]).await.applied, 1, "and still move");
}
