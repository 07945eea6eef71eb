//! The roles of the store that a worker plays, so that whatever implements these can be worked for.

use paceline_store::{
    fleet::FleetStore, intents::IntentStore, leases::LeaseStore, release::ReleaseStore, results::ResultStore,
};

/// What a worker asks of a store.
pub trait WorkerStore: LeaseStore + IntentStore + ReleaseStore + FleetStore + ResultStore {}

impl<T: LeaseStore + IntentStore + ReleaseStore + FleetStore + ResultStore + ?Sized> WorkerStore for T {}
