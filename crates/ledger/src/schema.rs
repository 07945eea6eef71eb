//! Why a database's schema does not suit this binary.

/// Why a database's schema does not suit this binary. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The database was written by a newer Paceline.
    #[error("the database needs at least schema {needed}, this binary knows {known}: use a newer paceline")]
    Newer {
        /// The newest migration that a binary must know.
        needed: i64,
        /// The newest one that this binary knows.
        known: i64,
    },
    /// A migration was applied in another form than this binary has it.
    #[error(
        "migration {number} was applied in another form than this binary has it: was it built from changed sources?"
    )]
    MigrationChanged {
        /// The migration.
        number: i64,
    },
}
