//! What the cases of the suite are told in: a world with one workspace, numbered people and senders, and a time that stands
//! still unless a case says otherwise.
//!
//! Tests of other crates use it too. Everything goes through the port, so a world stands on any adapter, and everything
//! panics where the store refuses, so that a case reads as the story it tells.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{
    Address, AddressHash, ApiKeyId, Id, IdKind, Minter, PhoneNumber, UnknownPolicy, WorkerId, WorkspaceId, WorkspaceKey,
};

use crate::{
    Store,
    workspaces::{ApiKey, Bootstrap, Workspace},
};

mod campaigns;
mod fleet;
mod reading;
mod sending;

pub use campaigns::text;
pub use fleet::room;
pub use reading::{first, walk};
pub use sending::{accepted, claim_of, inbound, receipt, session};

/// A real hour: what does not run out while a test runs.
pub const HOUR: Duration = Duration::from_hours(1);

/// What has run out as soon as it is granted.
pub const AT_ONCE: Duration = Duration::ZERO;

/// A store with one workspace, and what a case needs to tell its story.
#[derive(Clone)]
pub struct World {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Mints every id, from a fixed seed.
    pub minter: Arc<Minter>,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The workspace's secret.
    pub key: WorkspaceKey,
    /// The process that leases, unless a case names another.
    pub worker: WorkerId,
    /// Campaign time.
    pub now: DateTime<Utc>,
}

impl World {
    /// A world on an empty store.
    pub async fn new(store: Arc<dyn Store>) -> Self {
        let minter = Arc::new(Minter::new([7; 32]));
        let now = noon();
        let (workspace, key) = first_workspace(&minter, now);
        let answer = store.bootstrap(workspace.clone(), key).await.unwrap();
        assert_eq!(answer, Bootstrap::Created, "a fixture hands out empty stores");
        let worker = minter.mint(now);
        Self { store, minter, workspace: workspace.id, key: workspace.key, worker, now }
    }

    /// A new id.
    pub fn id<K: IdKind>(&self) -> Id<K> {
        self.minter.mint(self.now)
    }

    /// The same world, so much later in campaign time.
    #[must_use]
    pub fn later(&self, by: TimeDelta) -> Self {
        Self { now: self.now + by, ..self.clone() }
    }

    /// The same world as another process sees it.
    #[must_use]
    pub fn as_another_worker(&self) -> Self {
        Self { worker: self.id(), ..self.clone() }
    }

    /// The hash of a numbered person.
    pub fn hash(&self, person: u32) -> AddressHash {
        self.key.hash_address(&address(person))
    }
}

/// When every story begins: noon, so that hours may pass either way without a change of day.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_452_800, 0).unwrap()
}

/// The phone number of a numbered person or sender.
pub fn phone(number: u32) -> PhoneNumber {
    format!("+1555{number:07}").parse().unwrap()
}

/// A numbered person.
pub fn address(person: u32) -> Address {
    Address::phone(phone(person))
}

/// A workspace and its first key, as the first start of an installation makes them.
pub fn first_workspace(minter: &Minter, now: DateTime<Utc>) -> (Workspace, ApiKey) {
    let key = WorkspaceKey::from_bytes(minter.bytes());
    let workspace = Workspace {
        id: minter.mint(now),
        name: "Main".to_owned(),
        key,
        unknown_policy: UnknownPolicy::default(),
        created_at: now,
    };
    let id: ApiKeyId = minter.mint(now);
    let key = ApiKey { id, workspace: workspace.id, name: "First".to_owned(), hash: minter.bytes(), created_at: now };
    (workspace, key)
}
