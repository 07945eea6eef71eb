//! Messages of unknown outcome: what a person decides, and what the policy does.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use paceline_domain::{
    ApiKeyId, CampaignId, CampaignMove, CampaignState, EventKind, MessageId, MessageState, Outcome, ReceiptKind,
    Resolution, Resolver, SenderId, SenderState, UnknownPolicy,
};

use super::builders::{World, accepted, receipt};
use crate::{
    Store,
    leases::Lease,
    messages::Route,
    resolutions::{Decision, ResolveOutcome, Resolved},
};

const GRACE: Duration = Duration::from_mins(10);

/// A campaign whose messages are all of unknown outcome.
struct Unknown {
    world: World,
    lease: Lease,
    campaign: CampaignId,
    messages: Vec<MessageId>,
    key: ApiKeyId,
}

impl Unknown {
    async fn new(store: Arc<dyn Store>, people: u32) -> Self {
        let world = World::new(store).await;
        let sender = world.add_sender(1, "main").await;
        let (campaign, messages) = world.planned("main", 0..people).await;
        let lease = world.lease(sender).await;
        world.send(&lease, &world.claim_for(sender, people).await, &Outcome::Unknown).await;
        assert_eq!(world.balanced(campaign).await.unknown, i64::from(people));
        let key = world.id();
        Self { world, lease, campaign, messages, key }
    }

    const fn sender(&self) -> SenderId {
        self.lease.sender.id
    }

    async fn decide(&self, message: MessageId, resolution: Resolution) -> ResolveOutcome {
        let (workspace, now) = (self.world.workspace, self.world.now);
        let decision = Decision { workspace, message, resolution, by: self.key, now };
        self.world.store.resolve_message(decision).await.unwrap()
    }

    /// Decides what is accepted, and answers the state after it.
    async fn resolve(&self, message: MessageId, resolution: Resolution) -> MessageState {
        match self.decide(message, resolution).await {
            ResolveOutcome::Resolved(message) => message.state,
            refused => panic!("{refused:?}"),
        }
    }

    async fn set_policy(&self, policy: UnknownPolicy) {
        let changed = self.world.store.set_unknown_policy(self.world.workspace, policy).await.unwrap().unwrap();
        assert_eq!(changed.unknown_policy, policy);
    }

    /// What the policy does so much later.
    async fn sweep_after(&self, age: Duration) -> u64 {
        let now = self.world.now + TimeDelta::from_std(age).unwrap();
        self.world.store.settle_unknown(now, GRACE, 100).await.unwrap()
    }
}

pub async fn a_person_settles_an_unknown_message(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 3).await;
    let (world, messages) = (&it.world, &it.messages);
    assert_eq!(it.resolve(messages[0], Resolution::Sent).await, MessageState::Sent);
    assert_eq!(it.resolve(messages[1], Resolution::Failed).await, MessageState::Failed);
    assert_eq!(it.resolve(messages[2], Resolution::Resend).await, MessageState::Waiting);
    assert_eq!(world.stand(messages[1]).await.1.as_deref(), Some("resolved"));
    assert_eq!(world.message(messages[0]).await.sent_at, Some(world.now));
    let account = world.balanced(it.campaign).await;
    assert_eq!((account.sent, account.failed, account.waiting, account.unknown), (1, 1, 1, 0));
    assert_eq!(world.campaign(it.campaign).await.failed["resolved"], 1);
    for (&message, resolution) in messages.iter().zip(Resolution::ALL) {
        let resolved = Resolved { attempt: 1, resolution: *resolution, by: Resolver::Key(it.key), at: world.now };
        assert_eq!(world.story(message).await.resolutions, [resolved]);
    }
}

pub async fn a_decision_is_an_event_and_so_is_the_state_after_it(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 2).await;
    it.resolve(it.messages[0], Resolution::Sent).await;
    it.resolve(it.messages[1], Resolution::Resend).await;
    let events = it.world.events_of(EventKind::MessageResolved).await;
    let told = |index: usize, key: &str| events[index].data[key].as_str().unwrap().to_owned();
    assert_eq!((told(0, "message_id"), told(0, "state")), (it.messages[0].to_string(), "sent".to_owned()));
    assert_eq!((told(0, "resolution"), told(0, "resolved_by")), ("sent".to_owned(), it.key.to_string()));
    assert_eq!((told(1, "resolution"), told(1, "state")), ("resend".to_owned(), "waiting".to_owned()));
    let sent = it.world.events_of(EventKind::MessageSent).await;
    assert_eq!(sent.len(), 1);
    assert!(sent[0].sequence > events[0].sequence, "the decision comes first");
}

pub async fn the_same_decision_twice_is_one_and_another_is_refused(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 2).await;
    let (world, messages) = (&it.world, &it.messages);
    for _ in 0..2 {
        assert_eq!(it.resolve(messages[0], Resolution::Sent).await, MessageState::Sent);
        assert_eq!(it.resolve(messages[1], Resolution::Resend).await, MessageState::Waiting);
    }
    assert_eq!(world.events_of(EventKind::MessageResolved).await.len(), 2);
    let refused = it.decide(messages[0], Resolution::Failed).await;
    assert_eq!(refused, ResolveOutcome::NotUnknown(MessageState::Sent));
    assert_eq!(world.balanced(it.campaign).await.sent, 1);

    let released = world.claim_for(it.sender(), 1).await;
    world.send(&it.lease, &released, &accepted()).await;
    let refused = it.decide(messages[1], Resolution::Resend).await;
    assert_eq!(refused, ResolveOutcome::NotUnknown(MessageState::Sent), "that was about another attempt");
}

pub async fn only_what_is_unknown_and_ones_own_is_resolved(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 1).await;
    let world = &it.world;
    let waiting = world.accept(world.new_message(50, Route::Sender(it.sender()))).await.id;
    let refused = it.decide(waiting, Resolution::Failed).await;
    assert_eq!(refused, ResolveOutcome::NotUnknown(MessageState::Waiting));
    assert_eq!(it.decide(world.id(), Resolution::Sent).await, ResolveOutcome::NotFound);
    let (workspace, by, now) = (world.id(), it.key, world.now);
    let foreign = Decision { workspace, message: it.messages[0], resolution: Resolution::Sent, by, now };
    assert_eq!(world.store.resolve_message(foreign).await.unwrap(), ResolveOutcome::NotFound);
    assert_eq!(world.stand(it.messages[0]).await.0, MessageState::Unknown);
}

pub async fn of_decisions_at_once_one_is_made(store: Arc<dyn Store>) {
    let it = Arc::new(Unknown::new(store, 1).await);
    let message = it.messages[0];
    let decide = |resolution| {
        let it = Arc::clone(&it);
        tokio::spawn(async move { it.decide(message, resolution).await })
    };
    let deciding = [Resolution::Sent, Resolution::Failed, Resolution::Resend].map(decide);
    let mut made = 0;
    for one in deciding {
        made += i32::from(matches!(one.await.unwrap(), ResolveOutcome::Resolved(_)));
    }
    assert_eq!(made, 1);
    assert_eq!(it.world.story(message).await.resolutions.len(), 1);
    assert_eq!(it.world.balanced(it.campaign).await.unknown, 0);
}

/// Another sender is free, and does not get the message: from it the person would see another one.
pub async fn a_resend_is_a_second_attempt_of_the_same_sender_under_the_same_id(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 1).await;
    let world = &it.world;
    let other = world.add_sender(2, "main").await;
    let before = world.message(it.messages[0]).await;
    it.resolve(it.messages[0], Resolution::Resend).await;
    let waiting = world.message(it.messages[0]).await;
    assert_eq!((waiting.sender, waiting.not_before), (Some(it.sender()), None));
    assert_eq!(waiting.waits_for.as_deref(), Some("resend"));
    assert_eq!(world.claim_for(other, 1).await, []);
    let granted = world.intend(&it.lease, &world.claim_for(it.sender(), 1).await).await;
    assert_eq!((granted[0].1.attempt, &granted[0].1.wa_id), (2, &before.wa_id));
    let result = world.conclude(it.sender(), it.messages[0], 2, accepted()).await;
    world.apply([result]).await;
    assert_eq!(world.balanced(it.campaign).await.sent, 1);
}

pub async fn a_resend_of_a_sender_that_is_gone_goes_to_another(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 1).await;
    let world = &it.world;
    let other = world.add_sender(2, "main").await;
    world.move_sender(it.sender(), SenderState::Removed).await;
    it.resolve(it.messages[0], Resolution::Resend).await;
    let released = world.claim_for(other, 1).await;
    assert_eq!(released.iter().map(|it| it.message).collect::<Vec<_>>(), it.messages);
    world.balanced(it.campaign).await;
}

pub async fn a_resend_reopens_a_campaign_that_was_completed(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 1).await;
    let world = &it.world;
    assert_eq!(world.store.complete_campaigns(world.now, 10).await.unwrap(), 1);
    it.resolve(it.messages[0], Resolution::Resend).await;
    let campaign = world.campaign(it.campaign).await;
    assert_eq!((campaign.state, campaign.ended_at), (CampaignState::Running, None));
    assert_eq!(world.events_about(EventKind::CampaignReopened, it.campaign).await, 1);
    assert_eq!(world.events_about(EventKind::CampaignResumed, it.campaign).await, 0);
    assert_eq!(world.store.complete_campaigns(world.now, 10).await.unwrap(), 0, "a message waits");
    world.send_all(&it.lease).await;
    assert_eq!(world.balanced(it.campaign).await.sent, 1);
    assert_eq!(world.store.complete_campaigns(world.now, 10).await.unwrap(), 1);
}

pub async fn a_resend_keeps_to_suppressions_and_cancelled_campaigns(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 2).await;
    let world = &it.world;
    world.store.add_suppression(world.suppression(0), world.now).await.unwrap();
    it.resolve(it.messages[0], Resolution::Resend).await;
    let released = world.claim_for(it.sender(), 1).await;
    world.record(world.intent(&it.lease, &released)).await;
    assert_eq!(world.stand(it.messages[0]).await, (MessageState::Cancelled, Some("suppressed".to_owned())));
    world.move_campaign(it.campaign, CampaignMove::Cancel).await;
    for _ in 0..2 {
        assert_eq!(
            world.store.cancel_messages(world.now, 10).await.unwrap(),
            0,
            "nothing waits, and it is looked at no more"
        );
    }
    it.resolve(it.messages[1], Resolution::Resend).await;
    assert_eq!(world.claim_for(it.sender(), 1).await, []);
    assert_eq!(world.store.cancel_messages(world.now, 10).await.unwrap(), 1, "until something of it waits again");
    assert_eq!(world.balanced(it.campaign).await.cancelled, 2);
}

pub async fn what_a_person_resolved_moves_on_as_any_other(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 2).await;
    let world = &it.world;
    it.resolve(it.messages[0], Resolution::Sent).await;
    it.resolve(it.messages[1], Resolution::Failed).await;
    let mut receipts = Vec::new();
    for &message in &it.messages {
        let id = world.message(message).await.wa_id;
        receipts.push(receipt(it.sender(), &id, ReceiptKind::Delivered, world.now));
    }
    assert_eq!(world.apply(receipts).await.applied, 1);
    assert_eq!(world.stand(it.messages[0]).await.0, MessageState::Delivered);
    assert_eq!(world.stand(it.messages[1]).await.0, MessageState::Failed, "what failed stays so");
    world.balanced(it.campaign).await;
}

pub async fn a_workspace_holds_what_is_unknown_unless_it_chose_otherwise(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 2).await;
    let workspace = it.world.store.find_workspace(it.world.workspace).await.unwrap().unwrap();
    assert_eq!(workspace.unknown_policy, UnknownPolicy::Hold);
    assert_eq!(it.sweep_after(GRACE * 100).await, 0);
    assert_eq!(it.world.balanced(it.campaign).await.unknown, 2);
    let nobody = it.world.store.set_unknown_policy(it.world.id(), UnknownPolicy::Fail).await.unwrap();
    assert_eq!(nobody, None);
}

pub async fn the_policy_waits_for_a_late_receipt_first(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 2).await;
    let world = &it.world;
    it.set_policy(UnknownPolicy::Fail).await;
    assert_eq!(it.sweep_after(Duration::from_micros(599_999_999)).await, 0);
    let id = world.message(it.messages[0]).await.wa_id;
    let summary = world.apply([receipt(it.sender(), &id, ReceiptKind::Delivered, world.now)]).await;
    assert_eq!((summary.applied, summary.settled), (1, 1));
    assert_eq!(it.sweep_after(GRACE).await, 1);
    assert_eq!(it.sweep_after(GRACE).await, 0);
    assert_eq!(world.stand(it.messages[1]).await, (MessageState::Failed, Some("outcome_unknown".to_owned())));
    let account = world.balanced(it.campaign).await;
    assert_eq!((account.sent, account.failed, account.unknown), (1, 1, 0));
    assert_eq!(world.campaign(it.campaign).await.failed["outcome_unknown"], 1);
    let event = &world.events_of(EventKind::MessageResolved).await[0];
    assert_eq!(event.data["resolved_by"].as_str(), Some("policy"));
}

pub async fn the_policy_sends_a_message_again_once(store: Arc<dyn Store>) {
    let it = Unknown::new(store, 1).await;
    let world = &it.world;
    it.set_policy(UnknownPolicy::Resend).await;
    world.store.complete_campaigns(world.now, 10).await.unwrap();
    assert_eq!(it.sweep_after(GRACE).await, 1);
    let later = world.later(TimeDelta::from_std(GRACE).unwrap());
    later.send(&it.lease, &later.claim_for(it.sender(), 1).await, &Outcome::Unknown).await;
    assert_eq!(world.stand(it.messages[0]).await.0, MessageState::Unknown);
    assert_eq!(it.sweep_after(GRACE * 10).await, 0, "what is unknown again is held");
    let story = world.story(it.messages[0]).await;
    assert_eq!((story.attempts.len(), story.resolutions.len()), (2, 1));
    assert_eq!(it.resolve(it.messages[0], Resolution::Resend).await, MessageState::Waiting, "a person may do more");
    world.balanced(it.campaign).await;
}

pub async fn the_policy_settles_no_more_than_asked_at_once_and_nothing_twice(store: Arc<dyn Store>) {
    let it = Arc::new(Unknown::new(store, 5).await);
    it.set_policy(UnknownPolicy::Fail).await;
    let now = it.world.now + TimeDelta::hours(1);
    assert_eq!(it.world.store.settle_unknown(now, GRACE, 2).await.unwrap(), 2);
    let sweeping = [0, 1].map(|_| {
        let it = Arc::clone(&it);
        tokio::spawn(async move { it.world.store.settle_unknown(now, GRACE, 10).await.unwrap() })
    });
    let mut settled = 0;
    for one in sweeping {
        settled += one.await.unwrap();
    }
    assert_eq!(settled, 3);
    assert_eq!(it.world.events_of(EventKind::MessageFailed).await.len(), 5);
    it.world.balanced(it.campaign).await;
}
