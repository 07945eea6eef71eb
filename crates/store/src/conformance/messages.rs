//! Transactional messages, and lists of all messages.

use std::{collections::HashSet, sync::Arc};

use chrono::TimeDelta;
use paceline_domain::{CampaignId, CampaignMove, Lane, MessageId, MessageState, Outcome, SenderState};

use super::builders::{World, first, room, walk};
use crate::{
    Store,
    campaigns::NewCampaign,
    messages::{MessageAcceptance, MessageFilter, NewMessage, Route},
    release::Room,
};

pub async fn an_accepted_message_waits_as_it_was_given(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let new = NewMessage {
        lane: Lane::Reply,
        not_before: Some(world.now + TimeDelta::minutes(1)),
        expires_at: Some(world.now + TimeDelta::minutes(9)),
        ..world.new_message(1, Route::Sender(sender))
    };
    let MessageAcceptance::Accepted(message) = world.store.create_message(new.clone()).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!(world.message(new.id).await, *message);
    assert_eq!((message.state, message.lane), (MessageState::Waiting, Lane::Reply));
    assert_eq!((message.campaign, message.row, message.attempts), (None, None, 0));
    assert_eq!((&message.to, &message.content, &message.wa_id), (&new.to, &new.content, &new.wa_id));
    assert_eq!((message.not_before, message.expires_at), (new.not_before, new.expires_at));
    assert_eq!((message.sender, message.pool, message.created_at), (Some(sender), None, world.now));
    let story = world.story(new.id).await;
    assert_eq!((story.attempts.len(), story.campaign_state), (0, None));
    assert_eq!(world.store.find_message(world.id(), new.id).await.unwrap(), None, "another workspace sees nothing");
}

pub async fn the_same_message_twice_is_one_message(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let new = world.new_message(1, Route::Sender(sender));
    let accepted = world.accept(new.clone()).await;
    let again = world.store.create_message(new.clone()).await.unwrap();
    assert_eq!(again, MessageAcceptance::Existing(Box::new(accepted)));
    world.store.add_suppression(world.suppression(1), world.now).await.unwrap();
    let again = world.store.create_message(new).await.unwrap();
    let MessageAcceptance::Existing(message) = again else { panic!("{again:?}") };
    assert_eq!(message.state, MessageState::Cancelled);
    assert_eq!(world.store.figures().await.unwrap().account.planned, 1);
}

pub async fn a_route_without_a_sender_is_refused(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let removed = world.add_sender(1, "main").await;
    world.move_sender(removed, SenderState::Removed).await;
    let routes = [
        Route::Sender(removed),
        Route::Sender(world.id()),
        Route::Pool("main".to_owned()),
        Route::Pool("nowhere".to_owned()),
    ];
    for route in routes {
        let new = world.new_message(1, route);
        assert_eq!(world.store.create_message(new.clone()).await.unwrap(), MessageAcceptance::NoSender);
        assert_eq!(world.store.find_message(world.workspace, new.id).await.unwrap(), None);
    }
}

pub async fn a_message_to_a_pool_goes_by_the_sender_with_the_most_free_capacity(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let message = world.accept(world.new_message(1, Route::Pool("main".to_owned()))).await;
    assert_eq!((message.sender, message.pool.as_deref()), (None, Some("main")));
    let rooms = [Room { sender: one, room: 8, free: 1 }, Room { sender: two, room: 8, free: 9 }];
    let released = world.claim(&rooms).await;
    assert_eq!((released[0].message, released[0].sender), (message.id, two));
}

pub async fn a_message_to_a_pool_goes_first_by_the_sender_that_wrote_before(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.accept(world.new_message(1, Route::Sender(one))).await;
    world.send_all(&world.lease(one).await).await;
    let message = world.accept(world.new_message(1, Route::Pool("main".to_owned()))).await;
    let rooms = [Room { sender: one, room: 8, free: 1 }, Room { sender: two, room: 8, free: 9 }];
    let released = world.claim(&rooms).await;
    assert_eq!((released[0].message, released[0].sender), (message.id, one));
}

pub async fn messages_are_filtered_by_campaign_state_and_sender(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "other").await);
    let (campaign, planned) = world.planned("main", 0..3).await;
    let code = world.accept(world.new_message(9, Route::Sender(two))).await.id;
    let lease = world.lease(one).await;
    let released = world.claim_for(one, 2).await;
    world.send(&lease, &released[..1], &Outcome::Unknown).await;
    let list = async |filter| {
        let page = world.store.list_messages(world.workspace, filter, first(100)).await.unwrap();
        page.items.into_iter().map(|message| message.id).collect::<HashSet<_>>()
    };
    let all = MessageFilter::default();
    let unknown = released[0].message;
    let bound: HashSet<_> = released.iter().map(|it| it.message).collect();
    let everything: HashSet<_> = planned.iter().copied().chain([code]).collect();
    assert_eq!(list(all).await, everything);
    assert_eq!(list(MessageFilter { campaign: Some(campaign), ..all }).await, planned.iter().copied().collect());
    assert_eq!(list(MessageFilter { state: Some(MessageState::Unknown), ..all }).await, HashSet::from([unknown]));
    assert_eq!(list(MessageFilter { sender: Some(one), ..all }).await, bound);
    let both = MessageFilter { sender: Some(one), state: Some(MessageState::Waiting), campaign: Some(campaign) };
    assert_eq!(list(both).await, &bound - &HashSet::from([unknown]));
    let other = world.store.list_messages(world.id(), all, first(100)).await.unwrap();
    assert_eq!(other.items, []);
}

pub async fn a_walk_meets_every_message_once_while_others_are_added(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let mut messages = Vec::new();
    for second in 0..5 {
        let world = world.later(TimeDelta::seconds(second));
        messages.push(world.accept(world.new_message(1, Route::Sender(sender))).await.id);
    }
    let late = world.later(TimeDelta::seconds(60)).new_message(1, Route::Sender(sender));
    for filter in [MessageFilter::default(), MessageFilter { sender: Some(sender), ..MessageFilter::default() }] {
        let list = |page| world.store.list_messages(world.workspace, filter, page);
        let walked = walk(list, |it| it.id, async || drop(world.store.create_message(late.clone()).await)).await;
        assert_eq!(walked[..5], messages, "oldest first");
        assert_eq!(walked[5..], [late.id]);
    }
}

/// Ids that are made from an `Idempotency-Key` say nothing about time.
pub async fn what_was_accepted_first_is_listed_and_released_first_whatever_its_id(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let accept = async |byte: u8, route: Route| {
        let id = MessageId::from_bytes([byte; 16]);
        let new = NewMessage { id, ..world.new_message(byte.into(), route) };
        world.accept(new).await.id
    };
    let pool = || Route::Pool("main".to_owned());
    let mut bound = Vec::new();
    let mut free = Vec::new();
    for byte in [9, 2, 7, 1, 8] {
        bound.push(accept(byte, Route::Sender(sender)).await);
        free.push(accept(byte + 100, pool()).await);
    }
    let accepted: Vec<MessageId> = bound.iter().zip(&free).flat_map(|(bound, free)| [*bound, *free]).collect();
    for filter in
        [MessageFilter::default(), MessageFilter { state: Some(MessageState::Waiting), ..MessageFilter::default() }]
    {
        let list = |page| world.store.list_messages(world.workspace, filter, page);
        assert_eq!(walk(list, |it| it.id, async || {}).await, accepted, "{filter:?}");
    }
    world.lease(sender).await;
    let mut released = Vec::new();
    for _ in 0..2 {
        released.extend(world.claim(&[room(sender, 5)]).await.into_iter().map(|it| it.message));
    }
    assert_eq!(
        released,
        [bound, free].concat(),
        "what is bound goes before what is free, each in the order of its acceptance"
    );
}

/// Of campaigns that start in one instant the one that was made first goes first.
pub async fn what_was_planned_first_is_listed_and_released_first_whatever_its_id(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let mut campaigns = Vec::new();
    for (second, byte) in [(1, 200), (2, 3), (3, 100)] {
        let definition = world.definition("main");
        let (id, created_at) = (CampaignId::from_bytes([byte; 16]), world.now - TimeDelta::seconds(10 - second));
        let new = NewCampaign { id, workspace: world.workspace, definition, created_at };
        world.store.create_campaign(new).await.unwrap();
        world.upload(id, 0..3).await;
        world.move_campaign(id, CampaignMove::Start).await;
        campaigns.push(id);
    }
    let planning = world.store.list_planning(10).await.unwrap();
    assert_eq!(planning.iter().map(|it| it.campaign.id).collect::<Vec<_>>(), campaigns);
    let mut planned = Vec::new();
    for (&campaign, first) in campaigns.iter().zip([90_u8, 60, 30]) {
        let mut batch = world.next_plan(campaign, 10).await;
        for (message, less) in batch.messages.iter_mut().zip(0..) {
            message.id = MessageId::from_bytes([first - less; 16]);
            planned.push(message.id);
        }
        world.store.record_plan(batch).await.unwrap();
        let of_campaign = MessageFilter { campaign: Some(campaign), ..MessageFilter::default() };
        let list = |page| world.store.list_messages(world.workspace, of_campaign, page);
        assert_eq!(walk(list, |it| it.id, async || {}).await, planned[planned.len() - 3..], "by row");
    }
    world.lease(sender).await;
    let mut released = Vec::new();
    for _ in 0..3 {
        released.extend(world.claim(&[room(sender, 3)]).await.into_iter().map(|it| it.message));
    }
    let turns = [0, 3, 6, 1, 4, 7, 2, 5, 8].map(|place| planned[place]);
    let as_sets =
        |ids: &[MessageId]| ids.chunks(3).map(|turn| turn.iter().copied().collect()).collect::<Vec<HashSet<_>>>();
    assert_eq!(as_sets(&released), as_sets(&turns), "the first of each campaign, then the second, then the third");
}

pub async fn a_transactional_message_lives_like_any_other(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let message = world.accept(world.new_message(1, Route::Pool("main".to_owned()))).await.id;
    let lease = world.lease(sender).await;
    world.send(&lease, &world.claim(&[room(sender, 1)]).await, &Outcome::Unsent { not_before: world.now }).await;
    assert_eq!(world.stand(message).await.0, MessageState::Waiting);
    assert_eq!(world.message(message).await.sender, None);
    assert_eq!(world.send_all(&lease).await, [message]);
    assert_eq!(world.stand(message).await.0, MessageState::Sent);
    let account = world.store.figures().await.unwrap().account;
    assert_eq!((account.planned, account.sent, account.imbalance()), (1, 1, 0));
}
