//! Releasing: who is given which message, and how claims come back.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use chrono::TimeDelta;
use paceline_domain::{CampaignMove, Epoch, Lane, MessageId, SenderId, SenderState, SessionState};
use paceline_pacing::assign;

use super::builders::{AT_ONCE, HOUR, World, address, claim_of, room, session};
use crate::{
    Store,
    intents::{IntentVerdict, Refusal},
    leases::Fenced,
    messages::{NewMessage, Route},
    release::{Claim, PutOff, ReleasedMessage, Room},
};

impl World {
    async fn outstanding(&self) -> HashMap<SenderId, u32> {
        let windows = self.store.list_windows().await.unwrap();
        windows.senders.into_iter().map(|window| (window.sender.id, window.outstanding)).collect()
    }

    async fn route_to(&self, sender: SenderId, person: u32) -> MessageId {
        self.accept(self.new_message(person, Route::Sender(sender))).await.id
    }

    async fn put_off(&self, claim: Claim, put_off: PutOff) {
        self.store.give_back(&[claim], put_off).await.unwrap();
    }
}

fn ids(released: &[ReleasedMessage]) -> Vec<MessageId> {
    released.iter().map(|it| it.message).collect()
}

const NOW: PutOff = PutOff { not_before: None, waits_for: "gap" };

pub async fn a_released_message_names_what_a_job_carries(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 7..8).await;
    let released = world.claim_for(sender, 8).await;
    assert_eq!(released.len(), 1);
    let one = &released[0];
    assert_eq!((one.message, one.sender, one.campaign), (messages[0], sender, Some(campaign)));
    assert_eq!((one.lane, &one.to, one.chars), (Lane::Campaign, &address(7), 7));
    let message = world.message(messages[0]).await;
    assert_eq!(message.sender, Some(sender));
    assert_eq!(message.release.map(|release| release.generation), Some(one.generation));
    world.balanced(campaign).await;
}

pub async fn a_claimed_message_is_not_claimed_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..3).await;
    assert_eq!(world.claim_for(sender, 2).await.len(), 2, "no more than there is room for");
    assert_eq!(world.claim_for(sender, 8).await.len(), 1);
    assert_eq!(world.claim_for(sender, 8).await, []);
}

pub async fn releasers_at_once_never_claim_the_same_message(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let senders = [world.add_sender(1, "main").await, world.add_sender(2, "main").await];
    world.planned("main", 0..40).await;
    let claims: Vec<_> = (0..4)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.claim(&senders.map(|sender| room(sender, 8))).await })
        })
        .collect();
    let mut all = Vec::new();
    for claim in claims {
        all.extend(ids(&claim.await.unwrap()));
    }
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "none twice");
    while let more @ [_, ..] = world.claim(&senders.map(|sender| room(sender, 8))).await.as_slice() {
        all.extend(ids(more));
    }
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 40, "and none is lost");
}

pub async fn only_what_is_due_is_claimed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let soon = NewMessage {
        not_before: Some(world.now + TimeDelta::minutes(1)),
        ..world.new_message(1, Route::Sender(sender))
    };
    let late = NewMessage {
        not_before: Some(world.now + TimeDelta::minutes(3)),
        ..world.new_message(2, Route::Sender(sender))
    };
    let (soon, late) = (world.accept(soon).await.id, world.accept(late).await.id);
    assert_eq!(ids(&world.claim_for(sender, 8).await), [soon]);
    assert_eq!(ids(&world.later(TimeDelta::minutes(5)).claim_for(sender, 8).await), [late]);
}

pub async fn lanes_go_first_to_last(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (_, campaign) = world.planned("main", 0..1).await;
    let transactional = world.route_to(sender, 10).await;
    let reply = NewMessage { lane: Lane::Reply, ..world.new_message(11, Route::Sender(sender)) };
    let reply = world.accept(reply).await.id;
    for expected in [reply, transactional, campaign[0]] {
        assert_eq!(ids(&world.claim_for(sender, 1).await), [expected]);
    }
}

pub async fn within_a_lane_the_earlier_goes_first(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let after = |seconds| Some(world.now + TimeDelta::seconds(seconds));
    let mut expected = Vec::new();
    for (place, not_before) in [(2, after(30)), (0, after(-10)), (3, after(60)), (1, after(5))] {
        let new = NewMessage { not_before, ..world.new_message(1, Route::Sender(sender)) };
        expected.push((place, world.accept(new).await.id));
    }
    expected.sort_unstable();
    for (_, message) in expected {
        assert_eq!(ids(&world.claim_for(sender, 1).await), [message]);
    }
}

pub async fn running_campaigns_take_turns(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (first, _) = world.planned("main", 0..40).await;
    let (second, _) = world.planned("main", 100..140).await;
    let mut carried: HashMap<_, u32> = HashMap::new();
    for _ in 0..4 {
        for released in world.claim_for(sender, 4).await {
            *carried.entry(released.campaign.unwrap()).or_default() += 1;
        }
    }
    assert_eq!(carried.values().sum::<u32>(), 16);
    for campaign in [first, second] {
        let carried = carried.get(&campaign).copied().unwrap_or_default();
        assert!(carried >= 4, "neither starves: {carried} of 16");
    }
}

pub async fn a_campaign_that_does_not_run_is_not_released(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (paused, messages) = world.planned("main", 0..1).await;
    let (cancelled, _) = world.planned("main", 5..6).await;
    world.move_campaign(paused, CampaignMove::Pause).await;
    world.move_campaign(cancelled, CampaignMove::Cancel).await;
    assert_eq!(world.claim_for(sender, 8).await, []);
    world.move_campaign(paused, CampaignMove::Resume).await;
    assert_eq!(ids(&world.claim_for(sender, 8).await), messages);
}

pub async fn the_sender_with_the_most_free_capacity_is_given_the_next(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (campaign, _) = world.planned("main", 0..10).await;
    let rooms = [Room { sender: one, room: 8, free: 2 }, Room { sender: two, room: 8, free: 6 }];
    let released = world.claim(&rooms).await;
    let mut dealt: Vec<_> = assign(&rooms, 10, |_, _| true).into_iter().map(|to| rooms[to.unwrap()].sender).collect();
    let mut given: Vec<_> = released.iter().map(|it| it.sender).collect();
    dealt.sort_unstable();
    given.sort_unstable();
    assert_eq!(given, dealt, "as it deals ten messages");
    world.balanced(campaign).await;
}

pub async fn the_room_of_each_sender_is_kept(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.planned("main", 0..10).await;
    let rooms = [Room { sender: one, room: 2, free: 100 }, Room { sender: two, room: 3, free: 1 }];
    let released = world.claim(&rooms).await;
    let given = |sender| released.iter().filter(|it| it.sender == sender).count();
    assert_eq!((given(one), given(two)), (2, 3));
    assert_eq!(world.claim(&[room(one, 0)]).await, []);
    assert_eq!(world.claim(&[]).await, []);
}

pub async fn a_sender_is_given_messages_of_its_pools_only(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let main = world.add_sender(1, "main").await;
    let other = world.add_sender(2, "other").await;
    let (_, messages) = world.planned("main", 0..2).await;
    assert_eq!(world.claim_for(other, 8).await, []);
    let released = world.claim(&[room(other, 8), room(main, 8)]).await;
    assert_eq!(released.len(), messages.len());
    assert!(released.iter().all(|it| it.sender == main));
}

pub async fn a_message_bound_to_a_sender_goes_to_it_alone(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.route_to(one, 1).await;
    world.send_all(&world.lease(one).await).await;
    let routed = world.route_to(one, 9).await;
    let (_, sticky) = world.planned("main", 1..2).await;
    assert_eq!(world.claim_for(two, 8).await, []);
    let rooms = [Room { sender: one, room: 8, free: 1 }, Room { sender: two, room: 8, free: 50 }];
    let released = world.claim(&rooms).await;
    assert_eq!(ids(&released).into_iter().collect::<HashSet<_>>(), HashSet::from([routed, sticky[0]]));
    assert!(released.iter().all(|it| it.sender == one));
}

pub async fn a_claim_that_is_given_back_is_anyones_again(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (campaign, messages) = world.planned("main", 0..1).await;
    let first = world.claim_for(one, 1).await;
    world.give_back(&first).await;
    let message = world.message(messages[0]).await;
    assert_eq!((message.sender, message.release, message.not_before), (None, None, None));
    assert_eq!(message.waits_for.as_deref(), Some("gap"));
    let second = world.claim_for(two, 1).await;
    assert_eq!((second[0].message, second[0].sender), (messages[0], two));
    assert!(second[0].generation > first[0].generation, "each claim has a generation of its own");
    world.balanced(campaign).await;
}

pub async fn a_claim_may_be_put_off(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..1).await;
    let released = world.claim_for(sender, 1).await;
    let not_before = world.now + TimeDelta::hours(3);
    let put_off = PutOff { not_before: Some(not_before), waits_for: "daily_cap" };
    world.put_off(claim_of(&released[0]), put_off).await;
    let message = world.message(released[0].message).await;
    assert_eq!((message.not_before, message.waits_for.as_deref()), (Some(not_before), Some("daily_cap")));
    assert_eq!(world.claim_for(sender, 1).await, []);
    assert_eq!(world.later(TimeDelta::hours(3)).claim_for(sender, 1).await.len(), 1);
}

pub async fn what_is_bound_for_good_stays_bound(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.route_to(one, 1).await;
    world.send_all(&world.lease(one).await).await;
    world.route_to(one, 9).await;
    world.planned("main", 1..2).await;
    let released = world.claim_for(one, 8).await;
    assert_eq!(released.len(), 2);
    world.give_back(&released).await;
    for released in &released {
        assert_eq!(world.message(released.message).await.sender, Some(one));
    }
    assert_eq!(world.claim_for(two, 8).await, []);
    assert_eq!(world.claim_for(one, 8).await.len(), 2);
}

pub async fn a_claim_of_an_old_generation_gives_nothing_back(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..1).await;
    let old = claim_of(&world.claim_for(sender, 1).await[0]);
    world.put_off(old, NOW).await;
    let current = world.claim_for(sender, 1).await;
    let late = PutOff { not_before: Some(world.now + TimeDelta::hours(1)), waits_for: "gap" };
    world.put_off(old, late).await;
    let message = world.message(old.message).await;
    assert_eq!(message.release.map(|release| release.generation), Some(current[0].generation));
    assert_eq!((message.sender, message.not_before), (Some(sender), None));
}

pub async fn giving_back_what_was_sent_changes_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..2).await;
    let released = world.claim_for(sender, 2).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &released[..1]).await;
    world.give_back(&released).await;
    let message = world.message(released[0].message).await;
    assert_eq!((message.state, message.sender), (paceline_domain::MessageState::Sending, Some(sender)));
    let account = world.balanced(campaign).await;
    assert_eq!((account.waiting, account.sending), (2, 1));
    assert_eq!(world.claim_for(sender, 8).await.len(), 1, "only one of {messages:?} waits");
}

pub async fn a_release_that_ran_out_is_given_back_by_the_sweeper(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (campaign, messages) = world.planned("main", 0..5).await;
    let lost = world.claim_within(&[room(one, 5)], AT_ONCE).await;
    assert_eq!(lost.len(), 5);
    assert_eq!(world.store.reclaim_releases(3).await.unwrap(), 3);
    assert_eq!(world.store.reclaim_releases(3).await.unwrap(), 2);
    for &message in &messages {
        let message = world.message(message).await;
        assert_eq!((message.release, message.sender), (None, None));
    }
    let again = world.claim_for(two, 8).await;
    assert_eq!(again.len(), 5);
    assert!(again.iter().zip(&lost).all(|(new, old)| new.generation > old.generation));
    assert_eq!(world.store.reclaim_releases(3).await.unwrap(), 0, "what holds is left alone");
    world.balanced(campaign).await;
}

/// Whoever claimed two messages died before it published them; the third was claimed just now.
pub async fn claims_whose_jobs_are_lost_are_given_back_to_the_senders_holder(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let (campaign, _) = world.planned("main", 0..4).await;
    let lost = world.claim_within(&[room(one, 2)], HOUR).await;
    let fresh = world.claim_within(&[room(one, 1)], 2 * HOUR).await;
    let foreign = world.claim_within(&[room(two, 1)], HOUR).await;
    let lease = world.lease(one).await;
    let reclaim = async |epoch, left| world.store.reclaim_lost(one, epoch, left).await.unwrap();
    assert_eq!(reclaim(lease.epoch, HOUR.mul_f64(0.9)).await, Fenced::Done(0), "they may still be on their way");
    assert_eq!(reclaim(Epoch(lease.epoch.0 - 1), HOUR.mul_f64(1.1)).await, Fenced::LeaseLost);
    assert_eq!(reclaim(lease.epoch, HOUR.mul_f64(1.1)).await, Fenced::Done(2));
    for message in &lost {
        assert_eq!(world.message(message.message).await.release, None);
    }
    for held in [&fresh[0], &foreign[0]] {
        assert_eq!(world.message(held.message).await.release.map(|release| release.generation), Some(held.generation));
    }
    // A job that comes after all is refused.
    let answer = world.record(world.intent(&lease, &lost)).await;
    assert!(answer.items.iter().all(|(_, verdict)| *verdict == IntentVerdict::Refused(Refusal::Stale)));
    assert_eq!(world.claim_for(one, 8).await.len(), 2, "they are released again");
    world.balanced(campaign).await;
}

pub async fn every_release_is_voided_when_the_broker_is_empty(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, _) = world.planned("main", 0..3).await;
    let released = world.claim_for(sender, 2).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &released[..1]).await;
    assert_eq!(world.store.void_releases().await.unwrap(), 1, "one is sending, one was not claimed");
    assert_eq!(world.store.void_releases().await.unwrap(), 0);
    assert_eq!(world.message(released[1].message).await.release, None);
    assert_eq!(world.claim_for(sender, 8).await.len(), 2);
    world.balanced(campaign).await;
}

pub async fn a_window_counts_what_is_released_and_not_intended(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.planned("main", 0..5).await;
    assert_eq!(world.outstanding().await, HashMap::from([(one, 0), (two, 0)]));
    let released = world.claim_for(one, 3).await;
    world.claim_for(two, 1).await;
    assert_eq!(world.outstanding().await, HashMap::from([(one, 3), (two, 1)]));
    let lease = world.lease(one).await;
    world.intend(&lease, &released[..2]).await;
    assert_eq!(world.outstanding().await, HashMap::from([(one, 1), (two, 1)]));
    world.give_back(&released[2..]).await;
    assert_eq!(world.outstanding().await, HashMap::from([(one, 0), (two, 1)]));
}

pub async fn only_senders_that_may_send_have_a_window(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let connected = world.add_sender(1, "main").await;
    let paused = world.add_sender(2, "main").await;
    let removed = world.add_sender(3, "main").await;
    let banned = world.add_sender(4, "main").await;
    let reconnecting = world.add_sender(5, "main").await;
    world.move_sender(paused, SenderState::Paused).await;
    world.move_sender(removed, SenderState::Removed).await;
    let later = world.later(TimeDelta::seconds(1));
    later.apply([session(banned, SessionState::Banned, later.now)]).await;
    later.apply([session(reconnecting, SessionState::Disconnected, later.now)]).await;
    let windows: HashSet<_> = world.outstanding().await.into_keys().collect();
    assert_eq!(windows, HashSet::from([connected]));
    assert_eq!(later.claim_for(reconnecting, 1).await, [], "whatever the caller believes");
}

pub async fn a_look_at_some_windows_sees_those_and_no_others(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    world.lease(one).await;
    world.lease(two).await;
    world.planned("main", 0..3).await;
    assert_eq!(world.claim_for(two, 2).await.len(), 2);
    let all = world.store.list_windows().await.unwrap();
    assert_eq!(all.senders.len(), 2);
    let some = world.store.list_windows_of(&[two, world.id()]).await.unwrap();
    assert_eq!((some.round, some.senders.len()), (all.round, 1));
    assert_eq!((some.senders[0].sender.id, some.senders[0].outstanding), (two, 2));
    assert_eq!(world.store.list_windows_of(&[]).await.unwrap().senders, []);
}

pub async fn windows_seen_before_another_claim_are_stale(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..20).await;
    let due = world.now + TimeDelta::minutes(2);
    let rooms = [room(sender, 8)];
    super::until(|| async {
        let seen = world.store.list_windows().await.unwrap();
        let first = world.store.claim_due(seen.round, &rooms, due, HOUR).await.unwrap();
        // Others may claim on the same database: whoever is first has the round to itself.
        first.len() == 8 && world.store.claim_due(seen.round, &rooms, due, HOUR).await.unwrap().is_empty()
    })
    .await;
    assert_eq!(world.outstanding().await[&sender], 8);
    assert_eq!(world.claim_for(sender, 8).await.len(), 8, "with windows seen anew");
}

pub async fn two_releasers_never_fill_a_window_twice(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    world.planned("main", 0..200).await;
    let releasers = (0..4).map(|_| {
        let world = world.clone();
        tokio::spawn(async move {
            let mut claimed = 0;
            for _ in 0..10 {
                let seen = world.store.list_windows().await.unwrap();
                let window = seen.senders.iter().find(|window| window.sender.id == sender).unwrap();
                let rooms = [room(sender, 8_u32.saturating_sub(window.outstanding))];
                let due = world.now + TimeDelta::minutes(2);
                claimed += world.store.claim_due(seen.round, &rooms, due, HOUR).await.unwrap().len();
            }
            claimed
        })
    });
    let mut claimed = 0;
    for releaser in releasers.collect::<Vec<_>>() {
        claimed += releaser.await.unwrap();
    }
    assert_eq!(claimed, 8);
}

pub async fn a_session_that_is_over_leaves_its_messages_to_others(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let states = [SessionState::Disconnected, SessionState::Replaced, SessionState::LoggedOut, SessionState::Pairing];
    for (number, state) in (1..).zip(states) {
        let pool = format!("pool-{number}");
        let (one, two) = (world.add_sender(2 * number, &pool).await, world.add_sender(2 * number + 1, &pool).await);
        world.planned(&pool, 0..3).await;
        let held = world.claim_for(one, 3).await;
        assert_eq!(held.len(), 3);
        let later = world.later(TimeDelta::seconds(1));
        later.apply([session(one, state, later.now)]).await;
        assert_eq!(later.claim_for(two, 8).await.len(), 3, "after {state:?}");
    }
}
