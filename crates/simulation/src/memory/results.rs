//! Results: who reports, and the inbox that drops what comes twice.

use std::collections::{BTreeSet, HashSet};

use async_trait::async_trait;
use paceline_domain::{SenderId, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::Line,
    rows::{Reporter, ResultRows},
};

use super::Tables;

#[async_trait]
impl ResultRows for Tables {
    async fn list_reporters(&mut self, senders: &[SenderId]) -> Fallible<Vec<Reporter>> {
        let wanted: BTreeSet<&SenderId> = senders.iter().collect();
        let found = wanted.into_iter().filter_map(|sender| self.senders.get(sender));
        let reporter = |entry: &super::SenderEntry| {
            let (sender, workspace) = (entry.sender.id, entry.sender.workspace);
            let known = self.workspaces.get(&workspace).ok_or_else(|| Fault::missing("workspaces", workspace))?;
            Ok(Reporter { sender, workspace, key: known.key.clone() })
        };
        found.map(reporter).collect()
    }

    async fn enter_inbox(&mut self, results: &[([u8; 16], WorkspaceId)]) -> Fallible<HashSet<[u8; 16]>> {
        self.wait_for(Line::Inbox);
        let now = self.now;
        let mut entered = HashSet::new();
        for (id, _) in results {
            if self.inbox.add(*id, now) {
                entered.insert(*id);
            }
        }
        Ok(entered)
    }
}
