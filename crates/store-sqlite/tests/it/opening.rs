//! Opening: what is refused and how it is said, who may read the file, and what is there after a crash.

use std::{path::Path, sync::Arc};

use paceline_domain::{Minter, WorkspaceId};
use paceline_ledger::SchemaError;
use paceline_store::{
    StoreError,
    conformance::builders::{World, accepted},
    intents::IntentStore,
    leases::LeaseStore,
    workspaces::WorkspaceStore,
};
use paceline_store_sqlite::{OpenError, SqliteOptions, SqliteStore};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{folder, open};

async fn attempt(file: &Path) -> Result<SqliteStore, OpenError> {
    let mut options = SqliteOptions::new(file);
    options.busy_timeout = std::time::Duration::from_millis(20);
    paceline_store_sqlite::open(options, Arc::new(Minter::new([7; 32]))).await
}

/// Makes a database, closes it, and changes something by hand.
async fn made_and_changed(file: &Path, change: &str) {
    open(SqliteOptions::new(file)).await.close().await;
    run(file, change).await;
}

async fn run(file: &Path, statement: &str) {
    let mut conn = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap();
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, _) = folder();
    let file = folder.path().join("data").join("paceline.db");
    let store = open(SqliteOptions::new(&file)).await;
    World::new(Arc::new(store.clone())).await;
    for name in ["paceline.db", "paceline.db-wal", "paceline.db-shm"] {
        let mode = std::fs::metadata(file.with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = std::fs::metadata(folder.path().join("data")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the folder that was made for it");
}

#[tokio::test]
async fn a_file_that_is_something_else_is_left_alone() {
    let (_folder, file) = folder();
    let text = "This is a letter, and quite a long one, to a person who keeps letters. ".repeat(100);
    std::fs::write(&file, &text).unwrap();
    assert!(matches!(attempt(&file).await, Err(OpenError::NotADatabase)));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let (folder, _) = folder();
    let error = attempt(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
    assert!(matches!(error, OpenError::CannotOpen { .. }), "{error:?}");
    let below_a_file = folder.path().join("file");
    std::fs::write(&below_a_file, "").unwrap();
    let error = attempt(&below_a_file.join("paceline.db")).await.unwrap_err();
    assert!(matches!(error, OpenError::CannotOpen { .. }), "{error:?}");
}

#[tokio::test]
async fn a_database_that_another_process_holds_is_locked() {
    let (_folder, file) = folder();
    open(SqliteOptions::new(&file)).await.close().await;
    let options = SqliteConnectOptions::new().filename(&file).pragma("locking_mode", "exclusive");
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE health_probe SET probed_at = 1").execute(&mut other).await.unwrap();
    let error = attempt(&file).await.unwrap_err();
    assert!(matches!(error, OpenError::Locked), "{error:?}");
    other.close().await.unwrap();
    attempt(&file).await.unwrap();
}

#[tokio::test]
async fn a_database_that_needs_a_newer_binary_is_refused() {
    let (_folder, file) = folder();
    made_and_changed(&file, "UPDATE schema_compatibility SET oldest_binary = 99").await;
    let error = attempt(&file).await.unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("the database needs at least schema 99, this binary knows "), "{said}");
    assert!(said.ends_with(": use a newer paceline"), "{said}");
}

#[tokio::test]
async fn a_later_migration_that_this_binary_can_live_with_is_no_obstacle() {
    let (_folder, file) = folder();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (99, 'a later one', 1, x'00', 0)";
    made_and_changed(&file, later).await;
    attempt(&file).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused() {
    let (_folder, file) = folder();
    made_and_changed(&file, "UPDATE _sqlx_migrations SET checksum = x'00'").await;
    assert!(matches!(attempt(&file).await, Err(OpenError::Schema(SchemaError::MigrationChanged { number: 1 }))));
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash() {
    let (folder, file) = folder();
    let store = open(SqliteOptions::new(&file)).await;
    let world = World::new(Arc::new(store)).await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..3).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &world.claim_for(sender, 2).await).await;
    world.conclude(sender, messages[0], 1, accepted()).await;

    // What a killed process leaves behind: the file and its log, not closed.
    let crashed = folder.path().join("crashed.db");
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", file.display());
        std::fs::copy(from, format!("{}{suffix}", crashed.display())).unwrap();
    }
    let again = open(SqliteOptions::new(&crashed)).await;
    let world = World { store: Arc::new(again.clone()), ..world };
    assert_eq!(world.balanced(campaign).await.sending, 2);
    again.end_leases(paceline_store::leases::DeadHolder::Everyone).await.unwrap();
    let lease = world.as_another_worker().lease(sender).await;
    let adopted = again.adopt_attempts(sender, lease.epoch, world.worker, world.now).await.unwrap();
    let paceline_store::leases::Fenced::Done(adopted) = adopted else { panic!("the lease is new") };
    assert_eq!(adopted.iter().filter(|attempt| attempt.outcome.is_some()).count(), 1, "the known outcome");
    assert_eq!(adopted.iter().filter(|attempt| attempt.outcome.is_none()).count(), 1, "the orphan");
}

#[tokio::test]
async fn a_row_that_no_paceline_writes_is_named_without_its_value() {
    let (_folder, file) = folder();
    let store = open(SqliteOptions::new(&file)).await;
    let world = World::new(Arc::new(store)).await;
    world.add_sender(1, "main").await;
    let campaign = world.draft(world.definition("main")).await;
    run(&file, "UPDATE campaigns SET state = 'bewitched'").await;
    let error = world.store.find_campaign(world.workspace, campaign).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "campaigns", column: "state", .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("bewitched"), "{error}");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (_folder, file) = folder();
    let store = open(SqliteOptions::new(&file)).await;
    store.close().await;
    store.close().await;
    assert!(!file.with_file_name("paceline.db-wal").exists(), "the log is folded into the file");
    let workspace = WorkspaceId::from_bytes([1; 16]);
    assert!(matches!(store.find_workspace(workspace).await, Err(StoreError::Unavailable { .. })));
    assert!(matches!(paceline_store::health::HealthStore::ping(&store).await, Err(StoreError::Unavailable { .. })));
}
