//! Databases for tests: each test has one of its own, which vanishes with its guard.
//!
//! They are copies of one template, which is migrated once for each form of the migrations, so that a test begins within a few
//! hundredths of a second.

use std::{fmt::Write as _, str::FromStr as _, sync::Arc, time::Duration};

use paceline_domain::Minter;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};

use crate::{
    migrations::migrations,
    open::{PostgresOptions, open},
};

/// Databases of tests that were killed are dropped after so many seconds.
const STALE: i64 = 2 * 60 * 60;

/// The server's lock under which templates are made: "template" as eight bytes.
const LOCK: &str = "SELECT pg_advisory_lock(8387229063778988133)";

/// How often a database is copied that someone else is just looking at.
const TRIES: u32 = 50;

/// Why there is no database for a test.
#[derive(Debug, thiserror::Error)]
#[error("no database for a test could be made: {0}")]
pub struct NoDatabase(String);

impl From<sqlx::Error> for NoDatabase {
    fn from(error: sqlx::Error) -> Self {
        Self(error.to_string())
    }
}

/// A database of one test. It is dropped, with whoever is connected to it, when this goes away.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    url: String,
    name: String,
}

impl TestDatabase {
    /// A fresh database, its schema in place, on the server that `DATABASE_URL` names. Its user must be allowed to create
    /// databases.
    ///
    /// # Errors
    /// When the variable is not set or the server cannot be used: a test that needs the server fails without it.
    pub async fn from_environment() -> Result<Self, NoDatabase> {
        let server = std::env::var("DATABASE_URL").map_err(|_| {
            NoDatabase("set DATABASE_URL to a PostgreSQL server whose user may create databases".to_owned())
        })?;
        Self::create(&server).await
    }

    /// A fresh database, its schema in place, on a server that is named by the address of any of its databases.
    ///
    /// # Errors
    /// When the server cannot be used.
    pub async fn create(server: &str) -> Result<Self, NoDatabase> {
        let mut conn = connect(server).await?;
        let template = find_template(&mut conn, server).await?;
        let made = copy(&mut conn, server, Some(&template)).await;
        conn.close().await?;
        made
    }

    /// A fresh database with nothing in it.
    ///
    /// # Errors
    /// When the server cannot be used.
    pub async fn create_empty(server: &str) -> Result<Self, NoDatabase> {
        let mut conn = connect(server).await?;
        let made = copy(&mut conn, server, None).await;
        conn.close().await?;
        made
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets the deadline of every release pass, as if its hold were over.
    ///
    /// # Errors
    /// When the server cannot be used, or the database has no schema.
    pub async fn end_releases(&self) -> Result<(), NoDatabase> {
        let mut conn = connect(&self.url).await?;
        conn.execute("UPDATE messages SET release_deadline = to_timestamp(0) WHERE release_deadline IS NOT NULL")
            .await?;
        Ok(conn.close().await?)
    }

    /// The address of the server, with the database that it was given with.
    pub fn server(&self) -> &str {
        &self.server
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // The test's own runtime may not be blocked, and may be gone already. What cannot be dropped is dropped by a later run.
        let dropping = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            let dropping = async { tokio::time::timeout(Duration::from_secs(20), drop_database(&server, &name)).await };
            if !matches!(runtime.block_on(dropping), Ok(Ok(()))) {
                tracing::warn!(database = name, "a test's database could not be dropped");
            }
        });
        let _ = dropping.join();
    }
}

async fn connect(server: &str) -> Result<PgConnection, NoDatabase> {
    Ok(PgConnectOptions::from_str(server)?.connect().await?)
}

async fn drop_database(server: &str, name: &str) -> Result<(), NoDatabase> {
    let mut conn = connect(server).await?;
    conn.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))).await?;
    Ok(conn.close().await?)
}

/// The address of another database of a server.
fn url_of(server: &str, name: &str) -> Result<String, NoDatabase> {
    Ok(PgConnectOptions::from_str(server)?.database(name).to_url_lossy().to_string())
}

async fn copy(conn: &mut PgConnection, server: &str, template: Option<&str>) -> Result<TestDatabase, NoDatabase> {
    let (number, now): (i64, i64) =
        sqlx::query_as("SELECT (random() * 1e15)::bigint, extract(epoch FROM clock_timestamp())::bigint")
            .fetch_one(&mut *conn)
            .await?;
    let name = format!("paceline_test_{now}_{number}");
    let of = template.unwrap_or("template0");
    let statement = format!("CREATE DATABASE {name} TEMPLATE {of} ENCODING 'UTF8'");
    let mut tries = 0;
    while let Err(error) = conn.execute(AssertSqlSafe(statement.clone())).await {
        let in_use =
            error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55006");
        tries += 1;
        if !in_use || tries == TRIES {
            return Err(error.into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(TestDatabase { server: server.to_owned(), url: url_of(server, &name)?, name })
}

/// The template of these migrations, made if it is the first time that they are used on this server.
async fn find_template(conn: &mut PgConnection, server: &str) -> Result<String, NoDatabase> {
    let name = template_name();
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)");
    if exists.bind(&name).fetch_one(&mut *conn).await? {
        return Ok(name);
    }
    // Held by the session, and so until this connection is closed.
    conn.execute(LOCK).await?;
    let exists = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)");
    if exists.bind(&name).fetch_one(&mut *conn).await? {
        return Ok(name);
    }
    drop_stale(conn, server).await?;
    let made = copy(conn, server, None).await?;
    let failed = |error: &dyn std::error::Error| NoDatabase(error.to_string());
    let options = PostgresOptions::new(made.url()).map_err(|error| failed(&error))?;
    let store = open(options, Arc::new(Minter::new([0; 32]))).await.map_err(|error| failed(&error))?;
    store.close().await;
    conn.execute(AssertSqlSafe(format!("ALTER DATABASE {} RENAME TO {name}", made.name()))).await?;
    Ok(name)
}

fn template_name() -> String {
    let mut sum = 0_u64;
    for migration in migrations() {
        for byte in migration.checksum.iter() {
            sum = sum.rotate_left(7).wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte);
        }
    }
    let mut name = "paceline_template_".to_owned();
    // Writing to a string cannot fail.
    let _ = write!(name, "{sum:016x}");
    name
}

/// Databases whose tests cannot be running any more; a few of them, because a test waits for this.
async fn drop_stale(conn: &mut PgConnection, server: &str) -> Result<(), NoDatabase> {
    let stale: Vec<String> = sqlx::query_scalar(
        "SELECT datname::text FROM pg_database WHERE datname ~ '^paceline_test_[0-9]+_[0-9]+$' \
            AND split_part(datname::text, '_', 3)::bigint < extract(epoch FROM clock_timestamp()) - $1 \
            ORDER BY datname LIMIT 20",
    )
    .bind(STALE)
    .fetch_all(&mut *conn)
    .await?;
    for name in stale {
        drop_database(server, &name).await?;
    }
    Ok(())
}
