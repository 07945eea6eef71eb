//! Leases, epochs and sessions.

use std::{collections::HashSet, sync::Arc, time::Duration};

use paceline_domain::{ChannelKind, Epoch, SenderId, SenderState};

use super::builders::{AT_ONCE, HOUR, World};
use crate::{
    Store,
    leases::{DeadHolder, Fenced, LeaseWish, Renewal, SealedSession},
    senders::NewSender,
};

impl World {
    async fn claim_leases(&self, wish: LeaseWish) -> Vec<SenderId> {
        let leases = self.store.claim_leases(wish).await.unwrap();
        leases.into_iter().map(|lease| lease.sender.id).collect()
    }

    async fn renew(&self, sender: SenderId, epoch: Epoch, ttl: Duration) -> Renewal {
        let mut answers = self.store.renew_leases(&[(sender, epoch)], ttl).await.unwrap();
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].0, sender);
        answers.remove(0).1
    }

    async fn store_session(&self, sender: SenderId, epoch: Epoch, blob: u8) -> Fenced<()> {
        self.store.store_session(sender, 0, epoch, Some(sealed(blob))).await.unwrap()
    }
}

fn sealed(blob: u8) -> SealedSession {
    SealedSession { blob: vec![blob, 0, 0xff], key_id: format!("key-{blob}") }
}

pub async fn a_lease_is_of_an_active_sender_that_nobody_holds(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let free = world.add_sender(1, "main").await;
    let held = world.add_sender(2, "main").await;
    let paused = world.add_sender(3, "main").await;
    let removed = world.add_sender(4, "main").await;
    world.as_another_worker().lease(held).await;
    world.move_sender(paused, SenderState::Paused).await;
    world.move_sender(removed, SenderState::Removed).await;

    let leases = world.store.claim_leases(world.wish()).await.unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!((leases[0].sender.id, &leases[0].key), (free, &world.key));
    let view = world.sender(free).await.lease.unwrap();
    assert_eq!((view.worker, view.epoch), (world.worker, leases[0].epoch));
    assert_eq!(world.claim_leases(world.wish()).await, [], "its own lease is held too");
}

pub async fn a_wish_is_bounded_by_slots_pin_and_channels(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut simulated = HashSet::new();
    for number in 1..=4 {
        simulated.insert(world.add_sender(number, "main").await);
    }
    let cloud = NewSender { channel: ChannelKind::Cloud, ..world.new_sender(5, "main") };
    let cloud = world.add(cloud).await.id;

    let two = world.claim_leases(LeaseWish { slots: 2, ..world.wish() }).await;
    assert_eq!(two.len(), 2);
    let pinned = *simulated.iter().find(|sender| !two.contains(sender)).unwrap();
    let wish = LeaseWish { slots: 10, ..world.wish_for(pinned, HOUR) };
    assert_eq!(world.claim_leases(wish.clone()).await, [pinned]);
    assert_eq!(world.claim_leases(wish).await, [], "held, and no other is given in its place");
    assert_eq!(world.claim_leases(LeaseWish { slots: 0, ..world.wish() }).await, []);
    let cloud_only = LeaseWish { channels: vec![ChannelKind::Cloud], ..world.wish() };
    assert_eq!(world.claim_leases(cloud_only).await, [cloud]);
    assert_eq!(world.claim_leases(world.wish()).await.len(), 1, "the last simulated one");
}

pub async fn workers_that_claim_at_once_never_share_a_sender(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    for number in 0..12 {
        world.add_sender(number, "main").await;
    }
    let claims: Vec<_> = (0..4)
        .map(|_| {
            let world = world.as_another_worker();
            tokio::spawn(async move { world.claim_leases(LeaseWish { slots: 5, ..world.wish() }).await })
        })
        .collect();
    let mut all = Vec::new();
    for claim in claims {
        all.extend(claim.await.unwrap());
    }
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "no sender twice");
    all.extend(world.claim_leases(world.wish()).await);
    assert_eq!(all.len(), 12, "what was passed over is still there");
}

pub async fn the_epoch_grows_with_each_holder(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let first = world.lease_for(sender, AT_ONCE).await.epoch;
    let second = world.as_another_worker().lease(sender).await.epoch;
    world.store.release_lease(sender, second).await.unwrap();
    let third = world.lease(sender).await.epoch;
    world.store.end_leases(DeadHolder::Everyone).await.unwrap();
    let fourth = world.lease(sender).await.epoch;
    assert!(first < second && second < third && third < fourth, "{first:?} {second:?} {third:?} {fourth:?}");
}

pub async fn a_renewed_lease_outlives_its_first_ttl(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let short = Duration::from_millis(200);
    let (renewed, clock) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let epoch = world.lease_for(renewed, short).await.epoch;
    assert!(matches!(world.renew(renewed, epoch, HOUR).await, Renewal::Held(_)));
    // The second sender tells when the first ttl of the first has passed.
    world.lease_for(clock, short).await;
    let other = world.as_another_worker();
    super::until(|| async { other.claim_leases(other.wish_for(clock, HOUR)).await == [clock] }).await;
    assert_eq!(other.claim_leases(other.wish_for(renewed, HOUR)).await, []);
    assert!(matches!(world.renew(renewed, epoch, HOUR).await, Renewal::Held(_)));
}

pub async fn a_lease_that_ran_out_is_lost_even_when_nobody_took_it(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let epoch = world.lease_for(sender, AT_ONCE).await.epoch;
    assert_eq!(world.renew(sender, epoch, HOUR).await, Renewal::Lost);
    assert_eq!(world.sender(sender).await.lease, None, "a lease that ran out is not shown");
    assert_eq!(world.store_session(sender, epoch, 1).await, Fenced::LeaseLost);
}

pub async fn a_renewal_answers_for_each_lease_and_shows_the_sender_as_it_is(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (held, lost) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let held_epoch = world.lease(held).await.epoch;
    let old = world.lease_for(lost, AT_ONCE).await.epoch;
    world.as_another_worker().lease(lost).await;
    world.move_sender(held, SenderState::Paused).await;

    let asked = [(lost, old), (held, held_epoch)];
    let answers = world.store.renew_leases(&asked, HOUR).await.unwrap();
    assert_eq!(answers.len(), 2);
    for (sender, renewal) in answers {
        match renewal {
            Renewal::Held(view) => {
                assert_eq!((sender, view.id, view.state), (held, held, SenderState::Paused));
            }
            Renewal::Lost => assert_eq!(sender, lost),
        }
    }
}

pub async fn a_lease_is_released_by_its_holder_only(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let old = world.lease_for(sender, AT_ONCE).await.epoch;
    let other = world.as_another_worker();
    let current = other.lease(sender).await.epoch;
    world.store.release_lease(sender, old).await.unwrap();
    assert!(matches!(other.renew(sender, current, HOUR).await, Renewal::Held(_)), "the old epoch releases nothing");
    other.store.release_lease(sender, current).await.unwrap();
    assert_eq!(world.sender(sender).await.lease, None);
    assert_eq!(other.renew(sender, current, HOUR).await, Renewal::Lost);
    assert_eq!(world.claim_leases(world.wish()).await, [sender]);
}

pub async fn the_leases_of_a_dead_worker_end_and_no_others(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (dead, alive) = (world.as_another_worker(), world.as_another_worker());
    let first = world.add_sender(1, "main").await;
    let second = world.add_sender(2, "main").await;
    let third = world.add_sender(3, "main").await;
    let first_epoch = dead.lease(first).await.epoch;
    dead.lease(second).await;
    let third_epoch = alive.lease(third).await.epoch;

    assert_eq!(world.store.end_leases(DeadHolder::Worker(dead.worker)).await.unwrap(), 2);
    assert_eq!(dead.renew(first, first_epoch, HOUR).await, Renewal::Lost);
    assert!(matches!(alive.renew(third, third_epoch, HOUR).await, Renewal::Held(_)));
    assert_eq!(world.claim_leases(world.wish()).await.len(), 2, "to be taken over at once");
}

pub async fn every_lease_ends_when_everyone_is_dead(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    for number in 1..=3 {
        let sender = world.add_sender(number, "main").await;
        world.as_another_worker().lease(sender).await;
    }
    assert_eq!(world.store.end_leases(DeadHolder::Everyone).await.unwrap(), 3);
    assert_eq!(world.claim_leases(world.wish()).await.len(), 3);
}

pub async fn a_session_is_kept_per_device_until_it_is_deleted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let epoch = world.lease(sender).await.epoch;
    assert_eq!(world.store.find_session(sender, 0).await.unwrap(), None);
    assert_eq!(world.store_session(sender, epoch, 1).await, Fenced::Done(()));
    assert_eq!(world.store_session(sender, epoch, 2).await, Fenced::Done(()));
    let second = world.store.store_session(sender, 1, epoch, Some(sealed(3))).await.unwrap();
    assert_eq!(second, Fenced::Done(()));
    assert_eq!(world.store.find_session(sender, 0).await.unwrap(), Some(sealed(2)));
    assert_eq!(world.store.store_session(sender, 0, epoch, None).await.unwrap(), Fenced::Done(()));
    assert_eq!(world.store.find_session(sender, 0).await.unwrap(), None);
    assert_eq!(world.store.find_session(sender, 1).await.unwrap(), Some(sealed(3)));
}

pub async fn a_session_is_written_under_the_current_epoch_only(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let old = world.lease_for(sender, AT_ONCE).await.epoch;
    let current = world.as_another_worker().lease(sender).await.epoch;
    assert_eq!(world.store_session(sender, current, 1).await, Fenced::Done(()));
    assert_eq!(world.store_session(sender, old, 2).await, Fenced::LeaseLost);
    assert_eq!(world.store.store_session(sender, 0, old, None).await.unwrap(), Fenced::LeaseLost);
    assert_eq!(world.store.find_session(sender, 0).await.unwrap(), Some(sealed(1)));
    world.store.release_lease(sender, current).await.unwrap();
    assert_eq!(world.store_session(sender, current, 3).await, Fenced::LeaseLost, "a released lease writes nothing");
}
