//! Messages: transactional sends, and the story of any message.

use async_trait::async_trait;
use paceline_domain::{MessageId, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    idempotency::{Once, OnceOutcome},
    messages::{Message, MessageAcceptance, MessageFilter, MessageStore, MessageStory, NewMessage},
};

use crate::{Database, Ledger, cursor::Cursor};

mod create;
mod list;

#[async_trait]
impl<D: Database> MessageStore for Ledger<D> {
    async fn create_message(&self, message: NewMessage) -> StoreResult<MessageAcceptance> {
        self.write(move |tx| Box::pin(async move { create::create(tx, &message).await })).await
    }

    async fn create_message_once(
        &self,
        message: NewMessage,
        once: Once<MessageAcceptance>,
    ) -> StoreResult<OnceOutcome<MessageAcceptance>> {
        self.write(move |tx| Box::pin(async move { create::create_once(tx, &message, &once).await })).await
    }

    /// The attempts are read after the message: they may be newer than it, never older.
    async fn find_message(&self, workspace: WorkspaceId, message: MessageId) -> StoreResult<Option<MessageStory>> {
        let Some((view, campaign_state)) = self.database.find_message(workspace, message).await? else {
            return Ok(None);
        };
        let attempts = self.database.list_attempts(message).await?;
        let resolutions = self.database.list_resolutions(message).await?;
        Ok(Some(MessageStory { message: view, attempts, resolutions, campaign_state }))
    }

    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        page: PageRequest,
    ) -> StoreResult<Page<Message>> {
        let cursor = Cursor::<i64>::read(&page)?;
        Ok(list::page(&self.database, workspace, filter, &cursor).await?)
    }
}
