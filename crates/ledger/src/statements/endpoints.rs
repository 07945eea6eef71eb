//! Webhook endpoints, and their deliveries as a person sees them.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_store::endpoints::{Delivery, Endpoint};

use crate::{
    Fallible, columns,
    locks::Locked,
    rows::{EndpointReads, EndpointRows, StandingRow, StandingWrite},
    statements::{Reading, Statement, Value, Writing, list},
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
    /// How endpoints have answered of late: ids, patience.
    pub list_standings: &'static str,
    /// The same, locked, by id.
    pub lock_standings: &'static str,
    /// Notes that an endpoint answers: id.
    pub set_well: &'static str,
    /// Notes that it does not: id.
    pub set_failing: &'static str,
    /// Switches an endpoint off: id, why.
    pub disable: &'static str,
    /// Switches an endpoint on: id.
    pub enable: &'static str,
    /// Removes an endpoint: id.
    pub remove: &'static str,
    /// Notes that an endpoint was removed: id, workspace.
    pub note_removed: &'static str,
    /// Gives up what waits for endpoints that are switched off: why, how many.
    pub end_of_disabled: &'static str,
    /// Removes what waits for endpoints that were removed: how many.
    pub remove_of_removed: &'static str,
    /// Forgets the removed endpoints for which nothing waits.
    pub forget_removed: &'static str,
    /// Lets a delivery begin again: id, endpoint, workspace.
    pub redeliver: &'static str,
    /// A delivery: id.
    pub find_delivery: &'static str,
    /// The endpoints of a workspace: workspace.
    pub list: &'static str,
    /// Whether there is an endpoint: id, workspace.
    pub exists: &'static str,
    /// Whether any endpoint is switched off, or was removed.
    pub has_any_to_end: &'static str,
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

    async fn list_standings(&mut self, endpoints: &[EndpointId], patience: Duration) -> Fallible<Vec<StandingRow>> {
        let ids = Value::ids(endpoints.iter().copied());
        let list = Statement::new(X::TEXTS.endpoints.list_standings).with(ids).with(patience);
        self.list(X::bound(list), columns::standing).await
    }

    async fn lock_standings(
        &mut self,
        endpoints: &[EndpointId],
        patience: Duration,
    ) -> Fallible<Vec<Locked<StandingRow>>> {
        let ids = Value::ids(endpoints.iter().copied());
        let lock = Statement::new(X::TEXTS.endpoints.lock_standings).with(ids).with(patience);
        self.lock(X::bound(lock), columns::standing).await
    }

    async fn set_standing(&mut self, endpoint: &Locked<StandingRow>, standing: StandingWrite) -> Fallible<()> {
        let texts = &X::TEXTS.endpoints;
        let set = match standing {
            StandingWrite::Well => Statement::new(texts.set_well).with(endpoint.id),
            StandingWrite::Failing => Statement::new(texts.set_failing).with(endpoint.id),
            StandingWrite::Disabled(why) => Statement::new(texts.disable).with(endpoint.id).with(why.as_str()),
        };
        self.run(X::bound(set)).await
    }

    async fn enable_endpoint(&mut self, endpoint: &Locked<StandingRow>) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.endpoints.enable).with(endpoint.id))).await
    }

    async fn remove_endpoint(&mut self, endpoint: &Locked<StandingRow>) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.endpoints.remove).with(endpoint.id))).await?;
        let note = Statement::new(X::TEXTS.endpoints.note_removed).with(endpoint.id).with(endpoint.workspace);
        self.run(X::bound(note)).await
    }

    async fn end_deliveries_of_disabled(&mut self, why: &str, limit: u32) -> Fallible<u64> {
        self.execute(X::bound(Statement::new(X::TEXTS.endpoints.end_of_disabled).with(why).with(limit))).await
    }

    async fn remove_deliveries_of_removed(&mut self, limit: u32) -> Fallible<u64> {
        self.execute(X::bound(Statement::new(X::TEXTS.endpoints.remove_of_removed).with(limit))).await
    }

    async fn forget_removed_endpoints(&mut self) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.endpoints.forget_removed))).await
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

    async fn has_endpoints_to_end(&self) -> Fallible<bool> {
        Ok(self.row(Statement::new(D::TEXTS.endpoints.has_any_to_end)).await?.is_some())
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
