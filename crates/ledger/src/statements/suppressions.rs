//! Suppressions, outside of transactions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{AddressHash, SuppressionId, WorkspaceId};
use paceline_store::suppressions::Suppression;

use crate::{
    Fallible, columns,
    rows::SuppressionReads,
    statements::{Reading, Statement, Value, list},
};

/// The texts.
#[derive(Debug)]
pub struct SuppressionTexts {
    /// The suppressions of a workspace: workspace, after which (two values), how many.
    pub list: &'static str,
    /// The suppressions of people: people of a workspace (two values).
    pub find: &'static str,
}

#[async_trait]
impl<D: Reading> SuppressionReads for D {
    async fn list_suppressions(
        &self,
        workspace: WorkspaceId,
        after: Option<(DateTime<Utc>, SuppressionId)>,
        limit: u32,
    ) -> Fallible<Vec<Suppression>> {
        let after = Value::After(after.map(|(since, id)| (since, id.to_bytes())));
        let page = Statement::new(D::TEXTS.suppressions.list).with(workspace).with(after).with(limit);
        list(self, page, columns::suppression).await
    }

    async fn find_suppressions(&self, workspace: WorkspaceId, people: &[AddressHash]) -> Fallible<Vec<Suppression>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let find = Statement::new(D::TEXTS.suppressions.find).with(Value::People(workspace, people));
        list(self, find, columns::suppression).await
    }
}
