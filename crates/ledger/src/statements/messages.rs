//! Messages, outside of transactions.

use async_trait::async_trait;
use paceline_domain::{CampaignState, MessageId, MessageState, WorkspaceId};
use paceline_store::messages::{Message, MessageFilter};

use crate::{
    Fallible, columns,
    rows::{MessageReads, Stretch},
    statements::{Reading, Statement, find, list},
};

/// The texts.
#[derive(Debug)]
pub struct MessageTexts {
    /// A message as others see it: id, workspace.
    pub find: &'static str,
    /// The messages of a workspace: workspace, after which row, up to which, workspace, how many, state, sender. One text for each set of
    /// filters, of which there are only those values: state counts two, sender one.
    pub list_of_workspace: [&'static str; 4],
    /// The same of a campaign: campaign first.
    pub list_of_campaign: [&'static str; 4],
    /// The row of a workspace's messages that comes so many after the next one: workspace, after which row, how many.
    pub reach_of_workspace: &'static str,
    /// The same of a campaign.
    pub reach_of_campaign: &'static str,
}

/// The statement of a text, begun with whose messages are meant.
fn of<'v>(workspace: WorkspaceId, filter: &MessageFilter, texts: (&'static str, &'static str)) -> Statement<'v> {
    match filter.campaign {
        Some(campaign) => Statement::new(texts.1).with(campaign),
        None => Statement::new(texts.0).with(workspace),
    }
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
        stretch: Stretch,
        limit: u32,
    ) -> Fallible<Vec<(i64, Message)>> {
        let filters = [(filter.state.is_some(), 2), (filter.sender.is_some(), 1)];
        let place: usize = filters.into_iter().filter(|(is_set, _)| *is_set).map(|(_, counts)| counts).sum();
        let texts = &D::TEXTS.messages;
        let mut page = of(workspace, &filter, (texts.list_of_workspace[place], texts.list_of_campaign[place]))
            .with(stretch.after)
            .with(stretch.through)
            .with(workspace)
            .with(limit);
        if let Some(state) = filter.state {
            page = page.with(MessageState::as_str(state));
        }
        if let Some(sender) = filter.sender {
            page = page.with(sender);
        }
        list(self, page, columns::numbered_message).await
    }

    async fn find_reach(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        after: i64,
        rows: u32,
    ) -> Fallible<Option<i64>> {
        let texts = (D::TEXTS.messages.reach_of_workspace, D::TEXTS.messages.reach_of_campaign);
        let reach = of(workspace, &filter, texts).with(after).with(rows.saturating_sub(1));
        find(self, reach, columns::number("messages", "seq")).await
    }
}
