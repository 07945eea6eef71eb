//! Locks, full disks, damage: told truly, nothing lost, and over when the cause is.

use std::{sync::Arc, time::Duration};

use paceline_store::{
    PageRequest, Store, StoreError,
    conformance::builders::{HOUR, World},
    messages::MessageFilter,
    recipients::UploadRow,
};
use paceline_store_sqlite::SqliteOptions;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{folder, open};

fn reason(error: &StoreError) -> &str {
    match error {
        StoreError::Unavailable { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_told_and_outlived() {
    let (_folder, file) = folder();
    let mut options = SqliteOptions::new(&file);
    options.busy_timeout = Duration::from_millis(20);
    let world = World::new(Arc::new(open(options).await)).await;
    let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file)).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    let new = world.new_sender(1, "main");
    let error = world.store.add_sender(new.clone()).await.unwrap_err();
    assert_eq!(reason(&error), "the database is locked by another process");
    assert!(error.is_transient());
    assert!(world.store.find_workspace(world.workspace).await.unwrap().is_some(), "reading goes on");

    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    world.store.add_sender(new).await.unwrap();
}

#[tokio::test]
async fn a_lock_that_is_soon_released_is_waited_for() {
    let (_folder, file) = folder();
    let world = World::new(Arc::new(open(SqliteOptions::new(&file)).await)).await;
    let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&file)).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let waiting = tokio::spawn(async move { world.store.ping().await });
    tokio::task::yield_now().await;
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_is_over_when_there_is_room() {
    let (_folder, file) = folder();
    let mut options = SqliteOptions::new(&file);
    options.max_pages = Some(400);
    let world = World::new(Arc::new(open(options).await)).await;
    world.add_sender(1, "main").await;
    let kept = world.started(world.definition("main"), 0..50).await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;

    let mut appended = 0;
    let error = loop {
        let first = upload.first_row + appended;
        let people = (0..500).map(|person| u32::try_from(appended + person).unwrap());
        let rows: Vec<UploadRow> = world.rows(first, people);
        match world.store.append_recipients(upload, rows, HOUR).await {
            Ok(_) => appended += 500,
            Err(error) => break error,
        }
        assert!(appended < 1_000_000, "the disk fills up");
    };
    assert_eq!(reason(&error), "the disk is full");
    assert!(appended > 0);
    assert_eq!(world.campaign(kept).await.rows, 50, "what was answered is there");
    let again = world.rows(upload.first_row + appended, 900_000..900_500);
    assert_eq!(reason(&world.store.append_recipients(upload, again, HOUR).await.unwrap_err()), "the disk is full");

    world.store.abort_upload(upload).await.unwrap();
    world.upload(campaign, 0..500).await;
    assert_eq!(world.campaign(campaign).await.rows, 500, "there is room again");
}

#[tokio::test]
async fn one_that_needs_too_much_room_does_not_stop_the_others_for_good() {
    let (_folder, file) = folder();
    let mut options = SqliteOptions::new(&file);
    options.max_pages = Some(400);
    let world = World::new(Arc::new(open(options).await)).await;
    world.add_sender(1, "main").await;
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    let huge = world.rows(upload.first_row, 0..50_000);
    let refused = tokio::spawn({
        let world = world.clone();
        async move { world.store.append_recipients(upload, huge, HOUR).await }
    });
    let mut pings = Vec::new();
    for _ in 0..50 {
        let store = Arc::clone(&world.store);
        pings.push(tokio::spawn(async move { ping_until_it_works(store).await }));
    }
    assert_eq!(reason(&refused.await.unwrap().unwrap_err()), "the disk is full");
    for ping in pings {
        ping.await.unwrap();
    }
}

async fn ping_until_it_works(store: Arc<dyn Store>) {
    let works = async { while store.ping().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), works).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_told_and_nothing_panics() {
    let (_folder, file) = folder();
    let store = open(SqliteOptions::new(&file)).await;
    let world = World::new(Arc::new(store.clone())).await;
    world.add_sender(1, "main").await;
    world.planned("main", 0..2_000).await;
    store.close().await;
    let mut bytes = std::fs::read(&file).unwrap();
    // The schema's pages stay whole, so that the file opens.
    let from = bytes.len() / 2;
    bytes[from..].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();

    let world = World { store: Arc::new(open(SqliteOptions::new(&file)).await), ..world };
    let page = PageRequest { after: None, limit: 1_000 };
    let mut after = page.clone();
    let error = loop {
        match world.store.list_messages(world.workspace, MessageFilter::default(), after).await {
            Ok(page) if page.next.is_some() => after = PageRequest { after: page.next, limit: 1_000 },
            Ok(_) => panic!("the damage is found"),
            Err(error) => break error,
        }
    };
    assert_eq!(reason(&error), "the database file is damaged: restore it from a backup");
}

#[tokio::test]
async fn a_cursor_that_is_none_is_a_conflict() {
    let (_folder, file) = folder();
    let world = World::new(Arc::new(open(SqliteOptions::new(&file)).await)).await;
    for after in ["", "x", "é", "0000", &"f".repeat(4_000)] {
        let page = PageRequest { after: Some(after.to_owned()), limit: 10 };
        let refused = |error| matches!(error, StoreError::Conflict { what } if what == "cursor");
        assert!(refused(world.store.list_campaigns(world.workspace, page.clone()).await.unwrap_err()));
        assert!(refused(world.store.list_senders(world.workspace, page.clone()).await.unwrap_err()));
        assert!(refused(world.store.list_suppressions(world.workspace, page.clone()).await.unwrap_err()));
        let messages = world.store.list_messages(world.workspace, MessageFilter::default(), page).await;
        assert!(refused(messages.unwrap_err()));
    }
}
