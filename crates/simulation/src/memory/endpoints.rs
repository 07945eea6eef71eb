//! Webhook endpoints, and their deliveries as a person sees them.

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::Line,
    rows::{EndpointReads, EndpointRows},
};
use paceline_store::endpoints::{Delivery, DeliveryState, Endpoint};

use super::{Memory, Tables, deliveries::DeliveryEntry};

impl Tables {
    fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> bool {
        self.endpoints.get(&endpoint).is_some_and(|known| known.workspace == workspace)
    }

    /// A delivery as a person sees it.
    fn view_delivery(&self, entry: &DeliveryEntry) -> Fallible<Delivery> {
        let event = self.events.get(&entry.event_seq).ok_or_else(|| Fault::missing("events", entry.event_seq))?;
        Ok(Delivery {
            id: entry.id,
            endpoint: entry.endpoint,
            event: event.id,
            kind: event.kind,
            state: entry.state,
            attempts: entry.attempts,
            last_status: entry.last_status,
            last_error: entry.last_error.clone(),
            next_at: entry.next_at,
            created_at: event.at,
        })
    }
}

#[async_trait]
impl EndpointRows for Tables {
    async fn add_endpoint(&mut self, endpoint: &Endpoint) -> Fallible<()> {
        self.endpoints.add(endpoint.id, endpoint.clone());
        Ok(())
    }

    async fn find_endpoint(&mut self, endpoint: EndpointId) -> Fallible<Option<Endpoint>> {
        Ok(self.endpoints.get(&endpoint).cloned())
    }

    async fn lock_endpoints(&mut self, _workspace: WorkspaceId) -> Fallible<()> {
        self.wait_for(Line::Endpoints);
        Ok(())
    }

    async fn remove_endpoint(&mut self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        Ok(self.has_endpoint(workspace, endpoint) && self.endpoints.remove(&endpoint))
    }

    async fn remove_waiting_deliveries(&mut self, endpoint: EndpointId) -> Fallible<()> {
        let theirs = self.deliveries.iter().filter(|(_, entry)| entry.endpoint == endpoint);
        let waiting: Vec<i64> =
            theirs.filter(|(_, entry)| entry.state == DeliveryState::Waiting).map(|(seq, _)| *seq).collect();
        self.deliveries.remove_all(&waiting);
        Ok(())
    }

    async fn redeliver(
        &mut self,
        workspace: WorkspaceId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Fallible<bool> {
        self.wait_for(Line::Deliveries);
        let (now, has_endpoint) = (self.now, self.has_endpoint(workspace, endpoint));
        let Some(entry) =
            self.deliveries.edit_by_id(delivery).filter(|entry| has_endpoint && entry.endpoint == endpoint)
        else {
            return Ok(false);
        };
        entry.state = DeliveryState::Waiting;
        entry.attempts = 0;
        entry.token += 1;
        entry.claimed_until = None;
        entry.recorded_at = None;
        entry.next_at = Some(now);
        Ok(true)
    }

    async fn find_delivery(&mut self, delivery: DeliveryId) -> Fallible<Option<Delivery>> {
        self.deliveries.find(delivery).map(|(_, entry)| self.view_delivery(entry)).transpose()
    }
}

#[async_trait]
impl EndpointReads for Memory {
    async fn list_endpoints(&self, workspace: WorkspaceId) -> Fallible<Vec<Endpoint>> {
        let tables = self.read().await?;
        Ok(tables.endpoints.values().filter(|endpoint| endpoint.workspace == workspace).cloned().collect())
    }

    async fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        Ok(self.read().await?.has_endpoint(workspace, endpoint))
    }

    async fn list_deliveries(
        &self,
        endpoint: EndpointId,
        before: Option<i64>,
        limit: u32,
    ) -> Fallible<Vec<(i64, Delivery)>> {
        let tables = self.read().await?;
        let newest_first = tables.deliveries.range(..before.unwrap_or(i64::MAX)).rev();
        let theirs = newest_first.filter(|(_, entry)| entry.endpoint == endpoint);
        theirs.take(limit as usize).map(|(seq, entry)| Ok((*seq, tables.view_delivery(entry)?))).collect()
    }
}
