//! What went wrong, in the port's words.
//!
//! An operator reads the reasons, so they say what to do and never quote a row.

pub(crate) use paceline_ledger::unavailable;
use paceline_ledger::{Fault, Then};
use paceline_store::StoreError;

/// A driver's error inside a transaction. One that concerns the file concerns every transaction of the group.
pub(crate) fn fault(error: sqlx::Error) -> Fault {
    let error = store_error(error);
    let then = match error {
        StoreError::Unavailable { .. } => Then::Close,
        _ => Then::RollBack,
    };
    Fault { error, then }
}

/// A second telling of an error that hit several callers at once. Only the first keeps its source.
pub(crate) fn retell(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { reason, .. } => unavailable(reason),
        other => unavailable(&other.to_string()),
    }
}

/// The primary result code of SQLite, when the error comes from it.
pub(crate) fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(code & 0xff)
}

/// SQLite's primary result codes, as numbered by its documentation ("Result and Error Codes").
pub(crate) mod code {
    pub(crate) const PERMISSION: i32 = 3;
    pub(crate) const BUSY: i32 = 5;
    pub(crate) const LOCKED: i32 = 6;
    pub(crate) const NO_MEMORY: i32 = 7;
    pub(crate) const READ_ONLY: i32 = 8;
    pub(crate) const IO: i32 = 10;
    pub(crate) const CORRUPT: i32 = 11;
    pub(crate) const FULL: i32 = 13;
    pub(crate) const CANNOT_OPEN: i32 = 14;
    pub(crate) const CONSTRAINT: i32 = 19;
    pub(crate) const NOT_A_DATABASE: i32 = 26;
}

/// A driver's error in the port's words.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    if let Some(reason) = unavailable_reason(&error) {
        return StoreError::Unavailable { reason: reason.to_owned(), source: Some(Box::new(error)) };
    }
    match &error {
        sqlx::Error::Database(database) if sqlite_code(&error) == Some(code::CONSTRAINT) => {
            // The message names the constraint's columns, never their values.
            let what = database.message().rsplit(": ").next().unwrap_or("a constraint").to_owned();
            StoreError::Conflict { what }
        }
        _ => StoreError::Refused { source: Box::new(error) },
    }
}

fn unavailable_reason(error: &sqlx::Error) -> Option<&'static str> {
    match error {
        sqlx::Error::PoolTimedOut => return Some("every connection is in use"),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => return Some("the store is closed"),
        sqlx::Error::Io(_) => return Some("the database file cannot be reached"),
        _ => {}
    }
    Some(match sqlite_code(error)? {
        code::BUSY | code::LOCKED => "the database is locked by another process",
        code::FULL => "the disk is full",
        code::IO => "the disk fails to read or write",
        code::CANNOT_OPEN => "the database file cannot be opened",
        code::READ_ONLY | code::PERMISSION => "the database file may not be written to",
        code::NO_MEMORY => "there is not enough memory",
        code::CORRUPT => "the database file is damaged: restore it from a backup",
        code::NOT_A_DATABASE => "the database file is not a database any more: restore it from a backup",
        _ => return None,
    })
}
