//! Webhook endpoints, and their deliveries as a person sees them.

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_store::endpoints::{Delivery, Endpoint};

use crate::{
    Fallible, columns,
    rows::{EndpointReads, EndpointRows},
    statements::{Reading, Statement, Writing, list},
};

/// The texts.
#[derive(Debug)]
pub struct EndpointTexts {
    /// Adds an endpoint unless it is there: id, workspace, address, events as JSON, secret, when.
    pub add: &'static str,
    /// An endpoint: id.
    pub find: &'static str,
    /// Locks the endpoints of a workspace, where that is needed: workspace.
    pub lock: Option<&'static str>,
    /// Removes an endpoint: id, workspace.
    pub remove: &'static str,
    /// Removes the deliveries of an endpoint that wait: endpoint.
    pub remove_waiting: &'static str,
    /// Lets a delivery begin again: id, endpoint, workspace.
    pub redeliver: &'static str,
    /// A delivery: id.
    pub find_delivery: &'static str,
    /// The endpoints of a workspace: workspace.
    pub list: &'static str,
    /// Whether there is an endpoint: id, workspace.
    pub exists: &'static str,
    /// The deliveries of an endpoint: endpoint, before which, how many.
    pub list_deliveries: &'static str,
}

#[async_trait]
impl<X: Writing> EndpointRows for X {
    async fn add_endpoint(&mut self, endpoint: &Endpoint) -> Fallible<()> {
        let add = Statement::new(X::TEXTS.endpoints.add)
            .with(endpoint.id)
            .with(endpoint.workspace)
            .with(endpoint.url.as_str())
            .with(serde_json::json!(endpoint.events).to_string())
            .with(endpoint.secret.as_str())
            .with(endpoint.created_at);
        self.run(X::bound(add)).await
    }

    async fn find_endpoint(&mut self, endpoint: EndpointId) -> Fallible<Option<Endpoint>> {
        self.find(X::bound(Statement::new(X::TEXTS.endpoints.find).with(endpoint)), columns::endpoint).await
    }

    async fn lock_endpoints(&mut self, workspace: WorkspaceId) -> Fallible<()> {
        match X::TEXTS.endpoints.lock {
            Some(text) => self.run(X::bound(Statement::new(text).with(workspace))).await,
            None => Ok(()),
        }
    }

    async fn remove_endpoint(&mut self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        Ok(self.execute(X::bound(Statement::new(X::TEXTS.endpoints.remove).with(endpoint).with(workspace))).await? > 0)
    }

    async fn remove_waiting_deliveries(&mut self, endpoint: EndpointId) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.endpoints.remove_waiting).with(endpoint))).await
    }

    async fn redeliver(
        &mut self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Fallible<bool> {
        let again = Statement::new(X::TEXTS.endpoints.redeliver).with(delivery).with(endpoint).with(workspace);
        Ok(self.execute(X::bound(again)).await? > 0)
    }

    async fn find_delivery(&mut self, delivery: DeliveryId) -> Fallible<Option<Delivery>> {
        self.find(X::bound(Statement::new(X::TEXTS.endpoints.find_delivery).with(delivery)), columns::delivery).await
    }
}

#[async_trait]
impl<D: Reading> EndpointReads for D {
    async fn list_endpoints(&self, workspace: WorkspaceId) -> Fallible<Vec<Endpoint>> {
        list(self, Statement::new(D::TEXTS.endpoints.list).with(workspace), columns::endpoint).await
    }

    async fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        Ok(self.row(Statement::new(D::TEXTS.endpoints.exists).with(endpoint).with(workspace)).await?.is_some())
    }

    async fn list_deliveries(
        &self,
        endpoint: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Fallible<Vec<(i64, Delivery)>> {
        let page = Statement::new(D::TEXTS.endpoints.list_deliveries).with(endpoint);
        list(self, page.with(before.unwrap_or(i64::MAX)).with(limit), columns::numbered_delivery).await
    }
}
