//! Webhook deliveries, as their dispatcher sees them. A claim is a token and a time; its holder shows the token when it records the
//! outcome.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Deref,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeliveryId, EndpointId, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{DeliveryReads, DeliveryRows, DeliveryWrite, HeldDeliveryRow, TryWrite},
};
use paceline_store::{deliveries::ClaimedDelivery, endpoints::DeliveryState};

use super::{
    Memory, Tables,
    table::{Table, Undo},
};

/// A delivery.
#[derive(Debug, Clone)]
pub(super) struct DeliveryEntry {
    pub(super) id: DeliveryId,
    workspace: WorkspaceId,
    pub(super) endpoint: EndpointId,
    pub(super) event_seq: i64,
    pub(super) state: DeliveryState,
    pub(super) attempts: i32,
    pub(super) token: i64,
    pub(super) last_status: Option<u16>,
    pub(super) last_error: Option<String>,
    /// When it is tried next; for a claimed one, when the claim runs out. `None` once it is finished.
    pub(super) next_at: Option<DateTime<Utc>>,
    pub(super) claimed_until: Option<DateTime<Utc>>,
    /// When it was finished.
    pub(super) recorded_at: Option<DateTime<Utc>>,
}

/// The deliveries by row. Reading is that of the map.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    rows: Table<i64, DeliveryEntry>,
    by_id: Table<DeliveryId, i64>,
}

impl Deref for Deliveries {
    type Target = BTreeMap<i64, DeliveryEntry>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl Undo for Deliveries {
    fn keep(&mut self) {
        self.rows.keep();
        self.by_id.keep();
    }

    fn undo(&mut self) {
        self.rows.undo();
        self.by_id.undo();
    }
}

impl Deliveries {
    /// Adds a delivery that is due.
    pub(super) fn add(&mut self, seq: i64, write: DeliveryWrite, now: DateTime<Utc>) {
        let DeliveryWrite { id, workspace, endpoint, event_seq } = write;
        let entry = DeliveryEntry {
            id,
            workspace,
            endpoint,
            event_seq,
            state: DeliveryState::Waiting,
            attempts: 0,
            token: 0,
            last_status: None,
            last_error: None,
            next_at: Some(now),
            claimed_until: None,
            recorded_at: None,
        };
        self.by_id.put(id, seq);
        self.rows.put(seq, entry);
    }

    /// A delivery with its row.
    pub(super) fn find(&self, id: DeliveryId) -> Option<(i64, &DeliveryEntry)> {
        let seq = self.by_id.get(&id)?;
        Some((*seq, self.rows.get(seq)?))
    }

    /// A delivery to change.
    pub(super) fn edit_by_id(&mut self, id: DeliveryId) -> Option<&mut DeliveryEntry> {
        let seq = self.by_id.get(&id)?;
        self.rows.edit(seq)
    }

    /// Removes deliveries. Answers how many.
    pub(super) fn remove_all(&mut self, seqs: &[i64]) -> u64 {
        let ids: Vec<DeliveryId> = seqs.iter().filter_map(|seq| self.rows.get(seq)).map(|entry| entry.id).collect();
        self.by_id.remove_all(ids);
        self.rows.remove_all(seqs.iter().copied())
    }
}

impl DeliveryEntry {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state == DeliveryState::Waiting && self.next_at.is_some_and(|at| at <= now)
    }
}

impl Tables {
    fn is_posted_to(&self, endpoint: EndpointId) -> bool {
        self.endpoints.get(&endpoint).is_some_and(|endpoint| endpoint.disabled.is_none())
    }

    /// What is due of each endpoint, as far as its share allows, the earliest due first.
    fn find_due_deliveries(&self, per_endpoint: u32) -> Vec<i64> {
        let mut held: HashMap<EndpointId, u32> = HashMap::new();
        let mut due = Vec::new();
        for (seq, entry) in self.deliveries.iter().filter(|(_, entry)| self.is_posted_to(entry.endpoint)) {
            if entry.claimed_until.is_some_and(|until| until > self.now) {
                *held.entry(entry.endpoint).or_default() += 1;
            }
            if entry.is_due(self.now) {
                due.push((entry.next_at, *seq, entry.endpoint));
            }
        }
        due.sort_unstable();
        due.retain(|(_, _, endpoint)| {
            let held = held.entry(*endpoint).or_default();
            *held += 1;
            *held <= per_endpoint
        });
        due.into_iter().map(|(_, seq, _)| seq).collect()
    }

    fn claimed(&self, entry: &DeliveryEntry) -> Fallible<ClaimedDelivery> {
        let endpoint = self.endpoints.get(&entry.endpoint);
        let endpoint = endpoint.ok_or_else(|| Fault::missing("webhook_endpoints", entry.endpoint))?;
        let event = self.events.get(&entry.event_seq).ok_or_else(|| Fault::missing("events", entry.event_seq))?;
        Ok(ClaimedDelivery {
            id: entry.id,
            token: entry.token,
            endpoint: entry.endpoint,
            url: endpoint.url.clone(),
            secret: endpoint.secret.clone(),
            event: event.id,
            kind: event.kind,
            at: event.at,
            data: event.data()?,
            attempts: entry.attempts,
        })
    }

    fn held(&self, (id, token): (DeliveryId, i64)) -> Option<Fallible<HeldDeliveryRow>> {
        let (seq, entry) = self.deliveries.find(id)?;
        let is_held = entry.token == token && entry.state == DeliveryState::Waiting && entry.claimed_until.is_some();
        let event = self.events.get(&entry.event_seq).ok_or_else(|| Fault::missing("events", entry.event_seq));
        is_held.then(|| {
            let event = event?;
            let DeliveryEntry { workspace, endpoint, attempts, .. } = *entry;
            Ok(HeldDeliveryRow { seq, id, workspace, endpoint, attempts, event: event.id, kind: event.kind })
        })
    }
}

#[async_trait]
impl DeliveryRows for Tables {
    async fn claim_deliveries(
        &mut self,
        limit: u32,
        per_endpoint: u32,
        hold: Duration,
    ) -> Fallible<Vec<ClaimedDelivery>> {
        let until = self.after(hold);
        let due = self.find_due_deliveries(per_endpoint);
        let mut claimed = Vec::new();
        for seq in due.into_iter().take(limit as usize) {
            if let Some(entry) = self.deliveries.rows.edit(&seq) {
                entry.token += 1;
                entry.claimed_until = Some(until);
                entry.next_at = Some(until);
            }
            if let Some(entry) = self.deliveries.get(&seq) {
                claimed.push(self.claimed(entry)?);
            }
        }
        Ok(claimed)
    }

    async fn lock_claimed_deliveries(
        &mut self,
        claims: &[(DeliveryId, i64)],
    ) -> Fallible<Vec<(usize, Locked<HeldDeliveryRow>)>> {
        self.wait_for(Line::Deliveries);
        let held = claims.iter().enumerate().filter_map(|(place, claim)| Some((place, self.held(*claim)?)));
        let held = held.map(|(place, held)| Ok((place, held?)));
        let mut held = held.collect::<Fallible<Vec<(usize, HeldDeliveryRow)>>>()?;
        held.sort_by_key(|(_, held)| held.id);
        Ok(held.into_iter().map(|(place, held)| (place, Locked::new(held))).collect())
    }

    async fn write_tries(&mut self, tries: &[TryWrite<'_>]) -> Fallible<()> {
        for write in tries {
            let (now, next_at) = (self.now, write.next_in.map(|next_in| self.after(next_in)));
            let Some(entry) = self.deliveries.rows.edit(&write.delivery.seq) else { continue };
            entry.state = write.state;
            entry.attempts += 1;
            entry.last_status = write.status;
            entry.last_error = write.error.map(ToOwned::to_owned);
            entry.claimed_until = None;
            entry.next_at = next_at;
            entry.recorded_at = next_at.is_none().then_some(now);
        }
        Ok(())
    }
}

#[async_trait]
impl DeliveryReads for Memory {
    async fn has_due_deliveries(&self) -> Fallible<bool> {
        let tables = self.read().await?;
        let mut deliveries = tables.deliveries.values();
        Ok(deliveries.any(|entry| entry.is_due(tables.now) && tables.is_posted_to(entry.endpoint)))
    }
}
