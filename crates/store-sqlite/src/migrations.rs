//! The migrations, embedded, and the check whether this binary may use a database.

use paceline_ledger::SchemaError;
use sqlx::{
    Row, SqlSafeStr as _, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::open::OpenError;

/// Every migration: number, what it does, statements.
const FILES: &[(i64, &str, &str)] = paceline_ledger::migrations!("sqlite");

/// The newest migration that this binary knows.
const KNOWN: i64 = FILES[FILES.len() - 1].0;

/// Refuses a database that needs a newer binary; then applies what is missing.
pub(crate) async fn apply(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    if let Some(needed) = oldest_binary(conn).await?
        && needed > KNOWN
    {
        return Err(SchemaError::Newer { needed, known: KNOWN }.into());
    }
    let migrations = FILES.iter().map(|&(number, what, sql)| {
        Migration::new(number, what.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // Later migrations that this binary does not know have been checked above.
    migrator.set_ignore_missing(true);
    migrator.run(conn).await.map_err(|error| match error {
        MigrateError::VersionMismatch(number) => SchemaError::MigrationChanged { number }.into(),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => OpenError::from_driver(error),
        error => OpenError::Migration { source: Box::new(error) },
    })
}

async fn oldest_binary(conn: &mut SqliteConnection) -> Result<Option<i64>, OpenError> {
    let exists = sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_compatibility'");
    if exists.fetch_optional(&mut *conn).await.map_err(OpenError::from_driver)?.is_none() {
        return Ok(None);
    }
    let row = sqlx::query("SELECT max(oldest_binary) AS oldest_binary FROM schema_compatibility").fetch_one(conn).await;
    row.and_then(|row| row.try_get("oldest_binary")).map_err(OpenError::from_driver)
}
