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

/// Every migration of a dialect, given its folder's name: number, what it does, statements. For a file in `src` of a crate beside this one.
#[macro_export]
macro_rules! migrations {
    ($dialect:literal) => {
        &[
            (1, "first schema", include_str!(concat!("../../../migrations/", $dialect, "/0001_first_schema.sql"))),
            (2, "fleet", include_str!(concat!("../../../migrations/", $dialect, "/0002_fleet.sql"))),
            (
                3,
                "unknown outcomes and dead letters",
                include_str!(concat!("../../../migrations/", $dialect, "/0003_unknown_outcomes_and_dead_letters.sql")),
            ),
            (
                4,
                "webhook endpoints that do not answer",
                include_str!(concat!(
                    "../../../migrations/",
                    $dialect,
                    "/0004_webhook_endpoints_that_do_not_answer.sql"
                )),
            ),
            (
                5,
                "lists and releases by sequence",
                include_str!(concat!("../../../migrations/", $dialect, "/0005_lists_and_releases_by_sequence.sql")),
            ),
            (
                6,
                "uploads and their holders",
                include_str!(concat!("../../../migrations/", $dialect, "/0006_uploads_and_their_holders.sql")),
            ),
            (7, "the first key", include_str!(concat!("../../../migrations/", $dialect, "/0007_the_first_key.sql"))),
            (
                8,
                "swept campaigns",
                include_str!(concat!("../../../migrations/", $dialect, "/0008_swept_campaigns.sql")),
            ),
            (9, "sign ins", include_str!(concat!("../../../migrations/", $dialect, "/0009_sign_ins.sql"))),
        ]
    };
}
