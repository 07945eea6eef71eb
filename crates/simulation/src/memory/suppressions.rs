//! Suppressions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{AddressHash, SuppressionId, SuppressionScope, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::Line,
    rows::{SuppressionReads, SuppressionRows},
};
use paceline_store::suppressions::Suppression;

use super::{Memory, Tables};

#[async_trait]
impl SuppressionRows for Tables {
    async fn list_suppressions(&mut self, people: &[(WorkspaceId, AddressHash)]) -> Fallible<Vec<Suppression>> {
        Ok(people.iter().filter_map(|person| self.suppressions.get(person)).cloned().collect())
    }

    async fn add_suppressions(&mut self, suppressions: &[Suppression]) -> Fallible<()> {
        // Not held against the order: nobody else writes behind these gates, so that there is nobody to wait for.
        for new in suppressions {
            if !self.suppressions.add((new.workspace, new.hash), new.clone()) {
                return Err(Fault::conflict("suppressions"));
            }
        }
        Ok(())
    }

    async fn set_scope(&mut self, people: &[(WorkspaceId, AddressHash)], scope: SuppressionScope) -> Fallible<()> {
        for person in people {
            if let Some(known) = self.suppressions.edit(person) {
                known.scope = scope;
            }
        }
        Ok(())
    }

    async fn remove_suppression(&mut self, workspace: WorkspaceId, suppression: SuppressionId) -> Fallible<bool> {
        self.wait_for(Line::Suppressions);
        let mut known = self.suppressions.iter();
        let found = known.find(|(_, known)| known.workspace == workspace && known.id == suppression);
        let person = found.map(|(person, _)| *person);
        Ok(person.is_some_and(|person| self.suppressions.remove(&person)))
    }
}

#[async_trait]
impl SuppressionReads for Memory {
    async fn list_suppressions(
        &self,
        workspace: WorkspaceId,
        after: Option<(DateTime<Utc>, SuppressionId)>,
        limit: u32,
    ) -> Fallible<Vec<Suppression>> {
        let tables = self.read().await?;
        let theirs = tables.suppressions.values().filter(|known| known.workspace == workspace);
        let mut found: Vec<_> =
            theirs.filter(|known| after.is_none_or(|after| (known.since, known.id) > after)).collect();
        found.sort_unstable_by_key(|known| (known.since, known.id));
        Ok(found.into_iter().take(limit as usize).cloned().collect())
    }

    async fn find_suppressions(&self, workspace: WorkspaceId, people: &[AddressHash]) -> Fallible<Vec<Suppression>> {
        let tables = self.read().await?;
        let found = people.iter().filter_map(|person| tables.suppressions.get(&(workspace, *person)));
        Ok(found.cloned().collect())
    }
}
