#![doc = include_str!("../README.md")]

pub mod campaigns;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod dead_letters;
pub mod deliveries;
pub mod endpoints;
mod error;
pub mod events;
pub mod fleet;
pub mod health;
pub mod idempotency;
pub mod intents;
pub mod leases;
pub mod messages;
mod page;
pub mod plan;
pub mod recipients;
pub mod release;
pub mod resolutions;
pub mod results;
pub mod senders;
pub mod sign_ins;
pub mod suppressions;
pub mod sweep;
pub mod workspaces;

pub use error::{StoreError, StoreResult};
pub use page::{Page, PageRequest};

/// Every role of the store. An adapter implements them all; a part of Paceline asks for the roles it plays.
pub trait Store:
    workspaces::WorkspaceStore
    + sign_ins::SignInStore
    + idempotency::IdempotencyStore
    + senders::SenderStore
    + campaigns::CampaignStore
    + recipients::RecipientStore
    + messages::MessageStore
    + suppressions::SuppressionStore
    + endpoints::EndpointStore
    + events::EventStore
    + plan::PlanStore
    + release::ReleaseStore
    + leases::LeaseStore
    + fleet::FleetStore
    + intents::IntentStore
    + results::ResultStore
    + resolutions::ResolutionStore
    + dead_letters::DeadLetterSink
    + dead_letters::DeadLetterStore
    + sweep::SweepStore
    + deliveries::DeliveryStore
    + health::HealthStore
{
}

impl<T> Store for T where
    T: workspaces::WorkspaceStore
        + sign_ins::SignInStore
        + idempotency::IdempotencyStore
        + senders::SenderStore
        + campaigns::CampaignStore
        + recipients::RecipientStore
        + messages::MessageStore
        + suppressions::SuppressionStore
        + endpoints::EndpointStore
        + events::EventStore
        + plan::PlanStore
        + release::ReleaseStore
        + leases::LeaseStore
        + fleet::FleetStore
        + intents::IntentStore
        + results::ResultStore
        + resolutions::ResolutionStore
        + dead_letters::DeadLetterSink
        + dead_letters::DeadLetterStore
        + sweep::SweepStore
        + deliveries::DeliveryStore
        + health::HealthStore
{
}
