//! A connection pooler in transaction mode between the store and the server: `pgbouncer`, as `PGBOUNCER` names it or where Debian puts
//! it. Where there is none, `PGBOUNCER=none` leaves these tests out by choice.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use paceline_store::conformance::{
    account, builders::World, deliveries, events, intents, leases, plan, recipients, release,
};
use paceline_store_postgres::{OpenError, PostgresOptions, Severity, Statements, diagnose, testing::TestDatabase};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use crate::{database, minter, open};

/// The program, unless it is left out.
fn program() -> Option<PathBuf> {
    let named = std::env::var("PGBOUNCER").unwrap_or_else(|_| "/usr/sbin/pgbouncer".to_owned());
    if named == "none" {
        return None;
    }
    let program = PathBuf::from(named);
    assert!(program.is_file(), "install pgbouncer, name it by PGBOUNCER, or leave it out with PGBOUNCER=none");
    Some(program)
}

/// A pooler that has two connections to the server for all its clients.
struct Pooler {
    process: Child,
    url: String,
    _folder: TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Pooler {
    async fn before(database: &TestDatabase) -> Option<Self> {
        let program = program()?;
        let server: PgConnectOptions = database.url().parse().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let (users, settings) = (folder.path().join("users"), folder.path().join("pgbouncer.ini"));
        let password = password_of(database.url());
        std::fs::write(&users, format!("\"{}\" \"{password}\"\n", server.get_username())).unwrap();
        let text = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\nauth_type = trust\nauth_file = {}\n",
            server.get_host(),
            server.get_port(),
            users.display()
        );
        std::fs::write(&settings, text).unwrap();
        let mut command = Command::new(program);
        if String::from_utf8(Command::new("id").arg("-u").output().unwrap().stdout).unwrap().trim() == "0" {
            // It refuses to run as root.
            readable(&folder, &[&users, &settings]);
            command.args(["-u", "nobody"]);
        }
        let process = command.arg(&settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let url = server.host("127.0.0.1").port(port).to_url_lossy().to_string();
        let pooler = Self { process, url, _folder: folder };
        pooler.until_it_listens(port).await;
        Some(pooler)
    }

    async fn until_it_listens(&self, port: u16) {
        let listens = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), listens).await.unwrap();
    }

    fn options(&self, statements: Statements) -> PostgresOptions {
        let mut options = PostgresOptions::new(&self.url).unwrap();
        (options.max_connections, options.statements) = (12, statements);
        options
    }
}

/// The password in a URL whose password needs no escapes, as that of a private server.
fn password_of(url: &str) -> &str {
    let login = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(login, _)| login);
    login.split_once(':').map_or("", |(_, password)| password)
}

fn readable(folder: &TempDir, files: &[&PathBuf]) {
    use std::os::unix::fs::PermissionsExt as _;
    for path in files.iter().map(|file| file.as_path()).chain([folder.path()]) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Runs cases of the suite, each on a database of its own behind a pooler.
macro_rules! through_a_pooler {
    ($($area:ident::$case:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let database = database().await;
            let Some(pooler) = Pooler::before(&database).await else { return };
            let store = open(pooler.options(Statements::Unnamed)).await;
            $area::$case(Arc::new(store)).await;
        }
    )+};
}

through_a_pooler! {
    account::the_account_balances_while_every_role_works_at_once
    account::the_account_balances_over_a_random_walk
    deliveries::dispatchers_at_once_never_share_a_delivery
    events::a_reader_skips_nothing_while_others_write
    intents::of_intents_at_once_for_a_message_one_is_granted
    leases::workers_that_claim_at_once_never_share_a_sender
    plan::of_planners_at_once_one_decides
    recipients::of_many_uploads_opened_at_once_one_goes_on
    release::two_releasers_never_fill_a_window_twice
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_with_many_connections_share_two_of_the_server() {
    let database = database().await;
    let Some(pooler) = Pooler::before(&database).await else { return };
    let one = World::new(Arc::new(open(pooler.options(Statements::Unnamed)).await)).await;
    let two = World { store: Arc::new(open(pooler.options(Statements::Unnamed)).await), ..one.clone() };
    let mut calls = Vec::new();
    for number in 0..60 {
        let world = if number % 2 == 0 { one.clone() } else { two.clone() };
        calls.push(tokio::spawn(async move {
            let sender = world.add_sender(number, "main").await;
            assert!(world.store.find_sender(world.workspace, sender).await.unwrap().is_some());
        }));
    }
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(one.store.list_pools(one.workspace).await.unwrap()[0].active_senders, 60);
}

#[tokio::test]
async fn an_empty_database_is_migrated_through_a_pooler() {
    let database = TestDatabase::create_empty(&std::env::var("DATABASE_URL").unwrap()).await.unwrap();
    let Some(pooler) = Pooler::before(&database).await else { return };
    for _ in 0..3 {
        open(pooler.options(Statements::Unnamed)).await.close().await;
    }
}

#[tokio::test]
async fn prepared_statements_are_refused_with_their_cure() {
    let database = database().await;
    let Some(pooler) = Pooler::before(&database).await else { return };
    let findings = diagnose(&pooler.options(Statements::Prepared)).await.unwrap();
    assert!(findings.iter().any(|finding| finding.severity == Severity::Problem && finding.what.contains("pooler")));
    let findings = diagnose(&pooler.options(Statements::Unnamed)).await.unwrap();
    let problems: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Problem).collect();
    assert!(problems.is_empty(), "{problems:?}");
    assert!(findings.iter().any(|finding| finding.what.contains("through a pooler")), "{findings:?}");

    let store = paceline_store_postgres::open(pooler.options(Statements::Prepared), minter()).await;
    assert!(matches!(store, Err(OpenError::Pooled { .. })), "{store:?}");
}
