//! The caller's senders by who leases them: all are counted, and as many kept as are shown.

use std::collections::{HashMap, HashSet};

use paceline_domain::{SenderId, SenderState, WorkerId, WorkspaceId};
use paceline_store::{
    PageRequest, Store,
    senders::{LeaseView, Sender},
};

use crate::problem::Problem;

/// How many senders are read by one statement.
const READ_AT_ONCE: u32 = 1_000;

/// The senders of a workspace.
pub(super) struct OwnSenders {
    most: usize,
    known: HashSet<SenderId>,
    leased: HashMap<WorkerId, Holding>,
    unleased: Vec<Sender>,
    unleased_count: u32,
}

/// What one worker leases of them.
#[derive(Default)]
pub(super) struct Holding {
    /// How many.
    pub(super) count: u32,
    /// Those that are shown, with their leases.
    pub(super) shown: Vec<(Sender, LeaseView)>,
}

impl OwnSenders {
    /// Reads them page by page, and keeps `most` of each worker and of those without one.
    pub(super) async fn read(store: &dyn Store, workspace: WorkspaceId, most: u32) -> Result<Self, Problem> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut own =
            Self { most, known: HashSet::new(), leased: HashMap::new(), unleased: Vec::new(), unleased_count: 0 };
        let mut after = None;
        loop {
            let page = store.list_senders(workspace, PageRequest { after, limit: READ_AT_ONCE }).await?;
            page.items.into_iter().for_each(|sender| own.take(sender));
            after = page.next;
            if after.is_none() {
                return Ok(own);
            }
        }
    }

    fn take(&mut self, sender: Sender) {
        self.known.insert(sender.id);
        if let Some(lease) = sender.lease.clone() {
            let holding = self.leased.entry(lease.worker).or_default();
            holding.count += 1;
            if holding.shown.len() < self.most {
                holding.shown.push((sender, lease));
            }
        } else if sender.state == SenderState::Active {
            self.unleased_count += 1;
            if self.unleased.len() < self.most {
                self.unleased.push(sender);
            }
        }
    }

    /// Whether the sender is one of them.
    pub(super) fn has(&self, sender: SenderId) -> bool {
        self.known.contains(&sender)
    }

    /// Who leases any of them.
    pub(super) fn holders(&self) -> impl Iterator<Item = WorkerId> {
        self.leased.keys().copied()
    }

    /// What a worker leases of them.
    pub(super) fn holding(&self, worker: WorkerId) -> Option<&Holding> {
        self.leased.get(&worker)
    }

    /// The active ones that nobody leases, as far as they are shown.
    pub(super) fn unleased(&self) -> &[Sender] {
        &self.unleased
    }

    /// How many active ones nobody leases.
    pub(super) const fn unleased_count(&self) -> u32 {
        self.unleased_count
    }
}
