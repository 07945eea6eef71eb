//! Webhook endpoints, and their deliveries as a person sees them.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{EndpointReads, EndpointRows, StandingRow, StandingWrite},
};
use paceline_store::endpoints::{Delivery, DeliveryState, Disabled, Endpoint};

use super::{Memory, Tables, deliveries::DeliveryEntry};

impl Tables {
    fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> bool {
        self.endpoints.get(&endpoint).is_some_and(|known| known.workspace == workspace)
    }

    fn standings(&self, endpoints: &[EndpointId], patience: Duration) -> Vec<StandingRow> {
        let before = self.before(patience);
        let theirs = self.endpoints.values().filter(|endpoint| endpoints.contains(&endpoint.id));
        let standing = |endpoint: &Endpoint| StandingRow {
            id: endpoint.id,
            workspace: endpoint.workspace,
            is_failing: endpoint.failing_since.is_some(),
            is_out_of_patience: endpoint.failing_since.is_some_and(|since| since <= before),
            is_disabled: endpoint.disabled.is_some(),
        };
        theirs.map(standing).collect()
    }

    fn is_disabled(&self, endpoint: EndpointId) -> bool {
        self.endpoints.get(&endpoint).is_some_and(|endpoint| endpoint.disabled.is_some())
    }

    /// What waits for endpoints of which that is so.
    fn waiting_for(&self, is_so: impl Fn(EndpointId) -> bool) -> impl Iterator<Item = &DeliveryEntry> {
        self.deliveries.values().filter(move |entry| entry.state == DeliveryState::Waiting && is_so(entry.endpoint))
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

    async fn list_standings(&mut self, endpoints: &[EndpointId], patience: Duration) -> Fallible<Vec<StandingRow>> {
        Ok(self.standings(endpoints, patience))
    }

    async fn lock_standings(
        &mut self,
        endpoints: &[EndpointId],
        patience: Duration,
    ) -> Fallible<Vec<Locked<StandingRow>>> {
        self.wait_for(Line::Standings);
        Ok(self.standings(endpoints, patience).into_iter().map(Locked::new).collect())
    }

    async fn set_standing(&mut self, endpoint: &Locked<StandingRow>, standing: StandingWrite) -> Fallible<()> {
        let now = self.now;
        let Some(entry) = self.endpoints.edit(&endpoint.id) else { return Ok(()) };
        match standing {
            StandingWrite::Well => entry.failing_since = None,
            StandingWrite::Failing => entry.failing_since = Some(now),
            StandingWrite::Disabled(reason) => entry.disabled = Some(Disabled { at: now, reason }),
        }
        Ok(())
    }

    async fn enable_endpoint(&mut self, endpoint: &Locked<StandingRow>) -> Fallible<()> {
        if let Some(entry) = self.endpoints.edit(&endpoint.id) {
            (entry.failing_since, entry.disabled) = (None, None);
        }
        Ok(())
    }

    async fn remove_endpoint(&mut self, endpoint: &Locked<StandingRow>) -> Fallible<()> {
        self.endpoints.remove(&endpoint.id);
        self.removed_endpoints.put(endpoint.id, ());
        Ok(())
    }

    async fn end_deliveries_of_disabled(&mut self, why: &str, limit: u32) -> Fallible<u64> {
        let waiting = self.waiting_for(|endpoint| self.is_disabled(endpoint)).map(|entry| entry.id);
        let ended: Vec<DeliveryId> = waiting.take(limit as usize).collect();
        for id in &ended {
            let now = self.now;
            let Some(entry) = self.deliveries.edit_by_id(*id) else { continue };
            entry.state = DeliveryState::Exhausted;
            entry.last_error = Some(why.to_owned());
            entry.token += 1;
            (entry.claimed_until, entry.next_at, entry.recorded_at) = (None, None, Some(now));
        }
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
    }

    async fn remove_deliveries_of_removed(&mut self, limit: u32) -> Fallible<u64> {
        let is_removed = |entry: &DeliveryEntry| self.removed_endpoints.contains_key(&entry.endpoint);
        let waiting =
            self.deliveries.iter().filter(|(_, entry)| entry.state == DeliveryState::Waiting && is_removed(entry));
        let waiting: Vec<i64> = waiting.map(|(seq, _)| *seq).take(limit as usize).collect();
        Ok(self.deliveries.remove_all(&waiting))
    }

    async fn forget_removed_endpoints(&mut self) -> Fallible<()> {
        let forgotten = self.removed_endpoints.keys().copied();
        let forgotten = forgotten.filter(|removed| self.waiting_for(|endpoint| endpoint == *removed).next().is_none());
        let forgotten: Vec<EndpointId> = forgotten.collect();
        self.removed_endpoints.remove_all(forgotten);
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
        let mut theirs: Vec<Endpoint> =
            tables.endpoints.values().filter(|endpoint| endpoint.workspace == workspace).cloned().collect();
        theirs.sort_by_key(|endpoint| (endpoint.created_at, endpoint.id));
        Ok(theirs)
    }

    async fn has_endpoint(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Fallible<bool> {
        Ok(self.read().await?.has_endpoint(workspace, endpoint))
    }

    async fn has_endpoints_to_end(&self) -> Fallible<bool> {
        let tables = self.read().await?;
        Ok(!tables.removed_endpoints.is_empty()
            || tables.waiting_for(|endpoint| tables.is_disabled(endpoint)).next().is_some())
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
