//! Dead letters, outside of transactions.

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::dead_letters::{DeadLetter, DeadLetterFilter};

use crate::{
    Fallible, Fault, columns,
    locks::Locked,
    rows::{DeadLetterReads, DeadLetterRow, ReplayRows},
    statements::{Reading, Statement, Writing, list},
};

/// The texts. What is nobody's is seen by everyone.
#[derive(Debug)]
pub struct DeadLetterTexts {
    /// Notes that one was replayed now, and returns it: its row.
    pub note_replayed: &'static str,
    /// All: workspace, after which, how many.
    pub list: &'static str,
    /// Those that are not replayed: the same.
    pub list_waiting: &'static str,
}

#[async_trait]
impl<X: Writing> ReplayRows for X {
    async fn note_replayed(&mut self, letter: &Locked<DeadLetterRow>) -> Fallible<DeadLetter> {
        let note = Statement::new(X::TEXTS.dead_letters.note_replayed).with(letter.seq);
        let noted = self.find(X::bound(note), columns::dead_letter).await?;
        Ok(noted.ok_or_else(|| Fault::missing("dead_letters", letter.letter.id))?.letter)
    }
}

#[async_trait]
impl<D: Reading> DeadLetterReads for D {
    async fn list_dead_letters(
        &self,
        workspace: WorkspaceId,
        filter: DeadLetterFilter,
        after: i64,
        limit: u32,
    ) -> Fallible<Vec<DeadLetterRow>> {
        let text = match filter {
            DeadLetterFilter::Waiting => D::TEXTS.dead_letters.list_waiting,
            DeadLetterFilter::All => D::TEXTS.dead_letters.list,
        };
        list(self, Statement::new(text).with(workspace).with(after).with(limit), columns::dead_letter).await
    }
}
