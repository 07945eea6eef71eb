//! What can go wrong in a store, by what the caller can do about it.

/// The result of a store method.
pub type StoreResult<T> = Result<T, StoreError>;

/// What can go wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is locked, or its disk is full. Nothing was changed; try again later.
    #[error("the database is unavailable: {reason}")]
    Unavailable {
        /// What to tell the operator, without any value of a row.
        reason: String,
        /// The driver's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Another transaction got there first. Nothing was changed; read again and decide.
    #[error("conflict on {what}")]
    Conflict {
        /// The table or the constraint.
        what: String,
    },
    /// A row holds what no version of Paceline writes.
    #[error("corrupt data in {table}.{column}, row {row}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id, or its number.
        row: String,
    },
    /// A statement that the database refuses: a defect of the adapter, or a schema that something else changed.
    #[error("the database refused a statement")]
    Refused {
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without anyone changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Conflict { .. })
    }
}
