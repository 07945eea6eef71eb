//! Messages, outside of transactions.

use async_trait::async_trait;
use paceline_domain::{CampaignState, MessageId, MessageState, WorkspaceId};
use paceline_store::messages::{Message, MessageFilter};

use crate::{
    Fallible, columns,
    rows::MessageReads,
    statements::{Reading, Statement, Value, find, list},
};

/// The texts.
#[derive(Debug)]
pub struct MessageTexts {
    /// A message as others see it: id, workspace.
    pub find: &'static str,
    /// The messages of a workspace: workspace, after which, how many, campaign, state, sender. One text for each set of filters, so that
    /// each has the plan that suits it: campaign counts four, state two, sender one.
    pub list: [&'static str; 8],
}

#[async_trait]
impl<D: Reading> MessageReads for D {
    async fn find_message(
        &self,
        workspace: WorkspaceId,
        message: MessageId,
    ) -> Fallible<Option<(Message, Option<CampaignState>)>> {
        let statement = Statement::new(D::TEXTS.messages.find).with(message).with(workspace);
        find(self, statement, columns::message_and_campaign).await
    }

    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        after: Option<MessageId>,
        limit: u32,
    ) -> Fallible<Vec<Message>> {
        let filters = [(filter.campaign.is_some(), 4), (filter.state.is_some(), 2), (filter.sender.is_some(), 1)];
        let place: usize = filters.into_iter().filter(|(is_set, _)| *is_set).map(|(_, counts)| counts).sum();
        let page = Statement::new(D::TEXTS.messages.list[place])
            .with(workspace)
            .with(Value::AfterId(after.map(MessageId::to_bytes)))
            .with(limit)
            .with(filter.campaign)
            .with(filter.state.map(MessageState::as_str))
            .with(filter.sender);
        list(self, page, columns::message).await
    }
}
