//! Suppressions: added with all that follows, widened, listed, removed.

use std::sync::Arc;

use paceline_domain::{EventKind, MessageState, SuppressionId, SuppressionReason, SuppressionScope};

use super::builders::{World, first, walk};
use crate::{
    Store,
    intents::IntentVerdict,
    messages::{MessageAcceptance, Route},
    suppressions::{Suppression, SuppressionAddition},
};

impl World {
    async fn suppress(&self, suppression: Suppression) -> SuppressionAddition {
        self.store.add_suppression(suppression, self.now).await.unwrap()
    }

    async fn suppressed(&self, person: u32) -> Option<Suppression> {
        self.store.find_suppression(self.workspace, self.hash(person)).await.unwrap()
    }
}

fn marketing(suppression: Suppression) -> Suppression {
    Suppression { scope: SuppressionScope::Marketing, ..suppression }
}

pub async fn a_suppression_is_found_as_it_was_added(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let suppression = Suppression { reason: SuppressionReason::Complaint, ..marketing(world.suppression(1)) };
    assert_eq!(world.suppress(suppression.clone()).await, SuppressionAddition::Added { cancelled: 0 });
    let erased = Suppression { address: None, ..world.suppression(2) };
    world.suppress(erased.clone()).await;
    assert_eq!(world.suppressed(1).await, Some(suppression.clone()));
    assert_eq!(world.suppressed(2).await, Some(erased.clone()));
    assert_eq!(world.suppressed(3).await, None);
    let other = world.store.find_suppression(world.id(), world.hash(1)).await.unwrap();
    assert_eq!(other, None, "a suppression is its workspace's");
    let page = world.store.list_suppressions(world.workspace, first(10)).await.unwrap();
    let mut expected = [suppression, erased];
    expected.sort_by_key(|it| it.id);
    assert_eq!(page.items, expected);
}

pub async fn a_person_is_suppressed_once_and_since_the_first_time(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let narrow = marketing(world.suppression(1));
    world.suppress(narrow.clone()).await;
    let later = world.later(chrono::TimeDelta::hours(1));
    let again = later.suppress(marketing(later.suppression(1))).await;
    assert_eq!(again, SuppressionAddition::Existing(narrow.clone()));
    let wide = Suppression { reason: SuppressionReason::Complaint, ..later.suppression(1) };
    assert!(matches!(later.suppress(wide).await, SuppressionAddition::Existing(_)));
    let widened = Suppression { scope: SuppressionScope::All, ..narrow };
    assert_eq!(world.suppressed(1).await, Some(widened.clone()), "widened, and nothing else");
    later.suppress(marketing(later.suppression(1))).await;
    assert_eq!(world.suppressed(1).await, Some(widened), "never narrowed");
    let page = world.store.list_suppressions(world.workspace, first(10)).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

pub async fn a_suppression_cancels_what_waits_for_the_person(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..2).await;
    let code = world.accept(world.new_message(0, Route::Sender(sender))).await.id;
    let claims = world.claim_for(sender, 3).await;
    assert_eq!(world.suppress(world.suppression(0)).await, SuppressionAddition::Added { cancelled: 2 });
    for message in [messages[0], code] {
        assert_eq!(world.stand(message).await, (MessageState::Cancelled, Some("suppressed".to_owned())));
        assert_eq!(world.message(message).await.ended_at, Some(world.now));
        assert_eq!(world.events_about(EventKind::MessageCancelled, message).await, 1);
    }
    assert_eq!(world.stand(messages[1]).await.0, MessageState::Waiting);
    let account = world.balanced(campaign).await;
    assert_eq!((account.cancelled, account.waiting), (1, 1));
    let lease = world.lease(sender).await;
    let answer = world.record(world.intent(&lease, &claims)).await;
    let granted = answer.items.iter().filter(|(_, verdict)| matches!(verdict, IntentVerdict::Granted(_)));
    assert_eq!(granted.map(|(message, _)| *message).collect::<Vec<_>>(), [messages[1]]);
    world.balanced(campaign).await;
}

pub async fn a_marketing_suppression_cancels_campaign_messages_only(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let code = world.accept(world.new_message(0, Route::Sender(sender))).await.id;
    let addition = world.suppress(marketing(world.suppression(0))).await;
    assert_eq!(addition, SuppressionAddition::Added { cancelled: 1 });
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Cancelled);
    assert_eq!(world.stand(code).await.0, MessageState::Waiting);
    world.balanced(campaign).await;
}

pub async fn nothing_is_sent_after_a_suppression_was_widened(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.suppress(marketing(world.suppression(0))).await;
    let code = world.accept(world.new_message(0, Route::Sender(sender))).await.id;
    world.suppress(world.suppression(0)).await;
    let lease = world.lease(sender).await;
    let claims = world.claim_for(sender, 1).await;
    world.record(world.intent(&lease, &claims)).await;
    assert_eq!(world.stand(code).await, (MessageState::Cancelled, Some("suppressed".to_owned())));
}

pub async fn a_suppressed_person_is_not_accepted_unless_only_marketing_is_over(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let all = world.suppression(0);
    world.suppress(all.clone()).await;
    world.suppress(marketing(world.suppression(1))).await;
    let new = world.new_message(0, Route::Sender(sender));
    let answer = world.store.create_message(new.clone()).await.unwrap();
    assert_eq!(answer, MessageAcceptance::Suppressed(all));
    assert_eq!(world.store.find_message(world.workspace, new.id).await.unwrap(), None);
    world.accept(world.new_message(1, Route::Sender(sender))).await;
}

pub async fn a_removed_suppression_lets_messages_pass_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let suppression = world.suppression(0);
    world.suppress(suppression.clone()).await;
    assert!(!world.store.remove_suppression(world.id(), suppression.id).await.unwrap(), "not its workspace's");
    assert!(world.store.remove_suppression(world.workspace, suppression.id).await.unwrap());
    assert!(!world.store.remove_suppression(world.workspace, suppression.id).await.unwrap());
    assert_eq!(world.suppressed(0).await, None);
    world.accept(world.new_message(0, Route::Sender(sender))).await;
    assert_eq!(world.suppress(world.suppression(0)).await, SuppressionAddition::Added { cancelled: 1 });
}

pub async fn a_walk_meets_every_suppression_once_while_others_are_added(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut added = Vec::new();
    for person in 0..5 {
        let id = SuppressionId::from_bytes([u8::try_from(9 - person).unwrap(); 16]);
        let later = world.later(chrono::TimeDelta::seconds(person.into()));
        let suppression = Suppression { id, ..later.suppression(person) };
        added.push(suppression.id);
        world.suppress(suppression).await;
    }
    let late = world.later(chrono::TimeDelta::seconds(60)).suppression(9);
    let list = |page| world.store.list_suppressions(world.workspace, page);
    let walked = walk(list, |it| it.id, async || drop(world.suppress(late.clone()).await)).await;
    added.push(late.id);
    assert_eq!(walked, added, "by age, whatever their ids");
}
