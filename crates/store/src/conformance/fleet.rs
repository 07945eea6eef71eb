//! The fleet: workers that report themselves, and who is there for whom.

use std::sync::Arc;

use chrono::TimeDelta;
use paceline_domain::{ChannelKind, SenderState};

use super::builders::{AT_ONCE, HOUR, World};
use crate::{
    Store,
    fleet::{Which, WorkerReport},
};

impl World {
    fn report(&self, byte: u32) -> WorkerReport {
        WorkerReport {
            id: self.id(),
            host: format!("host-{byte}"),
            pid: byte,
            version: "0.1.0".to_owned(),
            pinned: None,
            slots: 10 * byte,
            channels: vec![ChannelKind::Simulator],
            listen: Some(format!("127.0.0.1:{byte}")),
            resident_bytes: 20 << 20,
            draining: false,
        }
    }
}

pub async fn a_worker_is_listed_as_it_last_reported_itself(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let pinned = WorkerReport { pinned: Some(sender), listen: None, ..world.report(1) };
    let shared = world.report(2);
    world.store.report_worker(pinned.clone(), HOUR).await.unwrap();
    world.store.report_worker(shared.clone(), HOUR).await.unwrap();
    let before = world.store.list_workers().await.unwrap();
    assert_eq!(before.iter().map(|view| &view.report).collect::<Vec<_>>(), [&pinned, &shared]);
    assert!(before.iter().all(|view| view.started_at == view.seen_at));
    let changed = WorkerReport { resident_bytes: 1 << 40, draining: true, ..pinned };
    super::until(|| async {
        world.store.report_worker(changed.clone(), HOUR).await.unwrap();
        let now = world.store.list_workers().await.unwrap();
        assert_eq!((&now[0].report, now[0].started_at), (&changed, before[0].started_at));
        now[0].seen_at > before[0].seen_at
    })
    .await;
}

pub async fn a_worker_that_is_silent_or_has_ended_is_not_listed(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (silent, ended, living) = (world.report(1), world.report(2), world.report(3));
    world.store.report_worker(silent, AT_ONCE).await.unwrap();
    world.store.report_worker(ended.clone(), HOUR).await.unwrap();
    world.store.report_worker(living.clone(), HOUR).await.unwrap();
    world.store.remove_worker(ended.id).await.unwrap();
    world.store.remove_worker(ended.id).await.unwrap();
    let listed = world.store.list_workers().await.unwrap();
    assert_eq!(listed.into_iter().map(|view| view.report).collect::<Vec<_>>(), [living]);
}

pub async fn the_fleet_is_found_by_state_id_and_phone(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let first = world.add_sender(1, "main").await;
    let later = world.later(TimeDelta::seconds(1));
    let (paused, removed) = (later.add_sender(2, "main").await, later.add_sender(3, "main").await);
    let last = world.later(TimeDelta::seconds(2)).add_sender(4, "main").await;
    world.move_sender(paused, SenderState::Paused).await;
    let phone = world.sender(removed).await.phone;
    world.move_sender(removed, SenderState::Removed).await;
    let ids = |which| {
        let store = Arc::clone(&world.store);
        async move {
            let senders = store.list_fleet_senders(which).await.unwrap();
            senders.into_iter().map(|sender| sender.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(ids(Which::Active).await, [first, last]);
    assert_eq!(ids(Which::Id(paused)).await, [paused]);
    assert_eq!(ids(Which::Id(removed)).await, []);
    assert_eq!(ids(Which::Phone(world.sender(last).await.phone)).await, [last]);
    assert_eq!(ids(Which::Phone(phone)).await, []);
}

pub async fn senders_that_a_living_worker_is_pinned_to_are_not_shared(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let paused = world.add_sender(3, "main").await;
    world.move_sender(paused, SenderState::Paused).await;
    let simulator = [ChannelKind::Simulator];
    assert_eq!(world.store.count_shared_senders(&simulator).await.unwrap(), 2);
    assert_eq!(world.store.count_shared_senders(&[ChannelKind::Cloud]).await.unwrap(), 0);
    let pinned = WorkerReport { pinned: Some(one), ..world.report(1) };
    let silent = WorkerReport { pinned: Some(two), ..world.report(2) };
    world.store.report_worker(pinned, HOUR).await.unwrap();
    world.store.report_worker(silent, AT_ONCE).await.unwrap();
    assert_eq!(world.store.count_shared_senders(&simulator).await.unwrap(), 1);
}

pub async fn leases_are_counted_by_their_holder_while_they_hold(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let mut senders = Vec::new();
    for number in 1..=5 {
        senders.push(world.add_sender(number, "main").await);
    }
    assert_eq!(world.store.count_leases().await.unwrap(), []);
    let other = world.as_another_worker();
    world.lease(senders[0]).await;
    world.lease(senders[1]).await;
    let given_back = other.lease(senders[2]).await;
    other.lease(senders[3]).await;
    other.as_another_worker().lease_for(senders[4], AT_ONCE).await;
    // Neither a report nor an active sender is needed to count: a lease holds as long as it holds.
    world.move_sender(senders[1], SenderState::Paused).await;
    let mut expected = [(world.worker, 2), (other.worker, 2)];
    expected.sort_unstable();
    assert_eq!(world.store.count_leases().await.unwrap(), expected);
    world.store.release_lease(senders[2], given_back.epoch).await.unwrap();
    world.move_sender(senders[0], SenderState::Removed).await;
    assert_eq!(world.store.count_leases().await.unwrap(), expected.map(|(worker, _)| (worker, 1)));
}
