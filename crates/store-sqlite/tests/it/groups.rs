//! Many callers at once: they share commits, and nothing else.

use std::sync::Arc;

use paceline_store::{
    StoreError,
    conformance::builders::{HOUR, World},
    recipients::OpenUpload,
};
use paceline_store_sqlite::SqliteOptions;

use crate::{folder, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_in_a_group_hurts_nobody_else() {
    let (_folder, file) = folder();
    let world = World::new(Arc::new(open(SqliteOptions::new(&file)).await)).await;
    let campaign = world.draft(world.definition("main")).await;
    let closed = OpenUpload { campaign, upload: world.id(), first_row: 1, holder: world.id() };
    let mut calls = Vec::new();
    for number in 0..200 {
        let world = world.clone();
        calls.push(tokio::spawn(async move {
            if number % 3 == 0 {
                let rows = world.rows(1, 0..5);
                let refused = world.store.append_recipients(closed, rows, HOUR).await.unwrap_err();
                assert!(matches!(refused, StoreError::Conflict { .. }), "{refused:?}");
            } else {
                world.add_sender(number, "main").await;
            }
        }));
    }
    for call in calls {
        call.await.unwrap();
    }
    let pools = world.store.list_pools(world.workspace).await.unwrap();
    assert_eq!(pools[0].active_senders, 133, "all that were not refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_the_store_as_it_was_or_as_it_wished() {
    let (_folder, file) = folder();
    let world = World::new(Arc::new(open(SqliteOptions::new(&file)).await)).await;
    world.add_sender(0, "main").await;
    for number in 1..40 {
        let new = world.new_sender(number, "main");
        let store = Arc::clone(&world.store);
        let call = tokio::spawn(async move { store.add_sender(new).await });
        tokio::task::yield_now().await;
        call.abort();
    }
    // Whatever was handed in before this one is done or will never be.
    world.add_sender(40, "main").await;
    let after = world.store.list_pools(world.workspace).await.unwrap()[0].active_senders;
    assert!((2..=41).contains(&after), "{after}");
    world.store.ping().await.unwrap();
    assert_eq!(world.store.list_pools(world.workspace).await.unwrap()[0].active_senders, after);
}
