//! What went wrong, in the port's words.
//!
//! An operator reads the reasons, so they say what to do and never quote a row.

pub(crate) use paceline_ledger::unavailable;
use paceline_ledger::{Fault, Then};
use paceline_store::StoreError;

/// A driver's error, and what follows from it.
pub(crate) fn fault(error: sqlx::Error) -> Fault {
    let then = what_follows(&error);
    Fault { error: store_error(error), then }
}

/// Why a value is refused that no `text` can hold.
#[derive(Debug, thiserror::Error)]
#[error("a text holds a character that PostgreSQL cannot store, such as NUL")]
struct Unstorable;

/// The SQLSTATE of an error that comes from the server.
pub(crate) fn sql_state(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// A driver's error in the port's words.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    if let Some(reason) = unavailable_reason(&error) {
        return StoreError::Unavailable { reason: reason.to_owned(), source: Some(Box::new(error)) };
    }
    match sql_state(&error).as_deref() {
        Some(state::DEADLOCK | state::NOT_SERIALIZABLE) => {
            StoreError::Conflict { what: "rows that another transaction was changing".to_owned() }
        }
        Some(state::UNIQUE) => {
            let named = error.as_database_error().and_then(|error| error.constraint());
            StoreError::Conflict { what: named.unwrap_or("a constraint").to_owned() }
        }
        // The driver's error quotes the bytes.
        Some(state::NOT_IN_ENCODING | state::UNTRANSLATABLE) => StoreError::Refused { source: Box::new(Unstorable) },
        _ => StoreError::Refused { source: Box::new(error) },
    }
}

fn what_follows(error: &sqlx::Error) -> Then {
    let Some(state) = sql_state(error) else { return Then::Close };
    match state.as_str() {
        state::DEADLOCK | state::NOT_SERIALIZABLE => Then::Repeat,
        // A standby that once was the primary: the name may lead to the new primary by now.
        state::READ_ONLY | state::IDLE_IN_TRANSACTION => Then::Close,
        state if state.starts_with("57P") || state.starts_with("08") => Then::Close,
        _ => Then::RollBack,
    }
}

/// SQLSTATEs, as named by appendix A of PostgreSQL's manual.
pub(crate) mod state {
    pub(crate) const PROTOCOL_VIOLATION: &str = "08P01";
    pub(crate) const NOT_IN_ENCODING: &str = "22021";
    pub(crate) const UNTRANSLATABLE: &str = "22P05";
    pub(crate) const UNIQUE: &str = "23505";
    pub(crate) const READ_ONLY: &str = "25006";
    pub(crate) const IDLE_IN_TRANSACTION: &str = "25P03";
    pub(crate) const NO_SUCH_STATEMENT: &str = "26000";
    pub(crate) const NO_SUCH_DATABASE: &str = "3D000";
    pub(crate) const NOT_SERIALIZABLE: &str = "40001";
    pub(crate) const DEADLOCK: &str = "40P01";
    pub(crate) const NO_RIGHT: &str = "42501";
    pub(crate) const STATEMENT_EXISTS: &str = "42P05";
    pub(crate) const DISK_FULL: &str = "53100";
    pub(crate) const OUT_OF_MEMORY: &str = "53200";
    pub(crate) const TOO_MANY_CONNECTIONS: &str = "53300";
    pub(crate) const LOCKED: &str = "55P03";
    pub(crate) const CANCELLED: &str = "57014";
    pub(crate) const SHUT_DOWN: &str = "57P01";
    pub(crate) const CRASHED: &str = "57P02";
    pub(crate) const STARTING: &str = "57P03";
}

/// What to tell the operator about an error that may pass without a change to Paceline.
pub(crate) fn unavailable_reason(error: &sqlx::Error) -> Option<&'static str> {
    match error {
        sqlx::Error::PoolTimedOut => return Some("every connection of this process is in use"),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => return Some("the store is closed"),
        sqlx::Error::Io(_) => return Some("the database cannot be reached, or the connection to it broke"),
        sqlx::Error::Tls(_) => {
            return Some("no encrypted connection to the database can be made: see sslmode and sslrootcert");
        }
        sqlx::Error::Protocol(_) => {
            return Some("the connection to the database broke, or what answers is not PostgreSQL");
        }
        _ => {}
    }
    let state = sql_state(error)?;
    Some(match state.as_str() {
        state::SHUT_DOWN | state::CRASHED => "the database is shutting down",
        state::STARTING => "the database is starting, or not yet open for connections",
        state::TOO_MANY_CONNECTIONS => {
            "the server has no connection left: lower the connections of each process, or raise its max_connections"
        }
        state::DISK_FULL => "the disk of the database is full",
        state::OUT_OF_MEMORY => "the server of the database is out of memory",
        state::READ_ONLY => "the database takes no writes: it is a standby, or set to read only",
        state::LOCKED => "a lock was not to be had in time: another transaction holds it",
        state::CANCELLED => "a statement took longer than the statement timeout, or was cancelled",
        state::NO_RIGHT => "the database's user lacks a right that Paceline needs",
        state::NO_SUCH_DATABASE => "the server has no such database",
        state::NO_SUCH_STATEMENT | state::STATEMENT_EXISTS => {
            "a connection pooler stands before the database: let statements be sent unnamed"
        }
        state::PROTOCOL_VIOLATION => {
            "what stands before the database refuses the connection: see the log of the connection pooler, and let \
             statements be sent unnamed"
        }
        state if state.starts_with("28") => "the database refuses this user or its password",
        state if state.starts_with("08") => "the connection to the database broke",
        state if state.starts_with("53") => "the server of the database lacks resources",
        state if state.starts_with("57P") => "the database closed the connection",
        state if state.starts_with("58") => "the server of the database fails to read or write its files",
        state if state.starts_with("XX") => "the database is damaged, or has a defect: see its log",
        _ => return None,
    })
}
