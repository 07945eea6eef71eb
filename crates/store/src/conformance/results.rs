//! Results: outcomes and receipts move messages forward, once, in whatever order they come.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{
    Epoch, EventKind, FailureReason, MAX_ATTEMPTS, MessageId, MessageMove, MessageState, Outcome, ReceiptKind,
    ResultBody, SenderId, WaId, WorkerResult,
};

use super::{
    Dice,
    builders::{World, accepted, receipt},
};
use crate::{
    Store,
    leases::Lease,
    results::{ApplySummary, OptOut, ResultToApply},
};

impl World {
    /// A sender with messages to people that are being sent.
    async fn sending(&self, people: std::ops::Range<u32>) -> (Lease, paceline_domain::CampaignId, Vec<MessageId>) {
        let sender = self.add_sender(1, "main").await;
        let count = people.end - people.start;
        let (campaign, messages) = self.planned("main", people).await;
        let lease = self.lease(sender).await;
        let released = self.claim_for(sender, count).await;
        self.intend(&lease, &released).await;
        (lease, campaign, messages)
    }

    async fn receipt_of(&self, sender: SenderId, message: MessageId, kind: ReceiptKind) -> WorkerResult {
        receipt(sender, &self.message(message).await.wa_id, kind, self.now)
    }
}

fn applied(applied: u64) -> ApplySummary {
    ApplySummary { applied, ..ApplySummary::default() }
}

pub async fn an_accepted_message_is_sent(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..1).await;
    let later = world.later(TimeDelta::seconds(2));
    let result = later.conclude(lease.sender.id, messages[0], 1, accepted()).await;
    assert_eq!(world.later(TimeDelta::seconds(5)).apply([result]).await, applied(1));
    let message = world.message(messages[0]).await;
    assert_eq!((message.state, message.sent_at), (MessageState::Sent, Some(later.now)));
    assert_eq!((message.sender, message.ended_at), (Some(lease.sender.id), None));
    assert!(world.sender(lease.sender.id).await.last_sent_at.is_some());
    let events = world.events_of(EventKind::MessageSent).await;
    assert_eq!((events.len(), events[0].at), (1, later.now));
    assert!(events[0].data.to_string().contains(&messages[0].to_string()));
    let account = world.balanced(campaign).await;
    assert_eq!((account.sent, account.sending, account.waiting), (1, 0, 0));
}

pub async fn a_rejected_message_fails_with_its_reason(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..2).await;
    for &message in &messages {
        let outcome = Outcome::Rejected { reason: FailureReason::NotOnWhatsapp };
        let result = world.conclude(lease.sender.id, message, 1, outcome).await;
        world.apply([result]).await;
        assert_eq!(world.stand(message).await, (MessageState::Failed, Some("not_on_whatsapp".to_owned())));
        assert_eq!(world.message(message).await.ended_at, Some(world.now));
        assert_eq!(world.events_about(EventKind::MessageFailed, message).await, 1);
    }
    assert_eq!(world.campaign(campaign).await.failed["not_on_whatsapp"], 2);
    assert_eq!(world.balanced(campaign).await.failed, 2);
}

pub async fn an_unknown_message_is_settled_by_a_late_receipt(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..2).await;
    let sender = lease.sender.id;
    for &message in &messages {
        let result = world.conclude(sender, message, 1, Outcome::Unknown).await;
        assert_eq!(world.apply([result]).await, ApplySummary { unknown: 1, ..applied(1) });
        assert_eq!(world.stand(message).await.0, MessageState::Unknown);
        assert_eq!(world.events_about(EventKind::MessageUnknown, message).await, 1);
    }
    assert_eq!(world.balanced(campaign).await.unknown, 2);
    let delivered = world.receipt_of(sender, messages[0], ReceiptKind::Delivered).await;
    let failed = world.receipt_of(sender, messages[1], ReceiptKind::Failed).await;
    assert_eq!(world.apply([delivered, failed]).await, ApplySummary { settled: 2, ..applied(2) });
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Delivered);
    assert_eq!(world.stand(messages[1]).await, (MessageState::Failed, Some("refused".to_owned())));
    let account = world.balanced(campaign).await;
    assert_eq!((account.unknown, account.sent, account.failed), (0, 1, 1));
    assert_eq!(world.campaign(campaign).await.failed["refused"], 1);
}

pub async fn an_unsent_message_waits_again_for_any_sender(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..1).await;
    let other = world.add_sender(2, "main").await;
    let not_before = world.now + TimeDelta::minutes(10);
    let result = world.conclude(lease.sender.id, messages[0], 1, Outcome::Unsent { not_before }).await;
    assert_eq!(world.apply([result]).await, applied(1));
    let message = world.message(messages[0]).await;
    assert_eq!((message.state, message.not_before), (MessageState::Waiting, Some(not_before)));
    assert_eq!((message.sender, message.release, message.attempts), (None, None, 1));
    let account = world.balanced(campaign).await;
    assert_eq!((account.waiting, account.sending), (1, 0));
    assert_eq!(world.claim_for(other, 1).await, [], "not before its time");

    let due = world.later(TimeDelta::minutes(10));
    let released = due.claim_for(other, 1).await;
    let granted = due.intend(&world.lease(other).await, &released).await;
    assert_eq!((granted[0].0, granted[0].1.attempt), (messages[0], 2));
    assert_eq!(granted[0].1.wa_id, message.wa_id, "one id for life");
    let attempts = world.story(messages[0]).await.attempts;
    assert_eq!(attempts.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(attempts[0].outcome, Some(Outcome::Unsent { not_before }));
    world.balanced(campaign).await;
}

pub async fn a_message_that_was_unsent_five_times_fails(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!(world.stand(messages[0]).await.0, MessageState::Waiting);
        world.send(&lease, &world.claim_for(sender, 1).await, &Outcome::Unsent { not_before: world.now }).await;
        assert_eq!(world.message(messages[0]).await.attempts, attempt);
        world.balanced(campaign).await;
    }
    assert_eq!(world.stand(messages[0]).await, (MessageState::Failed, Some("attempts_exhausted".to_owned())));
    assert_eq!(world.campaign(campaign).await.failed["attempts_exhausted"], 1);
    assert_eq!(world.balanced(campaign).await.failed, 1);
}

pub async fn an_interrupted_attempt_is_none_of_the_five(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    let (interrupted, unsent) =
        (Outcome::Interrupted { not_before: world.now }, Outcome::Unsent { not_before: world.now });
    for _ in 0..MAX_ATTEMPTS {
        for outcome in [&interrupted, &unsent, &interrupted] {
            assert_eq!(world.stand(messages[0]).await.0, MessageState::Waiting);
            world.send(&lease, &world.claim_for(sender, 1).await, outcome).await;
            world.balanced(campaign).await;
            if world.stand(messages[0]).await.0 == MessageState::Failed {
                break;
            }
        }
    }
    assert_eq!(world.stand(messages[0]).await, (MessageState::Failed, Some("attempts_exhausted".to_owned())));
    let attempts = world.story(messages[0]).await.attempts;
    let unsent = attempts.iter().filter(|it| matches!(it.outcome, Some(Outcome::Unsent { .. }))).count();
    assert_eq!((attempts.len(), unsent), (14, 5));
}

pub async fn a_result_counts_once_however_often_it_comes(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..1).await;
    let sent = world.conclude(lease.sender.id, messages[0], 1, accepted()).await;
    let delivered = world.receipt_of(lease.sender.id, messages[0], ReceiptKind::Delivered).await;
    let batch = [sent.clone(), sent.clone(), delivered.clone()];
    assert_eq!(world.apply(batch.clone()).await, ApplySummary { applied: 2, duplicates: 1, ..applied(0) });
    let later = world.later(TimeDelta::hours(1));
    assert_eq!(later.apply(batch).await, ApplySummary { duplicates: 3, ..applied(0) });
    let events = world.events().await;
    let about = events.iter().filter(|it| it.kind.as_str().starts_with("message.")).count();
    assert_eq!(about, 2, "one sent, one delivered");
    let account = world.balanced(campaign).await;
    assert_eq!((account.sent, account.delivered), (1, 1));
}

pub async fn a_batch_that_is_applied_twice_at_once_counts_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..10).await;
    let mut results = Vec::new();
    for &message in &messages {
        results.push(world.conclude(lease.sender.id, message, 1, accepted()).await);
    }
    let batches: Vec<_> = (0..3)
        .map(|_| {
            let (world, results) = (world.clone(), results.clone());
            let batch: Vec<_> =
                results.into_iter().map(|result| ResultToApply { result, opt_out: OptOut::No }).collect();
            tokio::spawn(async move {
                // Transactions that met may be refused as a conflict; whoever applies results applies them again.
                loop {
                    match world.store.apply_results(&batch, world.now).await {
                        Ok(summary) => break summary,
                        Err(error) => assert!(error.is_transient(), "{error:?}"),
                    }
                }
            })
        })
        .collect();
    let mut total = ApplySummary::default();
    for batch in batches {
        let summary = batch.await.unwrap();
        total.applied += summary.applied;
        total.duplicates += summary.duplicates;
    }
    assert_eq!(total, ApplySummary { applied: 10, duplicates: 20, ..applied(0) });
    assert_eq!(world.events_of(EventKind::MessageSent).await.len(), 10);
    assert_eq!(world.balanced(campaign).await.sent, 10);
}

pub async fn receipts_before_the_outcome_move_the_message_and_the_outcome_comes_too_late(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..1).await;
    let read = world.receipt_of(lease.sender.id, messages[0], ReceiptKind::Read).await;
    assert_eq!(world.apply([read]).await, ApplySummary { overtook: 1, ..applied(1) });
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Read);
    let account = world.balanced(campaign).await;
    assert_eq!((account.sent, account.delivered, account.read, account.sending), (1, 1, 1, 0));
    let sent = world.conclude(lease.sender.id, messages[0], 1, accepted()).await;
    assert_eq!(world.apply([sent]).await, ApplySummary { stale: 1, ..applied(0) });
    let story = world.story(messages[0]).await;
    assert_eq!((story.message.state, &story.attempts[0].outcome), (MessageState::Read, &Some(accepted())));
    assert_eq!(world.balanced(campaign).await, account);
}

/// Every order of an outcome and three receipts, with repetitions strewn in, compared with the domain's moves.
pub async fn states_move_forward_in_every_order(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let orders = orders_of(4);
    let outcomes = [accepted(), Outcome::Unknown, Outcome::Rejected { reason: FailureReason::Blocked }];
    let count = u32::try_from(orders.len() * outcomes.len()).unwrap();
    let (lease, campaign, messages) = world.sending(0..count).await;
    let mut stories = Vec::new();
    for (index, &message) in messages.iter().enumerate() {
        let outcome = outcomes[index % outcomes.len()].clone();
        let mut results = vec![world.conclude(lease.sender.id, message, 1, outcome).await];
        for kind in [ReceiptKind::Delivered, ReceiptKind::Read, ReceiptKind::Failed] {
            results.push(world.receipt_of(lease.sender.id, message, kind).await);
        }
        let order = &orders[index / outcomes.len()];
        stories.push(order.iter().map(|&place| results[place].clone()).collect::<Vec<_>>());
    }
    let mut dice = Dice::new(23);
    for step in 0..4 {
        let mut batch: Vec<_> = stories.iter().map(|story| story[step].clone()).collect();
        // What came in an earlier step comes again: the inbox knows it.
        batch.extend((0..20 * step.min(1)).map(|_| dice.pick(&stories)[step - 1].clone()));
        world.apply(batch).await;
        world.balanced(campaign).await;
    }
    let events: Vec<_> = world.events().await.into_iter().map(|event| event.data.to_string()).collect();
    for (&message, story) in messages.iter().zip(&stories) {
        let (expected, moves) = story.iter().fold((MessageState::Sending, 0), |(state, moves), result| {
            // What reached a person was accepted, whether or not anyone has said so.
            let overtook = matches!(state, MessageState::Sending | MessageState::Unknown)
                && matches!(move_of(result), MessageMove::Deliver | MessageMove::Read);
            state.after(move_of(result)).map_or((state, moves), |next| (next, moves + 1 + usize::from(overtook)))
        });
        assert_eq!(world.stand(message).await.0, expected, "{story:?}");
        let id = message.to_string();
        let about = events.iter().filter(|data| data.contains(&id)).count();
        assert_eq!(about, moves, "one event for each move of {story:?}, and for an acceptance that a receipt proves");
    }
    assert_eq!(world.balanced(campaign).await.sending, 0);
}

/// Every order of the numbers below `count`.
fn orders_of(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders_of(count - 1);
    let longer = shorter.iter().flat_map(|order| {
        (0..count).map(|place| {
            let mut order = order.clone();
            order.insert(place, count - 1);
            order
        })
    });
    longer.collect()
}

fn move_of(result: &WorkerResult) -> MessageMove {
    match &result.body {
        ResultBody::Attempt { outcome: Outcome::Sent { .. }, .. } => MessageMove::Accept,
        ResultBody::Attempt { outcome: Outcome::Unknown, .. } => MessageMove::Lose,
        ResultBody::Attempt { outcome: Outcome::Rejected { .. }, .. } => MessageMove::Reject,
        ResultBody::Receipt(receipt) => match receipt.kind {
            ReceiptKind::Delivered => MessageMove::Deliver,
            ReceiptKind::Read => MessageMove::Read,
            ReceiptKind::Failed => MessageMove::Reject,
        },
        other => unreachable!("{other:?}"),
    }
}

pub async fn times_are_kept_with_the_moves(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, _, messages) = world.sending(0..1).await;
    let sender = lease.sender.id;
    let at = |seconds| world.later(TimeDelta::seconds(seconds));
    let sent = at(1).conclude(sender, messages[0], 1, accepted()).await;
    let delivered = at(2).receipt_of(sender, messages[0], ReceiptKind::Delivered).await;
    let read = at(3).receipt_of(sender, messages[0], ReceiptKind::Read).await;
    at(60).apply([sent, delivered, read]).await;
    let message = world.message(messages[0]).await;
    assert_eq!((message.sent_at, message.delivered_at), (Some(at(1).now), Some(at(2).now)));
    assert_eq!((message.read_at, message.ended_at), (Some(at(3).now), None));
}

pub async fn what_is_not_ours_is_stale(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let before = world.events().await.len();
    let foreign = receipt(sender, &WaId::from_network("3EB0FOREIGN"), ReceiptKind::Read, world.now);
    let body = ResultBody::Attempt { message: world.id(), attempt: 1, epoch: Epoch(1), outcome: accepted() };
    let lost = WorkerResult { sender, at: world.now, body };
    assert_eq!(world.apply([foreign.clone(), lost]).await, ApplySummary { stale: 2, ..applied(0) });
    assert_eq!(world.apply([foreign]).await, ApplySummary { duplicates: 1, ..applied(0) });
    assert_eq!(world.apply([]).await, applied(0));
    assert_eq!(world.events().await.len(), before);
}

pub async fn a_receipt_for_a_waiting_message_changes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let read = world.receipt_of(sender, messages[0], ReceiptKind::Read).await;
    assert_eq!(world.apply([read]).await, ApplySummary { stale: 1, ..applied(0) });
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Waiting);
    world.balanced(campaign).await;
}

pub async fn a_receipt_may_name_the_providers_id(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..2).await;
    let sender = lease.sender.id;
    let provided = |number: u32| Outcome::Sent { provider_id: Some(format!("wamid.{number}")) };
    let first = world.conclude(sender, messages[0], 1, provided(0)).await;
    let second = world.conclude(sender, messages[1], 1, provided(1)).await;
    let delivered = |number: u32| {
        receipt(sender, &WaId::from_network(&format!("wamid.{number}")), ReceiptKind::Delivered, world.now)
    };
    assert_eq!(world.apply([first, delivered(0)]).await, applied(2));
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Delivered);
    let overtook = ApplySummary { overtook: 1, ..applied(1) };
    assert_eq!(world.apply([delivered(1)]).await, overtook, "before the result of the outcome is applied");
    assert_eq!(world.stand(messages[1]).await.0, MessageState::Delivered);
    assert_eq!(world.apply([second]).await, ApplySummary { stale: 1, ..applied(0) });
    assert_eq!(world.balanced(campaign).await.delivered, 2);
}

pub async fn a_providers_id_belongs_to_its_sender(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (_, messages) = world.planned("main", 0..2).await;
    let same = Outcome::Sent { provider_id: Some("wamid.same".to_owned()) };
    let mut sent_by = Vec::new();
    for sender in [one, two] {
        let lease = world.lease(sender).await;
        let released = world.claim_for(sender, 1).await;
        world.send(&lease, &released, &same).await;
        sent_by.push(released[0].message);
    }
    world.apply([receipt(two, &WaId::from_network("wamid.same"), ReceiptKind::Read, world.now)]).await;
    assert_eq!(world.stand(sent_by[0]).await.0, MessageState::Sent, "of {messages:?}");
    assert_eq!(world.stand(sent_by[1]).await.0, MessageState::Read);
}

/// The first attempt ended unsent; what else is reported about it must not settle the second, which is under way.
pub async fn a_result_of_an_earlier_attempt_does_not_settle_the_present_one(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(sender).await;
    world.send(&lease, &world.claim_for(sender, 1).await, &Outcome::Unsent { not_before: world.now }).await;
    world.intend(&lease, &world.claim_for(sender, 1).await).await;
    let body = ResultBody::Attempt { message: messages[0], attempt: 1, epoch: lease.epoch, outcome: Outcome::Unknown };
    let late = WorkerResult { sender, at: world.now, body };
    assert_eq!(world.apply([late]).await, ApplySummary { stale: 1, ..applied(0) });
    assert_eq!(world.stand(messages[0]).await.0, MessageState::Sending);
    assert_eq!(world.balanced(campaign).await.sending, 1);
}

pub async fn a_large_batch_is_applied_whole(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..640).await;
    let lease = world.lease(sender).await;
    let mut results = Vec::new();
    for released in world.claim_for(sender, 640).await.chunks(64) {
        for (message, grant) in world.intend(&lease, released).await {
            let body = ResultBody::Attempt { message, attempt: grant.attempt, epoch: lease.epoch, outcome: accepted() };
            results.push(WorkerResult { sender, at: world.now, body });
            results.push(receipt(sender, &grant.wa_id, ReceiptKind::Delivered, world.now));
        }
    }
    assert_eq!(results.len(), 2 * messages.len());
    assert_eq!(world.apply(results).await, applied(1_280));
    let account = world.balanced(campaign).await;
    assert_eq!((account.sent, account.delivered), (640, 640));
}

pub async fn a_receipt_that_overtook_the_outcome_makes_the_event_of_the_acceptance_too(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (lease, campaign, messages) = world.sending(0..1).await;
    let sender = lease.sender.id;
    let read = world.receipt_of(sender, messages[0], ReceiptKind::Read).await;
    world.apply([read]).await;
    let sent = world.conclude(sender, messages[0], 1, accepted()).await;
    world.apply([sent]).await;
    assert_eq!(world.events_about(EventKind::MessageSent, messages[0]).await, 1);
    assert_eq!(world.events_about(EventKind::MessageRead, messages[0]).await, 1);
    let message = world.message(messages[0]).await;
    assert_eq!((message.state, message.sent_at.is_some()), (MessageState::Read, true));
    world.balanced(campaign).await;
}
