//! Servers that are away, full, slow or in use: told truly, nothing lost, and over when the cause is.

use std::{sync::Arc, time::Duration};

use paceline_domain::SenderState;
use paceline_store::{
    PageRequest, StoreError, StoreResult,
    campaigns::CampaignDefinition,
    conformance::builders::World,
    messages::MessageFilter,
    senders::{SenderMoveOutcome, SenderStore as _},
};
use paceline_store_postgres::{PostgresOptions, Statements, testing::TestDatabase};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::{
    database, open, options,
    proxy::{Proxy, Way},
};

fn reason<T: std::fmt::Debug>(answer: StoreResult<T>) -> String {
    match answer.unwrap_err() {
        StoreError::Unavailable { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// Options that do not keep a test waiting.
fn hasty(url: &str) -> PostgresOptions {
    let mut options = PostgresOptions::new(url).unwrap();
    options.max_connections = 3;
    options.acquire_timeout = Duration::from_millis(400);
    options
}

async fn connect(database: &TestDatabase) -> PgConnection {
    PgConnection::connect(database.url()).await.unwrap()
}

async fn until_it_works(world: &World) {
    let works = async { while world.store.ping().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), works).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_went_away_is_told_and_used_again_when_it_is_back() {
    for statements in [Statements::Unnamed, Statements::Prepared] {
        let database = database().await;
        let proxy = Proxy::to(database.url()).await;
        let mut options = hasty(proxy.url());
        options.statements = statements;
        let world = World::new(Arc::new(open(options).await)).await;
        world.add_sender(1, "main").await;

        proxy.set(Way::Cut);
        let new = world.new_sender(2, "main");
        let away = reason(world.store.add_sender(new.clone()).await);
        assert!(away.contains("broke"), "{away}");
        assert!(reason(world.store.find_workspace(world.workspace).await).contains("broke"));

        proxy.set(Way::Open);
        until_it_works(&world).await;
        world.store.add_sender(new).await.unwrap();
        assert_eq!(world.store.list_pools(world.workspace).await.unwrap()[0].active_senders, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_not_waited_for_for_ever() {
    let database = database().await;
    let proxy = Proxy::to(database.url()).await;
    let mut options = hasty(proxy.url());
    options.statement_timeout = Duration::from_millis(100);
    let world = World::new(Arc::new(open(options).await)).await;
    proxy.set(Way::Silent);
    let told = reason(world.store.find_workspace(world.workspace).await);
    assert!(told.contains("does not answer") || told.contains("in time"), "{told}");
    proxy.set(Way::Open);
    until_it_works(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_found_to_be_made() {
    let database = database().await;
    let proxy = Proxy::to(database.url()).await;
    let mut options = hasty(proxy.url());
    options.acquire_timeout = Duration::from_secs(5);
    let world = World::new(Arc::new(open(options).await)).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..20).await;

    proxy.set(Way::LosesAnswer);
    world.plan(campaign).await;
    assert!(proxy.has_struck());
    assert_eq!(world.balanced(campaign).await.planned, 20, "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_did_not_arrive_changed_nothing() {
    let database = database().await;
    let proxy = Proxy::to(database.url()).await;
    let mut options = hasty(proxy.url());
    options.acquire_timeout = Duration::from_secs(5);
    let world = World::new(Arc::new(open(options).await)).await;
    world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 0..20).await;
    let batch = world.next_plan(campaign, 20).await;

    proxy.set(Way::LosesCommit);
    assert!(reason(world.store.record_plan(batch.clone()).await).contains("broke"));
    assert!(proxy.has_struck());
    assert_eq!(world.balanced(campaign).await.planned, 0);
    world.store.record_plan(batch).await.unwrap();
    assert_eq!(world.balanced(campaign).await.planned, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_closed_are_replaced_unnoticed() {
    let database = database().await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    let mut calls = Vec::new();
    for number in 0..6 {
        let world = world.clone();
        calls.push(tokio::spawn(async move { world.add_sender(number, "main").await }));
    }
    for call in calls {
        call.await.unwrap();
    }
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    connect(&database).await.execute(terminate).await.unwrap();
    world.add_sender(6, "main").await;
    assert_eq!(world.store.list_pools(world.workspace).await.unwrap()[0].active_senders, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_held_for_long_is_told_and_outlived() {
    let database = database().await;
    let mut options = options(&database);
    (options.lock_timeout, options.acquire_timeout) = (Duration::from_millis(50), Duration::from_millis(400));
    let world = World::new(Arc::new(open(options).await)).await;
    let mut other = connect(&database).await;
    other.execute("BEGIN; LOCK TABLE senders").await.unwrap();
    let new = world.new_sender(1, "main");
    assert_eq!(
        reason(world.store.add_sender(new.clone()).await),
        "a lock was not to be had in time: another transaction holds it"
    );
    assert!(world.store.find_workspace(world.workspace).await.unwrap().is_some(), "what is not locked is read");
    other.execute("COMMIT").await.unwrap();
    world.store.add_sender(new).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_frozen_within_a_transaction_lets_go_of_what_it_locked() {
    let database = database().await;
    let proxy = Proxy::to(database.url()).await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    let sender = world.add_sender(1, "main").await;
    let mut frozen = hasty(proxy.url());
    frozen.idle_timeout = Duration::from_millis(300);
    let frozen = open(frozen).await;
    let mut other = connect(&database).await;
    other.execute("BEGIN; LOCK TABLE messages").await.unwrap();
    // It has locked the sender, and waits for the messages.
    let (workspace, now) = (world.workspace, world.now);
    let removing = tokio::spawn(async move { frozen.move_sender(workspace, sender, SenderState::Removed, now).await });
    let locked =
        async { while connect(&database).await.execute("SELECT FROM senders FOR UPDATE NOWAIT").await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), locked).await.unwrap();
    proxy.set(Way::Silent);
    other.execute("COMMIT").await.unwrap();
    let paused = world.store.move_sender(workspace, sender, SenderState::Paused, now).await.unwrap();
    assert!(matches!(&paused, SenderMoveOutcome::Moved(view) if view.state == SenderState::Paused), "{paused:?}");
    removing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_cancelled_by_the_server() {
    for statements in [Statements::Unnamed, Statements::Prepared] {
        let database = database().await;
        let mut options = options(&database);
        (options.statement_timeout, options.statements) = (Duration::from_millis(100), statements);
        let world = World::new(Arc::new(open(options).await)).await;
        let mut other = connect(&database).await;
        other.execute("BEGIN; LOCK TABLE workspaces").await.unwrap();
        let told = reason(world.store.find_workspace(world.workspace).await);
        assert!(told.contains("longer than the statement timeout"), "{told}");
        other.execute("COMMIT").await.unwrap();
        assert!(world.store.find_workspace(world.workspace).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_connections_are_all_in_use_says_so() {
    let database = database().await;
    let mut options = options(&database);
    (options.max_connections, options.acquire_timeout) = (1, Duration::from_millis(300));
    let world = World::new(Arc::new(open(options).await)).await;
    let mut other = connect(&database).await;
    other.execute("BEGIN; LOCK TABLE senders").await.unwrap();
    let held = tokio::spawn({
        let world = world.clone();
        async move { world.add_sender(1, "main").await }
    });
    let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
        WHERE d.datname = current_database() AND NOT l.granted";
    let mut looking = connect(&database).await;
    let waits = async { while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut looking).await.unwrap() == 0 {} };
    tokio::time::timeout(Duration::from_secs(20), waits).await.unwrap();
    assert_eq!(reason(world.store.ping().await), "every connection of this process is in use");
    other.execute("COMMIT").await.unwrap();
    held.await.unwrap();
    world.store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_no_connection_left_says_so() {
    let database = database().await;
    let (name, url) = (database.name(), database.url());
    let mut admin = connect(&database).await;
    // Limits do not hold for a superuser.
    let role = format!("{name}_role");
    admin
        .execute(AssertSqlSafe(format!("CREATE ROLE {role} LOGIN PASSWORD '{role}' CONNECTION LIMIT 1")))
        .await
        .unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    let url = format!("{scheme}://{role}:{role}@{place}");
    let grant = format!("GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}");
    admin.execute(AssertSqlSafe(grant)).await.unwrap();

    let mut options = hasty(&url);
    options.migrations = paceline_store_postgres::Migrations::Expect;
    let store = open(options).await;
    let only = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            match PgConnection::connect(&url).await {
                Ok(conn) => break conn,
                // The one that looked at the schema is just leaving.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    let only = only.await.unwrap();
    let told = reason(paceline_store::health::HealthStore::ping(&store).await);
    assert!(told.starts_with("the server has no connection left"), "{told}");
    only.close().await.unwrap();
    let works = async { while paceline_store::health::HealthStore::ping(&store).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), works).await.unwrap();

    store.close().await;
    admin.execute(AssertSqlSafe(format!("DROP OWNED BY {role}; DROP ROLE {role}"))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_told_and_left_when_it_does_again() {
    let database = database().await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    let mut admin = connect(&database).await;
    let name = database.name();
    let set = |state: &str| AssertSqlSafe(format!("ALTER DATABASE {name} SET default_transaction_read_only = {state}"));
    let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    admin.execute(set("on")).await.unwrap();
    admin.execute(terminate).await.unwrap();
    assert!(reason(world.store.ping().await).starts_with("the database takes no writes"));
    admin.execute(set("off")).await.unwrap();
    // Its connections were closed, because they led to a server that takes no writes.
    until_it_works(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_with_a_nul_is_kept_as_far_as_it_can_be() {
    let database = database().await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    let mut new = world.new_sender(1, "ma\0in");
    new.name = "a\0b".to_owned();
    world.store.add_sender(new).await.unwrap();
    let pools = world.store.list_pools(world.workspace).await.unwrap();
    assert_eq!(pools[0].name, "ma\u{fffd}in");
    let definition = CampaignDefinition { name: "a\0b".to_owned(), ..world.definition("ma\0in") };
    let campaign = world.draft(definition).await;
    let campaign = world.campaign(campaign).await;
    assert_eq!(campaign.definition.name, "a\u{fffd}b");
    assert_eq!(campaign.definition.pool, "ma\u{fffd}in", "the same text is kept the same way everywhere");
}

#[tokio::test]
async fn a_cursor_that_is_none_is_a_conflict() {
    let database = database().await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    for after in ["", "x", "é", "0000", &"7f".repeat(24), &"80".repeat(24), &"f".repeat(4_000)] {
        let page = PageRequest { after: Some(after.to_owned()), limit: 10 };
        let refused = |error| matches!(error, StoreError::Conflict { what } if what == "cursor");
        assert!(refused(world.store.list_campaigns(world.workspace, page.clone()).await.unwrap_err()));
        assert!(refused(world.store.list_senders(world.workspace, page.clone()).await.unwrap_err()));
        assert!(refused(world.store.list_suppressions(world.workspace, page.clone()).await.unwrap_err()));
        let messages = world.store.list_messages(world.workspace, MessageFilter::default(), page).await;
        assert!(refused(messages.unwrap_err()));
    }
}
