//! Opening: what is refused and how it is said, who migrates, and what an operator is told.

use std::{sync::Arc, time::Duration};

use paceline_domain::WorkspaceId;
use paceline_ledger::SchemaError;
use paceline_store::{
    StoreError,
    conformance::builders::{World, accepted},
    health::HealthStore,
    intents::IntentStore,
    leases::{DeadHolder, Fenced, LeaseStore},
    workspaces::WorkspaceStore,
};
use paceline_store_postgres::{
    Migrations, OpenError, PostgresOptions, PostgresStore, Severity, Statements, diagnose, testing::TestDatabase,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::net::TcpListener;

use crate::{database, minter, open, options};

async fn attempt(options: PostgresOptions) -> Result<PostgresStore, OpenError> {
    paceline_store_postgres::open(options, minter()).await
}

fn with(mut options: PostgresOptions, migrations: Migrations) -> PostgresOptions {
    options.migrations = migrations;
    options
}

async fn empty() -> TestDatabase {
    TestDatabase::create_empty(&std::env::var("DATABASE_URL").unwrap()).await.unwrap()
}

/// Changes something by hand.
async fn run(database: &TestDatabase, statement: &str) {
    let mut conn = PgConnection::connect(database.url()).await.unwrap();
    conn.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_and_not_shown() {
    for url in ["", "paceline.db", "mysql://root:secret@localhost/x", "postgres://u:secret@host:port/x"] {
        let error = PostgresOptions::new(url).unwrap_err();
        assert!(matches!(error, OpenError::Url), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn neither_options_nor_errors_show_a_password() {
    let mut options = PostgresOptions::new("postgres://someone:secret@127.0.0.1:1/somewhere").unwrap();
    assert_eq!(format!("{options:?}"), r#"PostgresOptions { database: "somewhere at 127.0.0.1:1", .. }"#);
    options.acquire_timeout = Duration::from_secs(2);
    let error = attempt(options).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    let expected = "the database somewhere at 127.0.0.1:1 cannot be used: the database cannot be reached, or the connection to it broke";
    assert_eq!(error.to_string(), expected);
    assert!(error.is_transient(), "it may come up");
}

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for_in_vain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut options = PostgresOptions::new(&format!("postgres://someone@127.0.0.1:{port}/somewhere")).unwrap();
    options.acquire_timeout = Duration::from_millis(200);
    let error = attempt(options).await.unwrap_err();
    assert!(error.to_string().ends_with("the database does not answer"), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn what_an_operator_must_change_is_not_transient() {
    let database = database().await;
    let (server, _) = database.url().rsplit_once('/').unwrap();
    let error = attempt(PostgresOptions::new(&format!("{server}/paceline_nowhere")).unwrap()).await.unwrap_err();
    assert!(error.to_string().ends_with("the server has no such database"), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_start_at_once_migrate_once() {
    let database = empty().await;
    let mut starts = Vec::new();
    for _ in 0..8 {
        starts.push(tokio::spawn(attempt(options(&database))));
    }
    for start in starts {
        start.await.unwrap().unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_process_that_may_not_migrate_waits_for_one_that_does() {
    let database = empty().await;
    let mut expecting = options(&database);
    expecting.migrations = Migrations::Expect;
    let error = attempt(expecting.clone()).await.unwrap_err();
    assert!(error.to_string().starts_with("the database has schema 0, and this binary needs "), "{error:?}");
    open(options(&database)).await.close().await;
    attempt(expecting).await.unwrap().ping().await.unwrap();
}

#[tokio::test]
async fn a_database_that_needs_a_newer_binary_is_refused() {
    let database = database().await;
    run(&database, "UPDATE schema_compatibility SET oldest_binary = 99").await;
    for migrations in [Migrations::Apply, Migrations::Expect] {
        let error = attempt(with(options(&database), migrations)).await.unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("the database needs at least schema 99, this binary knows "), "{said}");
        assert!(said.ends_with(": use a newer paceline"), "{said}");
    }
}

#[tokio::test]
async fn a_later_migration_that_this_binary_can_live_with_is_no_obstacle() {
    let database = database().await;
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (99, 'a later one', true, '\\x00', 0)";
    run(&database, later).await;
    for migrations in [Migrations::Apply, Migrations::Expect] {
        attempt(with(options(&database), migrations)).await.unwrap();
    }
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused() {
    let database = database().await;
    run(&database, "UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1").await;
    for migrations in [Migrations::Apply, Migrations::Expect] {
        let refused = attempt(with(options(&database), migrations)).await;
        assert!(matches!(refused, Err(OpenError::Schema(SchemaError::MigrationChanged { number: 1 }))), "{refused:?}");
    }
}

#[tokio::test]
async fn what_was_answered_is_there_for_another_process() {
    let database = database().await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..3).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &world.claim_for(sender, 2).await).await;
    world.conclude(sender, messages[0], 1, accepted()).await;

    // The process that did all that is gone without a word; another one takes over.
    let again = open(options(&database)).await;
    let world = World { store: Arc::new(again.clone()), ..world };
    assert_eq!(world.balanced(campaign).await.sending, 2);
    again.end_leases(DeadHolder::Everyone).await.unwrap();
    let lease = world.as_another_worker().lease(sender).await;
    let adopted = again.adopt_attempts(sender, lease.epoch, world.worker, world.now).await.unwrap();
    let Fenced::Done(adopted) = adopted else { panic!("the lease is new") };
    assert_eq!(adopted.iter().filter(|attempt| attempt.outcome.is_some()).count(), 1, "the known outcome");
    assert_eq!(adopted.iter().filter(|attempt| attempt.outcome.is_none()).count(), 1, "the orphan");
}

#[tokio::test]
async fn a_row_that_no_paceline_writes_is_named_without_its_value() {
    let database = database().await;
    let world = World::new(Arc::new(open(options(&database)).await)).await;
    world.add_sender(1, "main").await;
    let campaign = world.draft(world.definition("main")).await;
    run(&database, "UPDATE campaigns SET state = 'bewitched'").await;
    let error = world.store.find_campaign(world.workspace, campaign).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "campaigns", column: "state", .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("bewitched"), "{error}");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let database = database().await;
    let store = open(options(&database)).await;
    store.close().await;
    store.close().await;
    let workspace = WorkspaceId::from_bytes([1; 16]);
    assert!(matches!(store.find_workspace(workspace).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable { .. })));
}

#[tokio::test]
async fn an_operator_is_told_what_is_wrong_and_how_to_cure_it() {
    let database = database().await;
    let mut options = options(&database);
    options.statements = Statements::Prepared;
    let findings = diagnose(&options).await.unwrap();
    let problems: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Problem).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let schema = findings.iter().find_map(|finding| finding.what.strip_prefix("the schema is "));
    let (found, known) = schema.and_then(|said| said.split_once(", this binary knows ")).unwrap();
    assert_eq!(found, known, "{findings:?}");
    assert!(findings.iter().any(|finding| finding.what == "connections lead to the server itself"), "{findings:?}");

    options.max_connections = 100_000;
    let name = database.name();
    run(&database, "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)").await;
    run(&database, &format!("ALTER DATABASE {name} SET synchronous_commit = off")).await;
    run(&database, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let findings = diagnose(&options).await.unwrap();
    let cures: Vec<_> = findings.iter().filter_map(|finding| finding.cure).collect();
    for cure in ["run `paceline migrate`", "default_transaction_read_only", "synchronous_commit", "connection pooler"] {
        assert!(cures.iter().any(|found| found.contains(cure)), "{cure}: {findings:?}");
    }
    assert!(findings.iter().all(|finding| (finding.severity == Severity::Fine) == finding.cure.is_none()));
}
