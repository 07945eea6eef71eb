//! What went wrong inside a transaction, and what follows for the transaction and its connection.

use paceline_store::StoreError;

/// The result of a step of a transaction.
pub type Fallible<T> = Result<T, Fault>;

/// What went wrong.
#[derive(Debug)]
pub struct Fault {
    /// What the caller is told.
    pub error: StoreError,
    /// What is done about the transaction.
    pub then: Then,
}

/// What is done about a transaction that met a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It is rolled back; its connection is good for others.
    RollBack,
    /// It lost against another: it is rolled back and run again.
    Repeat,
    /// The connection, or the whole database, is in doubt and used no more.
    Close,
}

impl Fault {
    /// Another transaction got there first, or what was asked for does not fit what is there.
    pub fn conflict(what: &'static str) -> Self {
        Self::from(StoreError::Conflict { what: what.to_owned() })
    }

    /// A row that must exist does not.
    #[expect(clippy::needless_pass_by_value, reason = "the ids that name rows are values")]
    pub fn missing(table: &'static str, row: impl ToString) -> Self {
        Self::from(StoreError::Corrupt { table, column: "id", row: row.to_string() })
    }
}

/// The database cannot be used at present.
pub fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable { reason: reason.to_owned(), source: None }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self { error, then: Then::RollBack }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        fault.error
    }
}
