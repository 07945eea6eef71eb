//! Dead letters: kept once, listed to whom they belong, replayed without harm.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{
    DeathReason, Job, JobItem, Lane, MessageId, MessageState, ReceiptKind, SenderId, SuppressionReason,
};

use super::builders::{AT_ONCE, HOUR, World, accepted, address, first, inbound, receipt};
use crate::{
    PageRequest, Store,
    dead_letters::{DeadBody, DeadLetter, DeadLetterFilter, NewDeadLetter, ReplayOutcome},
    release::ReleasedMessage,
    results::{OptOut, ResultToApply},
};

impl World {
    fn dead(&self, reason: DeathReason, body: DeadBody) -> NewDeadLetter {
        NewDeadLetter { id: self.id(), reason, body }
    }

    fn dead_job(&self, sender: SenderId, released: &[ReleasedMessage]) -> NewDeadLetter {
        let item = |it: &ReleasedMessage| JobItem {
            message: it.message,
            generation: it.generation,
            to: it.to.clone(),
            chars: it.chars,
        };
        let job = Job { sender, lane: Lane::Campaign, items: released.iter().map(item).collect() };
        self.dead(DeathReason::DeliveryLimit, DeadBody::Job(job))
    }

    async fn record_dead(&self, letters: &[NewDeadLetter]) -> u64 {
        self.store.record_dead_letters(letters, self.now + TimeDelta::minutes(1)).await.unwrap()
    }

    async fn dead_letters(&self, filter: DeadLetterFilter) -> Vec<DeadLetter> {
        self.store.list_dead_letters(self.workspace, filter, first(100)).await.unwrap().items
    }

    async fn replay(&self, letter: &NewDeadLetter) -> ReplayOutcome {
        self.store.replay_dead_letter(self.workspace, letter.id, self.now).await.unwrap()
    }

    async fn delivered(&self, sender: SenderId, message: MessageId) -> NewDeadLetter {
        let id = self.message(message).await.wa_id;
        let result = receipt(sender, &id, ReceiptKind::Delivered, self.now);
        let body = DeadBody::Result(Box::new(ResultToApply { result, opt_out: OptOut::No }));
        self.dead(DeathReason::Refused, body)
    }
}

pub async fn a_letter_is_kept_once_however_often_it_comes(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..1).await;
    world.send_all(&world.lease(sender).await).await;
    let letter = world.delivered(sender, messages[0]).await;
    assert_eq!(world.record_dead(std::slice::from_ref(&letter)).await, 1);
    let again = NewDeadLetter { id: world.id(), ..letter.clone() };
    assert_eq!(world.record_dead(&[again]).await, 0);
    let kept = world.dead_letters(DeadLetterFilter::Waiting).await;
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].id, kept[0].workspace, kept[0].sender), (letter.id, Some(world.workspace), Some(sender)));
    assert_eq!((kept[0].reason, &kept[0].body, kept[0].replayed_at), (letter.reason, &letter.body, None));
    assert_eq!(world.store.figures().await.unwrap().dead_letters, 1);
}

pub async fn the_messages_of_a_dead_job_wait_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..2).await;
    let released = world.claim_for(sender, 2).await;
    world.record_dead(&[world.dead_job(sender, &released)]).await;
    let message = world.message(messages[0]).await;
    assert_eq!((message.release, message.waits_for.as_deref()), (None, Some("dead_letter")));
    let soon = world.now + TimeDelta::minutes(1);
    assert_eq!(message.not_before, Some(soon), "what breaks workers does so with a pause");
    assert_eq!(world.store.figures().await.unwrap().dead_letters, 0, "nobody need do anything");
    let later = world.later(TimeDelta::minutes(1));
    assert_eq!(later.claim_for(sender, 2).await.len(), 2);
    assert_eq!(world.balanced(campaign).await.waiting, 2);
}

pub async fn a_dead_job_of_an_old_release_gives_nothing_back(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..1).await;
    let old = world.claim_for(sender, 1).await;
    world.give_back(&old).await;
    let present = world.claim_for(sender, 1).await;
    let letter = world.dead_job(sender, &old);
    world.record_dead(std::slice::from_ref(&letter)).await;
    assert!(matches!(world.replay(&letter).await, ReplayOutcome::Replayed(_)));
    let release = world.message(messages[0]).await.release.unwrap();
    assert_eq!(release.generation, present[0].generation, "the present release holds");
}

pub async fn a_replayed_job_makes_its_messages_due_at_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let letter = world.dead_job(sender, &world.claim_for(sender, 1).await);
    world.record_dead(std::slice::from_ref(&letter)).await;
    for _ in 0..2 {
        let ReplayOutcome::Replayed(replayed) = world.replay(&letter).await else { panic!("it is there") };
        assert!(replayed.replayed_at.is_some());
        assert_eq!(world.message(messages[0]).await.not_before, None);
    }
    assert_eq!(world.dead_letters(DeadLetterFilter::Waiting).await, []);
    assert_eq!(world.dead_letters(DeadLetterFilter::All).await.len(), 1);
    world.send_all(&world.lease(sender).await).await;
    world.replay(&letter).await;
    assert_eq!(world.balanced(campaign).await.sent, 1, "what was sent is not sent again");
}

pub async fn a_replayed_result_is_applied_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    world.send(&world.lease(sender).await, &world.claim_for(sender, 1).await, &accepted()).await;
    let letter = world.delivered(sender, messages[0]).await;
    world.record_dead(std::slice::from_ref(&letter)).await;
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Sent, "it waits for an operator");
    for _ in 0..2 {
        assert!(matches!(world.replay(&letter).await, ReplayOutcome::Replayed(_)));
        assert_eq!(world.stand(messages[0]).await.0, MessageState::Delivered);
        assert_eq!(world.balanced(campaign).await.delivered, 1);
    }
    assert_eq!(world.store.figures().await.unwrap().dead_letters, 0);
}

pub async fn an_opt_out_that_was_a_dead_letter_counts_when_it_is_replayed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let result = inbound(sender, 7, "stop", world.now);
    let body = DeadBody::Result(Box::new(ResultToApply { result, opt_out: OptOut::Yes }));
    let letter = world.dead(DeathReason::DeliveryLimit, body);
    world.record_dead(std::slice::from_ref(&letter)).await;
    world.replay(&letter).await;
    let suppression = world.store.find_suppression(world.workspace, world.hash(7)).await.unwrap().unwrap();
    assert_eq!((suppression.reason, suppression.address), (SuppressionReason::OptedOut, Some(address(7))));
}

pub async fn what_nobody_can_read_is_kept_and_not_replayed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let letter = world.dead(DeathReason::Unreadable, DeadBody::Unreadable(vec![0, 255, 7]));
    world.record_dead(std::slice::from_ref(&letter)).await;
    let kept = world.dead_letters(DeadLetterFilter::Waiting).await;
    assert_eq!((&kept[0].body, kept[0].workspace, kept[0].sender), (&letter.body, None, None));
    assert_eq!(world.replay(&letter).await, ReplayOutcome::Unreadable);
    assert_eq!(world.store.figures().await.unwrap().dead_letters, 1);
}

pub async fn letters_are_listed_to_their_workspace_page_by_page(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let mut ids = Vec::new();
    for person in 0..5 {
        let result = inbound(sender, person, &format!("in-{person}"), world.now);
        let body = DeadBody::Result(Box::new(ResultToApply { result, opt_out: OptOut::No }));
        let letter = world.dead(DeathReason::Refused, body);
        world.record_dead(std::slice::from_ref(&letter)).await;
        ids.push(letter.id);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit: 2 };
        let page = world.store.list_dead_letters(world.workspace, DeadLetterFilter::All, page).await.unwrap();
        seen.extend(page.items.into_iter().map(|letter| letter.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let stranger = World { workspace: world.id(), ..world.clone() };
    assert_eq!(stranger.dead_letters(DeadLetterFilter::All).await, []);
    let foreign = world.store.replay_dead_letter(stranger.workspace, ids[0], world.now).await.unwrap();
    assert_eq!(foreign, ReplayOutcome::NotFound);
}

pub async fn a_purge_keeps_results_that_nobody_has_replayed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let letters: Vec<_> = (0..2)
        .map(|person| {
            let result = inbound(sender, person, &format!("in-{person}"), world.now);
            let body = DeadBody::Result(Box::new(ResultToApply { result, opt_out: OptOut::No }));
            world.dead(DeathReason::Refused, body)
        })
        .collect();
    world.record_dead(&letters).await;
    world.replay(&letters[0]).await;
    world.events().await;
    assert_eq!(world.store.purge_before(HOUR, 100).await.unwrap(), 0);
    while world.store.purge_before(AT_ONCE, 100).await.unwrap() == 100 {}
    let kept = world.dead_letters(DeadLetterFilter::All).await;
    assert_eq!(kept.iter().map(|letter| letter.id).collect::<Vec<_>>(), [letters[1].id]);
}
