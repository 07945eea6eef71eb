//! The roles of the store that a worker plays, so that whatever implements these three can be worked for.

use paceline_store::{intents::IntentStore, leases::LeaseStore, release::ReleaseStore};

/// What a worker asks of a store.
pub trait WorkerStore: LeaseStore + IntentStore + ReleaseStore {}

impl<T: LeaseStore + IntentStore + ReleaseStore + ?Sized> WorkerStore for T {}
