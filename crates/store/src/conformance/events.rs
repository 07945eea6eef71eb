//! The event log and its numbers.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use paceline_domain::{CampaignMove, EventKind};

use super::builders::World;
use crate::{Store, messages::Route};

pub async fn an_event_is_listed_once_it_has_a_number(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..1).await;
    assert_eq!(world.store.list_events(world.workspace, 0, 10).await.unwrap(), []);
    assert_eq!(world.store.figures().await.unwrap().events_unnumbered, 2);
    assert_eq!(world.store.number_events(1).await.unwrap(), 1, "no more than asked");
    assert_eq!(world.store.list_events(world.workspace, 0, 10).await.unwrap().len(), 1);
    assert_eq!(world.store.number_events(10).await.unwrap(), 1);
    assert_eq!(world.store.number_events(10).await.unwrap(), 0);
    assert_eq!(world.store.figures().await.unwrap().events_unnumbered, 0);
    let events = world.store.list_events(world.workspace, 0, 10).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::SenderConnected, EventKind::CampaignStarted], "in the order of their commits");
    assert!(events[0].sequence < events[1].sequence);
    assert_eq!((events[1].workspace, events[1].at), (world.workspace, world.now));
    assert!(events[1].data.to_string().contains(&campaign.to_string()));
}

pub async fn a_reader_goes_by_number(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..1).await;
    for _ in 0..4 {
        world.move_campaign(campaign, CampaignMove::Pause).await;
        world.move_campaign(campaign, CampaignMove::Resume).await;
        world.store.number_events(100).await.unwrap();
    }
    let all = world.store.list_events(world.workspace, 0, 100).await.unwrap();
    assert_eq!(all.len(), 10);
    assert!(all.is_sorted_by(|one, next| one.sequence < next.sequence));
    let (mut read, mut after) = (Vec::new(), 0);
    loop {
        let some = world.store.list_events(world.workspace, after, 3).await.unwrap();
        let Some(last) = some.last() else { break };
        assert!(some.len() <= 3);
        after = last.sequence;
        read.extend(some);
    }
    assert_eq!(read, all);
    assert_eq!(world.store.list_events(world.id(), 0, 100).await.unwrap(), [], "another workspace sees nothing");
    let last = world.store.last_event().await.unwrap();
    assert_eq!(Some(last), all.last().map(|event| event.sequence), "who begins at the end is told what comes only");
}

/// Four writers, two sequencers and one reader who never looks back.
pub async fn a_reader_skips_nothing_while_others_write(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let world = world.clone();
            tokio::spawn(async move {
                for person in 0..15 {
                    let person = writer * 100 + person;
                    world.accept(world.new_message(person, Route::Sender(sender))).await;
                    world.store.add_suppression(world.suppression(person), world.now).await.unwrap();
                }
            })
        })
        .collect();
    let sequencers: Vec<_> = (0..2)
        .map(|_| {
            let (world, done) = (world.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    world.store.number_events(7).await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let reader = {
        let (world, done) = (world.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut read: Vec<crate::events::Event> = Vec::new();
            let mut last_round = false;
            loop {
                let after = read.last().map_or(0, |event| event.sequence);
                let some = world.store.list_events(world.workspace, after, 5).await.unwrap();
                let idle = some.is_empty();
                read.extend(some);
                if idle && last_round {
                    return read;
                }
                last_round = done.load(Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        })
    };
    for writer in writers {
        writer.await.unwrap();
    }
    super::until(|| async { world.store.figures().await.unwrap().events_unnumbered == 0 }).await;
    done.store(true, Ordering::Relaxed);
    for sequencer in sequencers {
        sequencer.await.unwrap();
    }
    let read = reader.await.unwrap();
    assert_eq!(read, world.events().await, "the reader has seen the whole log, in its order");
    assert_eq!(read.iter().filter(|it| it.kind == EventKind::MessageCancelled).count(), 60);
    assert_eq!(read.iter().map(|it| it.sequence).collect::<HashSet<_>>().len(), read.len());
}
