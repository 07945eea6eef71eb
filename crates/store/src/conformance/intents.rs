//! Intents: nothing is sent without one, and only the right one is granted.

use std::{collections::HashSet, sync::Arc};

use chrono::TimeDelta;
use chrono_tz::America::New_York;
use paceline_domain::{
    CampaignMove, CampaignState, EventKind, Generation, MessageId, MessageState, Outcome, SenderState, SuppressionScope,
};
use paceline_pacing::{Draw, Pace, PaceState, Profile, Seed};

use super::builders::{AT_ONCE, World, accepted, address, room};
use crate::{
    Store,
    campaigns::CampaignDefinition,
    intents::{AttemptOutcome, IntentAnswer, IntentBatch, IntentVerdict, Refusal},
    leases::{DeadHolder, Fenced, Lease},
    messages::Route,
    release::ReleasedMessage,
    senders::NewSender,
    suppressions::Suppression,
};

impl World {
    /// The verdict on one released message.
    async fn verdict(&self, lease: &Lease, released: &ReleasedMessage) -> IntentVerdict {
        let answer = self.record(self.intent(lease, std::slice::from_ref(released))).await;
        assert_eq!(answer.items.len(), 1);
        answer.items.into_iter().next().unwrap().1
    }

    /// Whether the intent is fenced off, having changed nothing.
    async fn assert_fenced(&self, lease: &Lease, released: &ReleasedMessage) {
        let before = (self.story(released.message).await, self.sender(lease.sender.id).await.pace);
        let answer = self.store.record_intents(self.intent(lease, std::slice::from_ref(released))).await.unwrap();
        assert_eq!(answer, Fenced::LeaseLost);
        let after = (self.story(released.message).await, self.sender(lease.sender.id).await.pace);
        assert_eq!(before, after, "nothing was changed");
    }
}

fn refusals(answer: &IntentAnswer) -> Vec<Option<Refusal>> {
    let refusal = |verdict: &IntentVerdict| match verdict {
        IntentVerdict::Granted(_) => None,
        IntentVerdict::Refused(refusal) => Some(*refusal),
    };
    answer.items.iter().map(|(_, verdict)| refusal(verdict)).collect()
}

fn capped(cap: u32) -> Profile {
    Profile { daily_cap: Some(cap), ..Profile::unlimited() }
}

pub async fn a_granted_message_has_a_durable_attempt(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 3..4).await;
    let released = world.claim_for(sender, 1).await;
    let lease = world.lease(sender).await;
    let later = world.later(TimeDelta::seconds(40));
    let granted = later.intend(&lease, &released).await;

    let story = world.story(messages[0]).await;
    let (message, grant) = &granted[0];
    assert_eq!((*message, grant.attempt, &grant.to), (messages[0], 1, &address(3)));
    assert_eq!((&grant.wa_id, &grant.content), (&story.message.wa_id, &story.message.content));
    assert_eq!((story.message.state, story.message.attempts), (MessageState::Sending, 1));
    assert_eq!((story.message.sender, story.message.release), (Some(sender), None));
    assert_eq!(story.campaign_state, Some(CampaignState::Running));
    assert_eq!(story.attempts.len(), 1);
    let attempt = &story.attempts[0];
    assert_eq!((attempt.number, attempt.sender, attempt.worker), (1, sender, world.worker));
    assert_eq!((attempt.epoch, attempt.intended_at, attempt.sends), (lease.epoch, later.now, 1));
    assert_eq!((attempt.profile_version, &attempt.pace_inputs), (1, &serde_json::json!({"chars": 12})));
    assert_eq!((&attempt.outcome, attempt.ended_at), (&None, None));
    let account = world.balanced(campaign).await;
    assert_eq!((account.waiting, account.sending), (1, 1));
}

pub async fn an_intent_of_an_old_epoch_is_refused_after_a_takeover(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..1).await;
    let released = world.claim_for(sender, 1).await;
    let old = world.lease_for(sender, AT_ONCE).await;
    let other = world.as_another_worker();
    let current = other.lease(sender).await;
    world.assert_fenced(&old, &released[0]).await;
    assert_eq!(other.intend(&current, &released).await.len(), 1, "the new holder goes on");
}

pub async fn an_intent_under_a_lease_that_ran_out_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..1).await;
    let released = world.claim_for(sender, 1).await;
    let lease = world.lease_for(sender, AT_ONCE).await;
    world.assert_fenced(&lease, &released[0]).await;
}

pub async fn an_intent_under_a_lease_that_was_ended_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..1).await;
    let released = world.claim_for(sender, 1).await;
    let lease = world.lease(sender).await;
    world.store.release_lease(sender, lease.epoch).await.unwrap();
    world.assert_fenced(&lease, &released[0]).await;
    let lease = world.lease(sender).await;
    world.store.end_leases(DeadHolder::Worker(world.worker)).await.unwrap();
    world.assert_fenced(&lease, &released[0]).await;
}

pub async fn an_intent_for_another_release_is_stale(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    let old = world.claim_for(sender, 1).await;
    world.give_back(&old).await;
    let stale = IntentVerdict::Refused(Refusal::Stale);
    assert_eq!(world.verdict(&lease, &old[0]).await, stale, "it was given back");
    let current = world.claim_for(sender, 1).await;
    assert_eq!(world.verdict(&lease, &old[0]).await, stale, "it has a newer release");
    let before = world.message(current[0].message).await;
    assert_eq!(before.release.map(|it| it.generation), Some(current[0].generation), "and nothing followed");
    let future = ReleasedMessage { generation: Generation(current[0].generation.0 + 1), ..current[0].clone() };
    assert_eq!(world.verdict(&lease, &future).await, stale);
    assert!(matches!(world.verdict(&lease, &current[0]).await, IntentVerdict::Granted(_)));
    assert_eq!(world.verdict(&lease, &current[0]).await, stale, "it is being sent already");
    assert_eq!(world.story(current[0].message).await.attempts.len(), 1);
}

pub async fn a_message_named_by_an_old_release_and_the_present_one_is_granted_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..2).await;
    let lease = world.lease(sender).await;
    let old = world.claim_for(sender, 2).await;
    world.give_back(&old).await;
    let current = world.claim_for(sender, 2).await;
    assert_eq!(old[0].message, current[0].message);

    // The job of the old release comes again beside that of the present one, in either order, and that one comes twice.
    let batch = [&old[0], &current[0], &current[0], &current[1], &old[1]].map(Clone::clone);
    let answer = world.record(world.intent(&lease, &batch)).await;
    let stale = Some(Refusal::Stale);
    assert_eq!(refusals(&answer), [stale, None, stale, None, stale]);
    for message in [current[0].message, current[1].message] {
        assert_eq!(world.story(message).await.attempts.len(), 1);
    }
}

pub async fn an_intent_under_a_release_that_ran_out_is_stale(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    let released = world.claim_within(&[room(sender, 1)], AT_ONCE).await;
    assert_eq!(world.verdict(&lease, &released[0]).await, IntentVerdict::Refused(Refusal::Stale));
    assert_eq!(world.story(released[0].message).await.attempts, []);
}

pub async fn an_intent_for_what_is_bound_to_another_or_to_nobody_is_stale(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.planned("main", 0..1).await;
    let released = world.claim_for(one, 1).await;
    let lease = world.lease(two).await;
    let stale = IntentVerdict::Refused(Refusal::Stale);
    assert_eq!(world.verdict(&lease, &released[0]).await, stale);
    let unknown = ReleasedMessage { message: world.id(), ..released[0].clone() };
    assert_eq!(world.verdict(&lease, &unknown).await, stale);
    assert_eq!(world.sender(two).await.pace, PaceState::default(), "a refusal spends nothing");
}

pub async fn of_intents_at_once_for_a_message_one_is_granted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let released = world.claim_for(sender, 1).await;
    let lease = world.lease(sender).await;
    let intents: Vec<_> = (0..4)
        .map(|_| {
            let (world, lease, released) = (world.clone(), lease.clone(), released[0].clone());
            tokio::spawn(async move { world.verdict(&lease, &released).await })
        })
        .collect();
    let mut granted = 0;
    for intent in intents {
        match intent.await.unwrap() {
            IntentVerdict::Granted(_) => granted += 1,
            IntentVerdict::Refused(refusal) => assert_eq!(refusal, Refusal::Stale),
        }
    }
    assert_eq!(granted, 1);
    assert_eq!(world.story(messages[0]).await.attempts.len(), 1);
    assert_eq!(world.balanced(campaign).await.sending, 1);
}

pub async fn a_paused_campaign_gives_the_claim_back(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (campaign, messages) = world.planned("main", 0..1).await;
    let released = world.claim_for(one, 1).await;
    let lease = world.lease(one).await;
    world.move_campaign(campaign, CampaignMove::Pause).await;
    let refused = IntentVerdict::Refused(Refusal::CampaignNotRunning(CampaignState::Paused));
    assert_eq!(world.verdict(&lease, &released[0]).await, refused);
    let message = world.message(messages[0]).await;
    assert_eq!((message.state, message.release, message.sender), (MessageState::Waiting, None, None));
    assert_eq!(world.sender(one).await.pace, PaceState::default(), "a deferral spends nothing");
    world.move_campaign(campaign, CampaignMove::Resume).await;
    assert_eq!(world.claim_for(two, 1).await.len(), 1);
    world.balanced(campaign).await;
}

pub async fn a_paused_sender_gives_the_claim_back_though_its_lease_stands(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (campaign, messages) = world.planned("main", 0..1).await;
    let released = world.claim_for(one, 1).await;
    let lease = world.lease(one).await;
    world.move_sender(one, SenderState::Paused).await;
    assert_eq!(world.verdict(&lease, &released[0]).await, IntentVerdict::Refused(Refusal::SenderHalted));
    let message = world.message(messages[0]).await;
    assert_eq!((message.state, message.release, message.sender), (MessageState::Waiting, None, None));
    assert_eq!(world.sender(one).await.pace, PaceState::default(), "a deferral spends nothing");
    assert_eq!(world.claim_for(two, 1).await.len(), 1);
    world.balanced(campaign).await;
}

pub async fn no_intent_commits_after_a_campaign_was_cancelled(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let released = world.claim_for(sender, 1).await;
    let lease = world.lease(sender).await;
    world.move_campaign(campaign, CampaignMove::Cancel).await;
    let refused = IntentVerdict::Refused(Refusal::CampaignNotRunning(CampaignState::Cancelled));
    assert_eq!(world.verdict(&lease, &released[0]).await, refused);
    let cancelled = (MessageState::Cancelled, Some("campaign_cancelled".to_owned()));
    assert_eq!(world.stand(messages[0]).await, cancelled);
    assert_eq!(world.message(messages[0]).await.ended_at, Some(world.now));
    assert_eq!(world.events_about(EventKind::MessageCancelled, messages[0]).await, 1);
    assert_eq!(world.balanced(campaign).await.cancelled, 1);
}

pub async fn a_message_whose_time_has_passed_expires_at_the_intent(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let expires_at = Some(world.now + TimeDelta::minutes(1));
    let definition = CampaignDefinition { expires_at, ..world.definition("main") };
    let campaign = world.started(definition, 0..2).await;
    world.plan(campaign).await;
    let released = world.claim_for(sender, 2).await;
    let lease = world.lease(sender).await;
    assert!(matches!(world.verdict(&lease, &released[0]).await, IntentVerdict::Granted(_)));
    let late = world.later(TimeDelta::minutes(1));
    assert_eq!(late.verdict(&lease, &released[1]).await, IntentVerdict::Refused(Refusal::Expired));
    let message = world.message(released[1].message).await;
    assert_eq!((message.state, message.ended_at), (MessageState::Expired, Some(late.now)));
    assert_eq!(world.events_about(EventKind::MessageExpired, message.id).await, 1);
    assert_eq!(world.balanced(campaign).await.expired, 1);
}

/// The message was in flight when its recipient was suppressed, so that it was not cancelled then; it comes back unsent.
pub async fn a_message_that_comes_back_to_a_suppressed_person_is_not_sent_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    let granted = world.intend(&lease, &world.claim_for(sender, 1).await).await;
    world.store.add_suppression(world.suppression(0), world.now).await.unwrap();
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Sending, "what may have left is not called back");
    let unsent = Outcome::Unsent { not_before: world.now };
    let result = world.conclude(sender, messages[0], granted[0].1.attempt, unsent).await;
    world.apply([result]).await;

    for released in world.claim_for(sender, 1).await {
        assert_eq!(world.verdict(&lease, &released).await, IntentVerdict::Refused(Refusal::Suppressed));
    }
    assert_eq!(world.stand(messages[0]).await, (MessageState::Cancelled, Some("suppressed".to_owned())));
    assert_eq!(world.events_about(EventKind::MessageCancelled, messages[0]).await, 1);
    assert_eq!(world.story(messages[0]).await.attempts.len(), 1);
    assert_eq!(world.balanced(campaign).await.cancelled, 1);
}

pub async fn a_marketing_suppression_lets_transactional_messages_pass(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let message = world.accept(world.new_message(0, Route::Sender(sender))).await.id;
    let suppression = Suppression { scope: SuppressionScope::Marketing, ..world.suppression(0) };
    world.store.add_suppression(suppression, world.now).await.unwrap();
    let lease = world.lease(sender).await;
    let released = world.claim_for(sender, 1).await;
    assert!(matches!(world.verdict(&lease, &released[0]).await, IntentVerdict::Granted(_)));
    assert_eq!(world.stand(message).await.0, MessageState::Sending);
}

/// Races intents against suppressions of the same people. Whoever is granted was granted before the suppression
/// committed, so an intent that is asked after it is never granted, and no message is both.
pub async fn no_intent_commits_after_a_suppression(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, _) = world.planned("main", 0..24).await;
    let lease = world.lease(sender).await;
    let released = world.claim_for(sender, 24).await;
    for (person, released) in (0..).zip(&released) {
        let suppress = {
            let world = world.clone();
            tokio::spawn(async move { world.store.add_suppression(world.suppression(person), world.now).await })
        };
        let intend = {
            let (world, lease, released) = (world.clone(), lease.clone(), released.clone());
            tokio::spawn(async move { world.verdict(&lease, &released).await })
        };
        suppress.await.unwrap().unwrap();
        let granted = matches!(intend.await.unwrap(), IntentVerdict::Granted(_));
        let expected = if granted { MessageState::Sending } else { MessageState::Cancelled };
        assert_eq!(world.stand(released.message).await.0, expected);
        assert!(matches!(world.verdict(&lease, released).await, IntentVerdict::Refused(_)));
        assert_eq!(world.story(released.message).await.attempts.len(), usize::from(granted));
    }
    world.balanced(campaign).await;
}

pub async fn the_pace_is_spent_and_kept_with_the_intent(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let new = NewSender { zone: New_York, seed: Seed(42), ..world.new_sender(1, "main") };
    let sender = world.add(new).await;
    world.planned("main", 0..3).await;
    let lease = world.lease(sender.id).await;
    let released = world.claim_for(sender.id, 3).await;
    assert_eq!(world.sender(sender.id).await.pace, PaceState::default(), "a release spends nothing");
    let profile = Profile::gentle();
    let pace = Pace { profile: &profile, zone: sender.zone, seed: sender.seed };
    let mut expected = PaceState::default();
    for (minutes, released) in (0..).zip(&released) {
        let world = world.later(TimeDelta::minutes(minutes));
        let batch = world.intent(&lease, std::slice::from_ref(released));
        let answer = world.record(IntentBatch { profile: profile.clone(), ..batch }).await;
        expected = pace.spend(&expected, Draw { message: released.message, attempt: 1 }, world.now);
        assert_eq!(answer.pace, expected);
        assert_eq!(world.sender(sender.id).await.pace, expected);
    }
    assert_eq!(expected.spent_today, 3);
}

pub async fn a_spent_cap_gives_the_claims_back(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, _) = world.planned("main", 0..4).await;
    let lease = world.lease(sender).await;
    let released = world.claim_for(sender, 4).await;
    let batch = IntentBatch { profile: capped(3), ..world.intent(&lease, &released) };
    let answer = world.record(batch).await;
    assert_eq!(refusals(&answer), [None, None, None, Some(Refusal::CapSpent)]);
    assert_eq!(answer.pace.spent_today, 3);
    let message = world.message(released[3].message).await;
    assert_eq!((message.state, message.release, message.sender), (MessageState::Waiting, None, None));
    let account = world.balanced(campaign).await;
    assert_eq!((account.sending, account.waiting), (3, 4));
}

/// Noon in UTC is seven in the morning in New York: its day changes at five in the morning of UTC.
pub async fn the_cap_follows_the_day_of_the_senders_zone(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add(NewSender { zone: New_York, ..world.new_sender(1, "main") }).await.id;
    world.planned("main", 0..3).await;
    let lease = world.lease(sender).await;
    let verdict = async |world: &World| {
        let released = world.claim_for(sender, 1).await;
        let batch = IntentBatch { profile: capped(1), ..world.intent(&lease, &released) };
        refusals(&world.record(batch).await)[0]
    };
    assert_eq!(verdict(&world).await, None);
    assert_eq!(verdict(&world).await, Some(Refusal::CapSpent));
    let utc_midnight = world.later(TimeDelta::hours(12));
    assert_eq!(verdict(&utc_midnight).await, Some(Refusal::CapSpent), "it is still the same day there");
    let last_moment = world.later(TimeDelta::hours(17) - TimeDelta::microseconds(1));
    assert_eq!(verdict(&last_moment).await, Some(Refusal::CapSpent));
    let next_day = world.later(TimeDelta::hours(17));
    assert_eq!(verdict(&next_day).await, None);
    assert_eq!(world.sender(sender).await.pace.spent_today, 1);
    assert_eq!(verdict(&next_day).await, Some(Refusal::CapSpent));
}

pub async fn the_answer_keeps_the_order_of_the_question(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..64).await;
    let lease = world.lease(sender).await;
    let mut released = world.claim_for(sender, 64).await;
    assert_eq!(released.len(), 64);
    released.reverse();
    released[10].message = world.id();
    let answer = world.record(world.intent(&lease, &released)).await;
    let asked: Vec<MessageId> = released.iter().map(|it| it.message).collect();
    assert_eq!(answer.items.iter().map(|(message, _)| *message).collect::<Vec<_>>(), asked);
    let refused: Vec<_> = refusals(&answer).iter().map(Option::is_some).collect();
    assert_eq!(refused, (0..64).map(|index| index == 10).collect::<Vec<_>>());
    let ids: HashSet<_> = answer
        .items
        .iter()
        .filter_map(|(_, verdict)| match verdict {
            IntentVerdict::Granted(grant) => Some(grant.wa_id.clone()),
            IntentVerdict::Refused(_) => None,
        })
        .collect();
    assert_eq!(ids.len(), 63);
}

pub async fn the_first_outcome_of_an_attempt_stays(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &world.claim_for(sender, 1).await).await;
    let later = world.later(TimeDelta::seconds(3));
    later.conclude(sender, messages[0], 1, accepted()).await;
    world.later(TimeDelta::seconds(9)).conclude(sender, messages[0], 1, Outcome::Unknown).await;
    let story = world.story(messages[0]).await;
    assert_eq!(story.attempts[0].outcome, Some(accepted()));
    assert_eq!(story.attempts[0].ended_at, Some(later.now));
    assert_eq!(story.message.state, MessageState::Sending, "it is the result that moves the message");
}

pub async fn outcomes_are_written_for_many_senders_whoever_holds_the_leases(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut outcomes = Vec::new();
    let kinds = [
        Outcome::Sent { provider_id: Some("wamid.1".to_owned()) },
        Outcome::Rejected { reason: paceline_domain::FailureReason::NotOnWhatsapp },
        Outcome::Unsent { not_before: world.now + TimeDelta::minutes(1) },
        Outcome::Unknown,
    ];
    for (number, outcome) in (0..).zip(kinds) {
        let sender = world.add_sender(number, "main").await;
        let message = world.accept(world.new_message(number, Route::Sender(sender))).await.id;
        let lease = world.lease(sender).await;
        world.intend(&lease, &world.claim_for(sender, 1).await).await;
        world.store.release_lease(sender, lease.epoch).await.unwrap();
        outcomes.push(AttemptOutcome { message, attempt: 1, epoch: lease.epoch, outcome, at: world.now });
    }
    world.store.record_outcomes(&outcomes).await.unwrap();
    for outcome in outcomes {
        assert_eq!(world.story(outcome.message).await.attempts[0].outcome, Some(outcome.outcome));
    }
}
