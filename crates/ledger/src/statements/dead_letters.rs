//! Dead letters, outside of transactions.

use async_trait::async_trait;
use paceline_domain::WorkspaceId;
use paceline_store::dead_letters::DeadLetterFilter;

use crate::{
    Fallible, columns,
    rows::{DeadLetterReads, DeadLetterRow},
    statements::{Reading, Statement, list},
};

/// The texts. What is nobody's is seen by everyone.
#[derive(Debug)]
pub struct DeadLetterTexts {
    /// All: workspace, after which, how many.
    pub list: &'static str,
    /// Those that are not replayed: the same.
    pub list_waiting: &'static str,
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
