//! Transactional messages, and lists of all messages.

use std::{collections::HashSet, sync::Arc};

use chrono::TimeDelta;
use paceline_domain::{Lane, MessageState, Outcome, SenderState};

use super::builders::{World, first, room, walk};
use crate::{
    Store,
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
        assert_eq!(walked[..5], messages, "by id, oldest first");
        assert_eq!(walked[5..], [late.id]);
    }
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
