//! The migrations, embedded, and the check whether this binary may use a database.

use paceline_ledger::SchemaError;
use sqlx::{
    Connection as _, Executor as _, PgConnection, SqlSafeStr as _,
    migrate::{Migration, MigrationType},
};

use crate::open::OpenError;

/// Every migration: number, what it does, statements.
const FILES: &[(i64, &str, &str)] = paceline_ledger::migrations!("postgres");

/// The newest migration that this binary knows.
pub(crate) const KNOWN: i64 = FILES[FILES.len() - 1].0;

/// The lock under which migrations are applied: "paceline" as eight bytes.
const LOCK: &str = "SELECT pg_advisory_xact_lock(8097027706055159397)";

/// The table in which the driver's own tool would look for what was applied. That tool names its statements, which a connection
/// pooler would hand to the next client, so it is not used here.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, \
    installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, \
    execution_time bigint NOT NULL)";

/// How long a process waits for another that migrates, and then for its own statements. A change of a large table takes its time.
const LIMITS: &str = "SET LOCAL lock_timeout = '15min'; SET LOCAL statement_timeout = '1h'";

/// Refuses a database that needs a newer binary; then applies what is missing, all of it or nothing. The lock ends with the
/// transaction, so that it holds through a connection pooler too.
pub(crate) async fn apply(conn: &mut PgConnection) -> Result<(), OpenError> {
    let mut tx = conn.begin().await.map_err(OpenError::from_driver)?;
    for statement in [LIMITS, LOCK] {
        tx.execute(statement).await.map_err(OpenError::from_driver)?;
    }
    refuse_newer(&mut tx).await?;
    tx.execute(TABLE).await.map_err(OpenError::from_driver)?;
    let applied = find_applied(&mut tx).await?;
    for migration in migrations() {
        match applied.iter().find(|(number, _)| *number == migration.version) {
            Some((_, checksum)) if *checksum == *migration.checksum => {}
            Some((number, _)) => return Err(SchemaError::MigrationChanged { number: *number }.into()),
            None => run(&mut tx, &migration).await.map_err(OpenError::from_driver)?,
        }
    }
    tx.commit().await.map_err(OpenError::from_driver)
}

async fn run(conn: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    conn.execute(sqlx::raw_sql(migration.sql.clone())).await?;
    let note = sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES ($1, $2, true, $3, 0)",
    );
    let note = note.bind(migration.version).bind(&*migration.description).bind(&*migration.checksum);
    note.persistent(false).execute(conn).await.map(|_| ())
}

/// Refuses a database that needs a newer binary, or lacks a migration, or has one in another form. Changes nothing.
pub(crate) async fn expect(conn: &mut PgConnection) -> Result<(), OpenError> {
    refuse_newer(conn).await?;
    let applied = find_applied(conn).await?;
    for migration in migrations() {
        match applied.iter().find(|(number, _)| *number == migration.version) {
            Some((_, checksum)) if *checksum == *migration.checksum => {}
            Some((number, _)) => return Err(SchemaError::MigrationChanged { number: *number }.into()),
            None => {
                let found = applied.last().map_or(0, |(number, _)| *number);
                return Err(OpenError::SchemaOlder { found, known: KNOWN });
            }
        }
    }
    Ok(())
}

/// The newest migration that was applied; zero for none.
pub(crate) async fn newest_applied(conn: &mut PgConnection) -> Result<i64, OpenError> {
    Ok(find_applied(conn).await?.last().map_or(0, |(number, _)| *number))
}

/// The embedded migrations.
pub(crate) fn migrations() -> impl Iterator<Item = Migration> {
    FILES.iter().map(|&(number, what, sql)| {
        Migration::new(number, what.into(), MigrationType::Simple, sql.into_sql_str(), false)
    })
}

async fn refuse_newer(conn: &mut PgConnection) -> Result<(), OpenError> {
    match oldest_binary(conn).await? {
        Some(needed) if needed > KNOWN => Err(SchemaError::Newer { needed, known: KNOWN }.into()),
        _ => Ok(()),
    }
}

/// The newest migration that a binary must know; `None` for an empty database.
pub(crate) async fn oldest_binary(conn: &mut PgConnection) -> Result<Option<i64>, OpenError> {
    if !exists(conn, "schema_compatibility").await? {
        return Ok(None);
    }
    let query = sqlx::query_scalar("SELECT max(oldest_binary) FROM schema_compatibility");
    query.persistent(false).fetch_one(conn).await.map_err(OpenError::from_driver)
}

async fn find_applied(conn: &mut PgConnection) -> Result<Vec<(i64, Vec<u8>)>, OpenError> {
    if !exists(conn, "_sqlx_migrations").await? {
        return Ok(Vec::new());
    }
    let query = sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version");
    query.persistent(false).fetch_all(conn).await.map_err(OpenError::from_driver)
}

async fn exists(conn: &mut PgConnection, table: &str) -> Result<bool, OpenError> {
    let query = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table);
    query.persistent(false).fetch_one(conn).await.map_err(OpenError::from_driver)
}
