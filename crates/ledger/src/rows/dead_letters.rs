//! Dead letters.

use async_trait::async_trait;
use paceline_domain::{DeadLetterId, WorkspaceId};
use paceline_store::dead_letters::{DeadLetter, DeadLetterFilter, NewDeadLetter};

use crate::{Fallible, locks::Locked};

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// The row.
    pub seq: i64,
    /// The letter.
    pub letter: DeadLetter,
}

/// Statements of a transaction. A letter of no workspace is everybody's.
#[async_trait]
pub trait DeadLetterRows {
    /// Adds letters, unless one with the same digest is there; the workspace is that of the letter's sender. Answers how many were added.
    async fn add_dead_letters(&mut self, letters: &[NewDeadLetter]) -> Fallible<u64>;

    /// Locks a letter of a workspace.
    async fn lock_dead_letter(
        &mut self,
        workspace: WorkspaceId,
        letter: DeadLetterId,
    ) -> Fallible<Option<Locked<DeadLetterRow>>>;
}

/// What is done with a dead letter, in a transaction.
#[async_trait]
pub trait ReplayRows {
    /// Notes that a letter was replayed now. Answers the letter.
    async fn note_replayed(&mut self, letter: &Locked<DeadLetterRow>) -> Fallible<DeadLetter>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait DeadLetterReads {
    /// The letters of a workspace, the oldest first, after a row.
    async fn list_dead_letters(
        &self,
        workspace: WorkspaceId,
        filter: DeadLetterFilter,
        after: i64,
        limit: u32,
    ) -> Fallible<Vec<DeadLetterRow>>;
}
