//! Taking over what another process left open.

use std::{collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use paceline_domain::{FailureReason, MessageState, Outcome, SenderState, SessionState, SuppressionScope};

use super::builders::{AT_ONCE, HOUR, World, accepted, session};
use crate::{
    Store,
    intents::OpenAttempt,
    leases::{Fenced, Lease},
    messages::Route,
    suppressions::Suppression,
};

impl World {
    async fn adopt(&self, lease: &Lease) -> Vec<OpenAttempt> {
        match self.store.adopt_attempts(lease.sender.id, lease.epoch, self.worker, self.now).await.unwrap() {
            Fenced::Done(open) => open,
            Fenced::LeaseLost => panic!("the lease holds"),
        }
    }

    /// Hands the sender's lease to another process, as after a crash.
    async fn take_over(&self, old: &Lease) -> (Self, Lease) {
        self.store.release_lease(old.sender.id, old.epoch).await.unwrap();
        let other = self.as_another_worker();
        let lease = other.lease(old.sender.id).await;
        (other, lease)
    }
}

pub async fn an_orphaned_intent_is_handed_to_the_next_holder(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..1).await;
    let old = world.lease(sender).await;
    let granted = world.intend(&old, &world.claim_for(sender, 1).await).await;
    for sends in [2, 3] {
        let (other, lease) = world.take_over(&old).await;
        let open = other.adopt(&lease).await;
        let grant = &granted[0].1;
        let expected = OpenAttempt {
            message: messages[0],
            attempt: 1,
            epoch: lease.epoch,
            wa_id: grant.wa_id.clone(),
            to: grant.to.clone(),
            content: grant.content.clone(),
            outcome: None,
        };
        assert_eq!(open, [expected]);
        let attempt = &world.story(messages[0]).await.attempts[0];
        assert_eq!((attempt.epoch, attempt.sends), (lease.epoch, sends));
        other.store.release_lease(sender, lease.epoch).await.unwrap();
    }
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Sending);
}

pub async fn a_known_outcome_comes_back_to_be_published(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..3).await;
    let old = world.lease(sender).await;
    world.intend(&old, &world.claim_for(sender, 3).await).await;
    let at = world.later(TimeDelta::seconds(2));
    at.conclude(sender, messages[0], 1, accepted()).await;
    let applied = at.conclude(sender, messages[1], 1, accepted()).await;
    world.apply([applied]).await;

    let (other, lease) = world.take_over(&old).await;
    let open: HashMap<_, _> = other.adopt(&lease).await.into_iter().map(|open| (open.message, open.outcome)).collect();
    let expected = HashMap::from([(messages[0], Some((accepted(), at.now))), (messages[2], None)]);
    assert_eq!(open, expected, "what was applied is not open any more");
    assert_eq!(world.story(messages[0]).await.attempts[0].sends, 1, "it is published again, not sent again");
    world.balanced(campaign).await;
}

pub async fn an_orphan_to_a_person_suppressed_since_is_unknown(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..2).await;
    let code = world.accept(world.new_message(1, Route::Sender(sender))).await.id;
    let old = world.lease(sender).await;
    world.intend(&old, &world.claim_for(sender, 3).await).await;
    world.store.add_suppression(world.suppression(0), world.now).await.unwrap();
    let marketing = Suppression { scope: SuppressionScope::Marketing, ..world.suppression(1) };
    world.store.add_suppression(marketing, world.now).await.unwrap();

    let (other, lease) = world.take_over(&old).await;
    let later = other.later(TimeDelta::minutes(1));
    let open = later.adopt(&lease).await;
    assert_eq!(open.len(), 3);
    for open in open {
        let unknown = Some((Outcome::Unknown, later.now));
        let expected = if open.message == code { None } else { unknown };
        assert_eq!(open.outcome, expected, "marketing is over for them, a code is not");
    }
    for &message in &messages {
        assert_eq!(world.story(message).await.attempts[0].outcome, Some(Outcome::Unknown));
    }
    let unapplied = world.store.list_unapplied_outcomes(AT_ONCE, 10).await.unwrap();
    assert_eq!(unapplied.len(), 2);
    world.apply(unapplied).await;
    assert_eq!(world.balanced(campaign).await.unknown, 2);
}

pub async fn attempts_are_adopted_under_the_current_epoch_only(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..1).await;
    let old = world.lease(sender).await;
    world.intend(&old, &world.claim_for(sender, 1).await).await;
    let (_, current) = world.take_over(&old).await;
    let answer = world.store.adopt_attempts(sender, old.epoch, world.worker, world.now).await.unwrap();
    assert_eq!(answer, Fenced::LeaseLost);
    world.store.release_lease(sender, current.epoch).await.unwrap();
    let ran_out = world.lease_for(sender, AT_ONCE).await;
    let answer = world.store.adopt_attempts(sender, ran_out.epoch, world.worker, world.now).await.unwrap();
    assert_eq!(answer, Fenced::LeaseLost);
    let attempt = &world.story(messages[0]).await.attempts[0];
    assert_eq!((attempt.epoch, attempt.sends), (old.epoch, 1), "nothing was changed");
}

/// A worker that was frozen after its intent wakes up and reports that it sent nothing, while the next holder is sending.
pub async fn only_the_present_holder_may_say_that_a_message_was_not_sent(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..4).await;
    let old = world.lease(sender).await;
    world.intend(&old, &world.claim_for(sender, 4).await).await;
    let (other, lease) = world.take_over(&old).await;
    other.adopt(&lease).await;
    let outcomes = [
        Outcome::Interrupted { not_before: world.now },
        Outcome::Unsent { not_before: world.now },
        Outcome::Rejected { reason: FailureReason::NotOnWhatsapp },
        Outcome::Unknown,
    ];
    for (&message, outcome) in messages.iter().zip(&outcomes) {
        let said = world.conclude_under(old.epoch, sender, (message, 1), outcome.clone()).await;
        assert_eq!(world.apply([said]).await.stale, 1, "{outcome:?}");
        assert_eq!(world.stand(message).await.0, MessageState::Sending, "{outcome:?}");
        assert_eq!(world.story(message).await.attempts[0].outcome, None, "{outcome:?}");
    }
    assert_eq!(world.balanced(campaign).await.sending, 4);
    // The same words are believed of the present holder, although they were heard before.
    for (&message, outcome) in messages.iter().zip(&outcomes) {
        let said = world.conclude_under(lease.epoch, sender, (message, 1), outcome.clone()).await;
        assert_eq!(world.apply([said]).await.applied, 1, "{outcome:?}");
        assert_eq!(world.story(message).await.attempts[0].outcome.as_ref(), Some(outcome));
    }
    let account = world.balanced(campaign).await;
    assert_eq!((account.waiting, account.failed, account.unknown), (2, 1, 1));
}

pub async fn a_former_holder_may_say_that_a_message_was_sent(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let old = world.lease(sender).await;
    world.intend(&old, &world.claim_for(sender, 1).await).await;
    let (other, lease) = world.take_over(&old).await;
    other.adopt(&lease).await;
    let said = world.conclude_under(old.epoch, sender, (messages[0], 1), accepted()).await;
    assert_eq!(world.apply([said]).await.applied, 1);
    let late = Outcome::Interrupted { not_before: world.now };
    let late = other.conclude_under(lease.epoch, sender, (messages[0], 1), late).await;
    assert_eq!(world.apply([late]).await.stale, 1);
    assert_eq!(world.story(messages[0]).await.attempts[0].outcome, Some(accepted()));
    assert_eq!(world.balanced(campaign).await.sent, 1);
}

pub async fn the_attempts_of_another_sender_are_left_alone(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.planned("main", 0..1).await;
    let old = world.lease(one).await;
    world.intend(&old, &world.claim_for(one, 1).await).await;
    let lease = world.lease(two).await;
    assert_eq!(world.adopt(&lease).await, []);
}

pub async fn an_outcome_that_was_not_applied_is_found_by_its_age(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..4).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &world.claim_for(sender, 4).await).await;
    let outcomes = [accepted(), Outcome::Unknown, Outcome::Unsent { not_before: world.now + TimeDelta::minutes(1) }];
    let mut lost = Vec::new();
    for (&message, outcome) in messages.iter().zip(outcomes) {
        lost.push(world.conclude(sender, message, 1, outcome).await);
    }
    assert_eq!(world.store.list_unapplied_outcomes(HOUR, 10).await.unwrap(), []);
    assert_eq!(world.store.list_unapplied_outcomes(AT_ONCE, 2).await.unwrap().len(), 2);
    let mut found = world.store.list_unapplied_outcomes(AT_ONCE, 10).await.unwrap();
    found.sort_by_key(paceline_domain::WorkerResult::id);
    lost.sort_by_key(paceline_domain::WorkerResult::id);
    assert_eq!(found, lost, "the very results that were lost, so that the inbox knows them");
    assert_eq!(world.apply(found).await.applied, 3);
    assert_eq!(world.apply(lost).await.duplicates, 3);
    assert_eq!(world.store.list_unapplied_outcomes(AT_ONCE, 10).await.unwrap(), []);
    let account = world.balanced(campaign).await;
    assert_eq!((account.sent, account.unknown, account.waiting, account.sending), (1, 1, 2, 1));
}

pub async fn an_orphan_that_no_worker_will_settle_becomes_unknown(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut messages = Vec::new();
    let mut senders = Vec::new();
    for number in 0..4 {
        let sender = world.add_sender(number, "main").await;
        messages.push(world.accept(world.new_message(number, Route::Sender(sender))).await.id);
        let lease = world.lease(sender).await;
        world.intend(&lease, &world.claim_for(sender, 1).await).await;
        world.store.release_lease(sender, lease.epoch).await.unwrap();
        senders.push(sender);
    }
    let [active, removed, banned, known] = senders[..] else { unreachable!("there are four") };
    world.conclude(known, messages[3], 1, accepted()).await;
    world.move_sender(removed, SenderState::Removed).await;
    world.move_sender(known, SenderState::Removed).await;
    let later = world.later(TimeDelta::seconds(1));
    later.apply([session(banned, SessionState::Banned, later.now)]).await;

    assert_eq!(world.store.lose_abandoned(later.now, HOUR, 10).await.unwrap(), 0, "not old enough");
    assert_eq!(world.store.lose_abandoned(later.now, AT_ONCE, 1).await.unwrap(), 1);
    assert_eq!(world.store.lose_abandoned(later.now, AT_ONCE, 10).await.unwrap(), 1);
    assert_eq!(world.store.lose_abandoned(later.now, AT_ONCE, 10).await.unwrap(), 0);
    let outcome = async |index: usize| world.story(messages[index]).await.attempts[0].outcome.clone();
    assert_eq!(outcome(0).await, None, "{active:?} has a worker to come");
    assert_eq!(outcome(1).await, Some(Outcome::Unknown));
    assert_eq!(outcome(2).await, Some(Outcome::Unknown));
    assert_eq!(outcome(3).await, Some(accepted()), "what is known is not lost");
    let unapplied = world.store.list_unapplied_outcomes(AT_ONCE, 10).await.unwrap();
    assert_eq!(world.apply(unapplied).await.applied, 3);
    assert_eq!(world.stand(messages[1]).await.0, MessageState::Unknown);
    assert_eq!(world.stand(messages[3]).await.0, MessageState::Sent);
}
