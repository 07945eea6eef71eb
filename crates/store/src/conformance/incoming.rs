//! Incoming messages and session changes: replies, opt-outs, and where a sender stands.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{
    CampaignId, CancelReason, EventKind, MessageId, MessageState, ResultBody, SenderId, SessionChange, SessionState,
    SuppressionReason, SuppressionScope, WorkerResult,
};
use paceline_pacing::Suspension;

use super::builders::{World, inbound, session};
use crate::{
    Store,
    intents::{IntentVerdict, Refusal},
    messages::Route,
    results::{OptOut, ResultToApply},
    suppressions::Suppression,
};

impl World {
    /// A sender whose campaign to people has been sent.
    async fn written(&self, people: std::ops::Range<u32>) -> (SenderId, CampaignId, Vec<MessageId>) {
        let sender = self.add_sender(1, "main").await;
        let (campaign, messages) = self.write_again(sender, people).await;
        (sender, campaign, messages)
    }

    /// The only sender of the pool writes to people.
    async fn write_again(&self, sender: SenderId, people: std::ops::Range<u32>) -> (CampaignId, Vec<MessageId>) {
        let (campaign, messages) = self.planned("main", people).await;
        let lease = self.lease(sender).await;
        assert_eq!(self.send_all(&lease).await.len(), messages.len());
        self.store.release_lease(sender, lease.epoch).await.unwrap();
        (campaign, messages)
    }

    async fn replied(&self, campaign: CampaignId) -> i64 {
        self.balanced(campaign).await.replied
    }

    async fn sends_session(&self, sender: SenderId, seconds: i64, change: SessionChange) {
        let at = self.now + TimeDelta::seconds(seconds);
        self.apply([WorkerResult { sender, at, body: ResultBody::Session(change) }]).await;
    }
}

fn change(state: SessionState) -> SessionChange {
    SessionChange { state, pairing_code: None, until: None, detail: None }
}

pub async fn an_incoming_message_is_an_event_and_a_reply(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (sender, campaign, messages) = world.written(0..2).await;
    let later = world.later(TimeDelta::minutes(3));
    assert_eq!(world.apply([inbound(sender, 1, "in-1", later.now)]).await.applied, 1);
    assert_eq!(world.message(messages[0]).await.replied_at, None);
    let message = world.message(messages[1]).await;
    assert_eq!((message.state, message.replied_at), (MessageState::Sent, Some(later.now)));
    let events = world.events_of(EventKind::MessageReceived).await;
    assert_eq!((events.len(), events[0].at), (1, later.now));
    let data = events[0].data.to_string();
    let phone = super::builders::phone(1);
    assert!(data.contains("Thank you") && data.contains(phone.as_e164()) && data.contains(&sender.to_string()));
    assert_eq!(world.replied(campaign).await, 1);
}

pub async fn a_person_who_writes_twice_has_replied_once(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (sender, campaign, messages) = world.written(0..1).await;
    let later = world.later(TimeDelta::minutes(3));
    world.apply([inbound(sender, 0, "in-1", world.now), inbound(sender, 0, "in-1", world.now)]).await;
    world.apply([inbound(sender, 0, "in-2", later.now)]).await;
    assert_eq!(world.events_of(EventKind::MessageReceived).await.len(), 2, "by the network's id");
    assert_eq!(world.message(messages[0]).await.replied_at, Some(world.now), "the first answer is kept");
    assert_eq!(world.replied(campaign).await, 1);
}

pub async fn a_reply_belongs_to_the_latest_message(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (sender, first, _) = world.written(0..1).await;
    let later = world.later(TimeDelta::days(1));
    let (second, _) = later.write_again(sender, 0..1).await;
    world.apply([inbound(sender, 0, "in-1", later.now + TimeDelta::hours(1))]).await;
    assert_eq!((world.replied(first).await, world.replied(second).await), (0, 1));
}

pub async fn a_reply_belongs_to_a_message_of_the_sender_that_was_written_to(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (sender, first, _) = world.written(0..1).await;
    let other = world.add_sender(2, "other").await;
    let later = world.later(TimeDelta::hours(1));
    later.accept(later.new_message(0, Route::Sender(other))).await;
    later.send_all(&world.lease(other).await).await;
    let at = later.now + TimeDelta::hours(1);
    world.apply([inbound(sender, 0, "in-1", at)]).await;
    assert_eq!(world.replied(first).await, 1, "though another sender wrote later");
    let stranger = inbound(other, 77, "in-2", at);
    assert_eq!(world.apply([stranger]).await.applied, 1);
    assert_eq!(world.events_of(EventKind::MessageReceived).await.len(), 2, "who was never written to is heard too");
}

pub async fn a_reply_after_seven_days_belongs_to_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (sender, campaign, _) = world.written(0..2).await;
    let late = world.now + TimeDelta::days(7) + TimeDelta::seconds(1);
    assert_eq!(world.apply([inbound(sender, 0, "in-1", late)]).await.applied, 1);
    assert_eq!(world.replied(campaign).await, 0);
    let in_time = world.now + TimeDelta::days(7) - TimeDelta::seconds(1);
    world.apply([inbound(sender, 1, "in-2", in_time)]).await;
    assert_eq!(world.replied(campaign).await, 1);
}

pub async fn a_message_that_was_not_sent_is_not_replied_to(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, _) = world.planned("main", 0..1).await;
    world.claim_for(sender, 1).await;
    world.apply([inbound(sender, 0, "in-1", world.now)]).await;
    assert_eq!(world.replied(campaign).await, 0);
}

/// One message of the person has been sent, one is in flight, one is released, one waits, and a code waits too.
pub async fn an_opt_out_suppresses_the_person_and_cancels_what_waits(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (sender, first, sent) = world.written(0..2).await;
    let lease = world.lease(sender).await;
    let (second, in_flight) = world.planned("main", 0..1).await;
    world.intend(&lease, &world.claim_for(sender, 1).await).await;
    let (third, released) = world.planned("main", 0..1).await;
    let claims = world.claim_for(sender, 1).await;
    let (fourth, waiting) = world.planned("main", 0..2).await;
    let code = world.accept(world.new_message(0, Route::Sender(sender))).await.id;

    let later = world.later(TimeDelta::minutes(1));
    let summary = later.opt_out(sender, 0).await;
    assert_eq!((summary.applied, summary.opted_out), (1, 1));
    let suppression = world.store.find_suppression(world.workspace, world.hash(0)).await.unwrap().unwrap();
    assert_eq!((suppression.scope, suppression.reason), (SuppressionScope::All, SuppressionReason::OptedOut));
    assert_eq!((suppression.since, suppression.address), (later.now, Some(super::builders::address(0))));
    let opted_out = Some(CancelReason::OptedOut.as_str().to_owned());
    for message in [released[0], waiting[0], code] {
        assert_eq!(world.stand(message).await, (MessageState::Cancelled, opted_out.clone()));
        assert_eq!(world.events_about(EventKind::MessageCancelled, message).await, 1);
    }
    assert_eq!(world.stand(waiting[1]).await.0, MessageState::Waiting, "another person's waits on");
    assert_eq!(world.stand(in_flight[0]).await.0, MessageState::Sending, "what left has left");
    assert_eq!(world.stand(sent[0]).await.0, MessageState::Sent);
    let answer = world.record(world.intent(&lease, &claims)).await;
    assert_eq!(answer.items[0].1, IntentVerdict::Refused(Refusal::Stale), "no intent after the opt-out");
    let about = world.events_of(EventKind::ContactOptedOut).await;
    assert_eq!((about.len(), about[0].at), (1, later.now));
    assert_eq!(world.events_of(EventKind::MessageReceived).await.len(), 1);
    let accounts = [
        world.balanced(first).await,
        world.balanced(second).await,
        world.balanced(third).await,
        world.balanced(fourth).await,
    ];
    assert_eq!(accounts.map(|account| account.cancelled), [0, 0, 1, 1]);
    assert_eq!(accounts.map(|account| account.replied).iter().sum::<i64>(), 1);
    assert_eq!(accounts.map(|account| account.opted_out).iter().sum::<i64>(), 1, "an opt-out is a reply too");
}

pub async fn an_opt_out_of_a_stranger_is_remembered(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.opt_out(sender, 5).await;
    let found = world.store.find_suppression(world.workspace, world.hash(5)).await.unwrap();
    assert_eq!(found.map(|it| it.reason), Some(SuppressionReason::OptedOut));
    assert_eq!(world.events_of(EventKind::ContactOptedOut).await.len(), 1);
}

pub async fn an_opt_out_widens_a_marketing_suppression(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let marketing = Suppression { scope: SuppressionScope::Marketing, ..world.suppression(0) };
    world.store.add_suppression(marketing, world.now).await.unwrap();
    let code = world.accept(world.new_message(0, Route::Sender(sender))).await.id;
    world.opt_out(sender, 0).await;
    let found = world.store.find_suppression(world.workspace, world.hash(0)).await.unwrap().unwrap();
    assert_eq!(found.scope, SuppressionScope::All);
    assert_eq!(world.stand(code).await.0, MessageState::Cancelled);
}

pub async fn an_opt_out_counts_once_however_often_it_comes(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (sender, campaign, _) = world.written(0..1).await;
    let result = inbound(sender, 0, "stop", world.now);
    let twice = [(); 2].map(|()| ResultToApply { result: result.clone(), opt_out: OptOut::Yes });
    let summary = world.store.apply_results(&twice, world.now).await.unwrap();
    assert_eq!((summary.applied, summary.duplicates, summary.opted_out), (1, 1, 1));
    world.later(TimeDelta::minutes(1)).opt_out(sender, 0).await;
    let account = world.balanced(campaign).await;
    assert_eq!((account.replied, account.opted_out), (1, 1));
}

pub async fn a_session_change_is_kept_with_its_event(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let pairing = SessionChange { pairing_code: Some("2@code".to_owned()), ..change(SessionState::Pairing) };
    world.sends_session(sender, 1, pairing).await;
    let seen = world.sender(sender).await;
    assert_eq!((seen.session, seen.pairing_code.as_deref()), (SessionState::Pairing, Some("2@code")));
    assert_eq!(seen.session_at, Some(world.now + TimeDelta::seconds(1)));
    world.sends_session(sender, 2, change(SessionState::Connected)).await;
    let seen = world.sender(sender).await;
    assert_eq!((seen.session, seen.pairing_code), (SessionState::Connected, None), "a used code is shown no more");
    let detail = SessionChange { detail: Some("stream error".to_owned()), ..change(SessionState::Disconnected) };
    world.sends_session(sender, 3, detail).await;
    let seen = world.sender(sender).await;
    assert_eq!((seen.session, seen.session_detail.as_deref()), (SessionState::Disconnected, Some("stream error")));
    let kinds: Vec<_> = world.events().await.into_iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::SenderConnected,
        EventKind::SenderPairing,
        EventKind::SenderConnected,
        EventKind::SenderDisconnected,
    ];
    assert_eq!(kinds, expected);
}

pub async fn an_earlier_session_change_changes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.sends_session(sender, 10, change(SessionState::LoggedOut)).await;
    let late = session(sender, SessionState::Connected, world.now + TimeDelta::seconds(5));
    let summary = world.apply([late]).await;
    assert_eq!((summary.applied, summary.stale), (0, 1));
    assert_eq!(world.sender(sender).await.session, SessionState::LoggedOut);
}

pub async fn a_suspension_is_kept_until_the_session_is_up_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let until = Some(world.now + TimeDelta::hours(6));
    world.sends_session(sender, 1, SessionChange { until, ..change(SessionState::Suspended) }).await;
    assert_eq!(world.sender(sender).await.suspension, Some(Suspension { until }));
    assert_eq!(world.events_about(EventKind::SenderSuspended, sender).await, 1);
    world.sends_session(sender, 2, change(SessionState::Connected)).await;
    assert_eq!(world.sender(sender).await.suspension, None);
    world.sends_session(sender, 3, change(SessionState::Banned)).await;
    assert_eq!(world.sender(sender).await.suspension, Some(Suspension { until: None }), "for good");
    assert_eq!(world.events_about(EventKind::SenderSuspended, sender).await, 2);
}

pub async fn a_banned_sender_leaves_its_messages_to_others(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    for state in [SessionState::Suspended, SessionState::Banned] {
        let pool = state.as_str();
        let number = if state == SessionState::Banned { 11 } else { 21 };
        let (one, two) = (world.add_sender(number, pool).await, world.add_sender(number + 1, pool).await);
        let (campaign, _) = world.planned(pool, 0..3).await;
        let released = world.claim_for(one, 2).await;
        world.apply([session(one, state, world.now)]).await;
        let lease = world.lease(one).await;
        let answer = world.record(world.intent(&lease, &released)).await;
        let stale = |(_, verdict): &(_, IntentVerdict)| *verdict == IntentVerdict::Refused(Refusal::Stale);
        assert!(answer.items.iter().all(stale), "they are not its any more");
        assert_eq!(world.claim_for(one, 3).await, [], "it is given nothing");
        assert_eq!(world.claim_for(two, 3).await.len(), 3);
        world.balanced(campaign).await;
    }
}
