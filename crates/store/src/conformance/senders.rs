//! Senders and pools.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{CampaignMove, ChannelKind, SenderState, SessionState};
use paceline_pacing::Seed;

use super::builders::{World, room, walk};
use crate::{
    Store,
    intents::{IntentVerdict, Refusal},
    leases::{Fenced, SealedSession},
    messages::Route,
    senders::{NewSender, SenderAddition, SenderChange, SenderMoveOutcome},
};

pub async fn an_added_sender_is_active_unpaired_and_as_it_was_asked_for(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let new = NewSender {
        account: Some("portfolio".to_owned()),
        pools: vec!["a".to_owned(), "b".to_owned()],
        zone: chrono_tz::America::New_York,
        seed: Seed(-5),
        ..world.new_sender(1, "a")
    };
    let SenderAddition::Added(added) = world.store.add_sender(new.clone()).await.unwrap() else {
        panic!("the number is new")
    };
    let sender = world.sender(new.id).await;
    assert_eq!(*added, sender);
    assert_eq!(sender.state, SenderState::Active);
    assert_eq!(sender.session, SessionState::Unpaired);
    assert_eq!((&sender.phone, sender.channel, &sender.name), (&new.phone, new.channel, &new.name));
    assert_eq!((&sender.account, &sender.pools, &sender.profile), (&new.account, &new.pools, &new.profile));
    assert_eq!((sender.zone, sender.seed, sender.created_at), (new.zone, new.seed, new.created_at));
    assert_eq!((sender.suspension, sender.lease, sender.last_sent_at), (None, None, None));
    assert_eq!(sender.pace, paceline_pacing::PaceState::default());
}

pub async fn the_same_addition_twice_is_one_sender(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let new = world.new_sender(1, "main");
    world.store.add_sender(new.clone()).await.unwrap();
    let again = world.store.add_sender(new.clone()).await.unwrap();
    assert!(matches!(again, SenderAddition::Existing(sender) if sender.id == new.id));
}

pub async fn a_number_is_taken_once_per_channel(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    assert_eq!(world.store.add_sender(world.new_sender(1, "main")).await.unwrap(), SenderAddition::Taken);
    let elsewhere = NewSender { channel: ChannelKind::Cloud, ..world.new_sender(1, "main") };
    assert!(matches!(world.store.add_sender(elsewhere).await.unwrap(), SenderAddition::Added(_)));
}

pub async fn two_additions_of_a_number_at_once_make_one_sender(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let additions = [world.clone(), world.clone()]
        .map(|world| tokio::spawn(async move { world.store.add_sender(world.new_sender(1, "main")).await.unwrap() }));
    let mut added = 0;
    for addition in additions {
        added += u32::from(matches!(addition.await.unwrap(), SenderAddition::Added(_)));
    }
    assert_eq!(added, 1);
    assert_eq!(world.store.list_pools(world.workspace).await.unwrap().len(), 1);
}

pub async fn a_removed_sender_is_out_of_sight_but_not_forgotten(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.sender(world.add_sender(1, "main").await).await;
    let find = || world.store.find_sender_by_phone(world.workspace, &sender.phone);
    assert_eq!(find().await.unwrap().map(|it| it.id), Some(sender.id));
    assert_eq!(world.move_sender(sender.id, SenderState::Removed).await.state, SenderState::Removed);
    assert_eq!(find().await.unwrap(), None);
    let page = world.store.list_senders(world.workspace, super::builders::first(10)).await.unwrap();
    assert_eq!(page.items, []);
    assert_eq!(world.sender(sender.id).await.state, SenderState::Removed);
}

pub async fn a_removed_sender_comes_back_with_its_id_and_new_settings(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let first = world.add_sender(1, "old").await;
    world.move_sender(first, SenderState::Removed).await;
    let new = NewSender {
        name: "Back".to_owned(),
        profile: "brisk".to_owned(),
        zone: chrono_tz::Asia::Tokyo,
        seed: Seed(77),
        ..world.new_sender(1, "new")
    };
    let SenderAddition::Added(back) = world.store.add_sender(new.clone()).await.unwrap() else {
        panic!("the number is free again")
    };
    assert_eq!(back.id, first);
    assert_eq!((back.state, back.session), (SenderState::Active, SessionState::Unpaired));
    assert_eq!((back.name, back.profile, back.zone, back.seed), (new.name, new.profile, new.zone, new.seed));
    assert_eq!(back.pools, ["new"]);
    assert_eq!(world.store.find_sender(world.workspace, new.id).await.unwrap(), None);
}

pub async fn pause_and_resume_move_it_and_repeating_them_changes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    for state in [SenderState::Paused, SenderState::Paused, SenderState::Active, SenderState::Active] {
        assert_eq!(world.move_sender(sender, state).await.state, state);
        assert_eq!(world.sender(sender).await.state, state);
    }
}

pub async fn a_removed_sender_is_neither_paused_nor_resumed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.move_sender(sender, SenderState::Removed).await;
    for to in [SenderState::Paused, SenderState::Active] {
        let answer = world.store.move_sender(world.workspace, sender, to, world.now).await.unwrap();
        assert_eq!(answer, SenderMoveOutcome::Removed);
    }
    assert_eq!(world.move_sender(sender, SenderState::Removed).await.state, SenderState::Removed);
}

pub async fn a_sender_of_another_workspace_is_not_found(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.sender(world.add_sender(1, "main").await).await;
    let other = world.id();
    assert_eq!(world.store.find_sender(other, sender.id).await.unwrap(), None);
    assert_eq!(world.store.find_sender_by_phone(other, &sender.phone).await.unwrap(), None);
    let moved = world.store.move_sender(other, sender.id, SenderState::Paused, world.now).await.unwrap();
    assert_eq!(moved, SenderMoveOutcome::NotFound);
    assert_eq!(world.sender(sender.id).await.state, SenderState::Active);
}

pub async fn pools_are_listed_by_name_with_their_active_senders(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let both = NewSender { pools: vec!["b".to_owned(), "a".to_owned()], ..world.new_sender(1, "") };
    world.add(both).await;
    let paused = world.add_sender(2, "b").await;
    world.move_sender(paused, SenderState::Paused).await;
    let removed = world.add_sender(3, "c").await;
    world.move_sender(removed, SenderState::Removed).await;
    world.add_sender(4, "b").await;
    let pools = world.store.list_pools(world.workspace).await.unwrap();
    let pools: Vec<_> = pools.into_iter().map(|pool| (pool.name, pool.active_senders)).collect();
    assert_eq!(pools, [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 0)]);
}

pub async fn removal_deletes_the_sessions(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let lease = world.lease(sender).await;
    let sealed = SealedSession { blob: vec![1], key_id: "k".to_owned() };
    let stored = world.store.store_session(sender, 0, lease.epoch, Some(sealed)).await.unwrap();
    assert_eq!(stored, Fenced::Done(()));
    world.move_sender(sender, SenderState::Removed).await;
    assert_eq!(world.store.find_session(sender, 0).await.unwrap(), None);
}

/// Of three people, the first is sticky to the sender that goes and released, the others are released to it.
pub async fn removal_leaves_its_waiting_messages_to_the_pool(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let goes = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..1).await;
    let lease = world.lease(goes).await;
    world.send_all(&lease).await;
    let (campaign, second) = world.planned("main", 0..3).await;
    assert_eq!(world.message(second[0]).await.sender, Some(goes), "sticky from planning on");
    let released = world.claim_for(goes, 3).await;
    assert_eq!(released.len(), 3);

    let stays = world.add_sender(2, "main").await;
    world.move_sender(goes, SenderState::Removed).await;
    for &message in &second {
        let message = world.message(message).await;
        assert_eq!((message.sender, message.pool.as_deref()), (None, Some("main")));
    }
    assert_eq!(world.message(messages[0]).await.sender, Some(goes), "what was sent keeps its sender");
    if let Fenced::Done(answer) = world.store.record_intents(world.intent(&lease, &released)).await.unwrap() {
        let stale = IntentVerdict::Refused(Refusal::Stale);
        assert!(answer.items.iter().all(|(_, verdict)| *verdict == stale), "its worker sends no more");
    }
    assert_eq!(world.claim_for(stays, 8).await.len(), 3, "others may send them");
    world.balanced(campaign).await;
}

pub async fn a_change_keeps_the_session_the_lease_and_what_it_does_not_name(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let id = world.add_sender(1, "main").await;
    let lease = world.lease(id).await;
    let session = SealedSession { blob: vec![1, 2, 3], key_id: "1".to_owned() };
    world.store.store_session(id, 0, lease.epoch, Some(session.clone())).await.unwrap();
    let before = world.sender(id).await;
    let update = async |change: SenderChange| match world
        .store
        .update_sender(world.workspace, id, change, world.now)
        .await
        .unwrap()
    {
        SenderMoveOutcome::Moved(sender) => *sender,
        other => panic!("{other:?}"),
    };
    assert_eq!(update(SenderChange::default()).await, before);
    let changed = update(SenderChange { profile: Some("brisk".to_owned()), ..SenderChange::default() }).await;
    assert_eq!(changed, crate::senders::Sender { profile: "brisk".to_owned(), ..before.clone() });
    let pools = vec!["b".to_owned(), "a".to_owned()];
    let change = SenderChange { name: Some("Front desk".to_owned()), pools: Some(pools), profile: None };
    let changed = update(change).await;
    let expected = ("Front desk", &["a".to_owned(), "b".to_owned()][..], "brisk");
    assert_eq!((changed.name.as_str(), &changed.pools[..], changed.profile.as_str()), expected);
    assert_eq!((changed.session, changed.lease, changed.pace), (before.session, before.lease, before.pace));
    assert_eq!(world.store.find_session(id, 0).await.unwrap(), Some(session));
    assert_eq!(world.sender(id).await.pools, ["a", "b"]);

    let elsewhere = world.store.update_sender(world.id(), id, SenderChange::default(), world.now).await.unwrap();
    assert_eq!(elsewhere, SenderMoveOutcome::NotFound);
    world.move_sender(id, SenderState::Removed).await;
    let removed = world.store.update_sender(world.workspace, id, SenderChange::default(), world.now).await.unwrap();
    assert_eq!(removed, SenderMoveOutcome::Removed);
}

pub async fn a_sender_that_leaves_a_pool_leaves_what_waits_there_to_the_others(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let both = NewSender { pools: vec!["main".to_owned(), "other".to_owned()], ..world.new_sender(1, "main") };
    let goes = world.add(both).await.id;
    let stays = world.add_sender(2, "main").await;
    world.planned("other", 0..2).await;
    let lease = world.lease(goes).await;
    world.send_all(&lease).await;
    // Both people know it by now, so that both campaigns stick to it.
    let (left, of_left) = world.planned("main", 0..2).await;
    let (kept, of_kept) = world.planned("other", 0..2).await;
    let asked = world.accept(world.new_message(7, Route::Sender(goes))).await.id;
    let released = world.claim_for(goes, 2).await;
    let pools = Some(vec!["other".to_owned()]);
    let change = SenderChange { pools, ..SenderChange::default() };
    world.store.update_sender(world.workspace, goes, change, world.now).await.unwrap();
    for &message in &of_left {
        let message = world.message(message).await;
        assert_eq!((message.sender, message.pool.as_deref(), message.release), (None, Some("main"), None));
    }
    for &message in &of_kept {
        assert_eq!(world.message(message).await.sender, Some(goes), "still of its pool");
    }
    assert_eq!(world.message(asked).await.sender, Some(goes), "this very sender was asked for");
    world.lease(stays).await;
    let taken: Vec<_> = world.claim_for(stays, 8).await.into_iter().map(|it| it.message).collect();
    assert_eq!(taken, of_left);
    let gone = released.iter().filter(|it| of_left.contains(&it.message)).count();
    let answer = world.record(world.intent(&lease, &released)).await;
    let stale = answer.items.iter().filter(|(_, it)| *it == IntentVerdict::Refused(Refusal::Stale)).count();
    assert_eq!(stale, gone, "its worker sends no more of them");
    world.balanced(left).await;
    world.balanced(kept).await;
}

pub async fn a_paused_sender_leaves_a_campaign_without_senders(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let campaign = world.draft(world.definition("main")).await;
    world.upload(campaign, 0..1).await;
    world.move_sender(sender, SenderState::Paused).await;
    let refused = world.attempt_move(campaign, CampaignMove::Start).await;
    assert!(matches!(refused, crate::campaigns::CampaignOutcome::NoSenders { pool } if pool == "main"));
    world.move_sender(sender, SenderState::Active).await;
    world.move_campaign(campaign, CampaignMove::Start).await;
    world.plan(campaign).await;
    assert_eq!(world.claim(&[room(sender, 1)]).await.len(), 1);
}

pub async fn a_walk_meets_every_sender_once_while_others_are_added(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut senders = Vec::new();
    for number in 0..5 {
        let world = world.later(TimeDelta::seconds(number.into()));
        senders.push(world.add_sender(number, "main").await);
    }
    let later = world.later(TimeDelta::seconds(60));
    let list = |page| world.store.list_senders(world.workspace, page);
    let walked = walk(
        list,
        |sender| sender.id,
        async || {
            later.add_sender(9, "main").await;
        },
    )
    .await;
    assert_eq!(walked[..5], senders, "by time of addition");
    assert_eq!(walked.len(), 6, "one that was added behind the cursor is met too");
}
