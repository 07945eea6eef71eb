//! Senders and the pools that group them, outside of transactions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{PhoneNumber, SenderId, SenderState, WorkspaceId};
use paceline_store::senders::{PoolView, Sender};

use crate::{
    Fallible, columns,
    locks::Locked,
    rows::{SenderReads, SenderRow, SenderSettingRows},
    statements::{Reading, Statement, Value, Writing, find, list},
};

const SET_SETTINGS: &str =
    "UPDATE senders SET name = coalesce($2, name), profile = coalesce($3, profile) WHERE id = $1";
const SET_STATE: &str = "UPDATE senders SET state = $2 WHERE id = $1";

/// The texts.
#[derive(Debug)]
pub struct SenderTexts {
    /// A sender of a workspace: id, workspace.
    pub find: &'static str,
    /// The sender of a workspace that has a number: workspace, phone.
    pub find_by_phone: &'static str,
    /// The senders of a workspace: workspace, after which (two values), how many.
    pub list: &'static str,
    /// The pools of a workspace: workspace.
    pub list_pools: &'static str,
}

#[async_trait]
impl<X: Writing> SenderSettingRows for X {
    async fn set_sender_settings(
        &mut self,
        sender: &Locked<SenderRow>,
        name: Option<&str>,
        profile: Option<&str>,
    ) -> Fallible<()> {
        self.run(X::bound(Statement::new(SET_SETTINGS).with(sender.id).with(name).with(profile))).await
    }

    async fn set_sender_state(&mut self, sender: &Locked<SenderRow>, state: SenderState) -> Fallible<()> {
        self.run(X::bound(Statement::new(SET_STATE).with(sender.id).with(state.as_str()))).await
    }
}

#[async_trait]
impl<D: Reading> SenderReads for D {
    async fn find_sender(&self, workspace: WorkspaceId, sender: SenderId) -> Fallible<Option<Sender>> {
        find(self, Statement::new(D::TEXTS.senders.find).with(sender).with(workspace), columns::sender).await
    }

    async fn find_sender_by_phone(&self, workspace: WorkspaceId, phone: &PhoneNumber) -> Fallible<Option<Sender>> {
        let statement = Statement::new(D::TEXTS.senders.find_by_phone).with(workspace).with(phone.as_e164());
        find(self, statement, columns::sender).await
    }

    async fn list_senders(
        &self,
        workspace: WorkspaceId,
        after: Option<(DateTime<Utc>, SenderId)>,
        limit: u32,
    ) -> Fallible<Vec<Sender>> {
        let after = Value::After(after.map(|(at, id)| (at, id.to_bytes())));
        let page = Statement::new(D::TEXTS.senders.list).with(workspace).with(after).with(limit);
        list(self, page, columns::sender).await
    }

    async fn list_pools(&self, workspace: WorkspaceId) -> Fallible<Vec<PoolView>> {
        list(self, Statement::new(D::TEXTS.senders.list_pools).with(workspace), columns::pool).await
    }
}
