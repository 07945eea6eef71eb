//! Idempotency keys. A row without an answer is a claim, good until `claimed_until`.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::WorkspaceId;
use paceline_ledger::{Fallible, rows::IdempotencyRows};
use paceline_store::idempotency::RecordedResponse;

use super::Tables;

/// A key.
#[derive(Debug, Clone)]
pub(super) struct KeyEntry {
    pub(super) claimed_until: DateTime<Utc>,
    pub(super) answer: Option<RecordedResponse>,
    pub(super) recorded_at: DateTime<Utc>,
}

#[async_trait]
impl IdempotencyRows for Tables {
    async fn claim_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<bool> {
        let place = (workspace, key.to_owned());
        let known = self.idempotency_keys.get(&place);
        let is_free = known.is_none_or(|known| known.answer.is_none() && known.claimed_until <= self.now);
        if is_free {
            let entry = KeyEntry { claimed_until: self.after(ttl), answer: None, recorded_at: self.now };
            self.idempotency_keys.put(place, entry);
        }
        Ok(is_free)
    }

    async fn find_response(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<Option<RecordedResponse>> {
        Ok(self.idempotency_keys.get(&(workspace, key.to_owned())).and_then(|known| known.answer.clone()))
    }

    async fn renew_idempotency_key(&mut self, workspace: WorkspaceId, key: &str, ttl: Duration) -> Fallible<()> {
        let until = self.after(ttl);
        let known = self.idempotency_keys.edit(&(workspace, key.to_owned()));
        if let Some(known) = known.filter(|known| known.answer.is_none()) {
            known.claimed_until = until;
        }
        Ok(())
    }

    async fn record_response(
        &mut self,
        workspace: WorkspaceId,
        key: &str,
        response: &RecordedResponse,
    ) -> Fallible<()> {
        let place = (workspace, key.to_owned());
        let known = self.idempotency_keys.get(&place);
        if known.is_none_or(|known| known.answer.is_none()) {
            let claimed_until = known.map_or(DateTime::UNIX_EPOCH, |known| known.claimed_until);
            let answer = Some(response.clone());
            self.idempotency_keys.put(place, KeyEntry { claimed_until, answer, recorded_at: self.now });
        }
        Ok(())
    }

    async fn void_idempotency_claims(&mut self) -> Fallible<u64> {
        let unanswered = self.idempotency_keys.iter().filter(|(_, known)| known.answer.is_none());
        let unanswered: Vec<_> = unanswered.map(|(place, _)| place.clone()).collect();
        Ok(self.idempotency_keys.remove_all(unanswered))
    }

    async fn release_idempotency_key(&mut self, workspace: WorkspaceId, key: &str) -> Fallible<()> {
        let place = (workspace, key.to_owned());
        if self.idempotency_keys.get(&place).is_some_and(|known| known.answer.is_none()) {
            self.idempotency_keys.remove(&place);
        }
        Ok(())
    }
}
