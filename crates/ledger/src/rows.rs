//! The row port: what the ledger asks of a database. Statements over many rows at once, and no decision.
//!
//! Statements whose names begin with `lock_` lock what they return until the transaction ends, wait for whoever holds it (unless they say
//! that they skip what others hold), and take rows in the order of [`crate::locks::Line`]. A database with a single writer need not lock
//! anything: its transactions are alone. Times named `now` are campaign time and are handed in; deadlines and ages are real time and are
//! reckoned by the database's own clock from the durations given.

mod attempts;
mod campaigns;
mod counters;
mod dead_letters;
mod deliveries;
mod endpoints;
mod events;
mod fleet;
mod gates;
mod health;
mod idempotency;
mod leases;
mod messages;
mod plan;
mod purge;
mod release;
mod resolutions;
mod results;
mod senders;
mod sign_ins;
mod suppressions;
mod uploads;
mod waiting;
mod workspaces;

pub use attempts::{
    AdoptableRow, AttemptReads, AttemptRow, AttemptRows, Believed, EndedAttemptRow, IntentWrites, OutcomeWrite,
    UnappliedRow,
};
pub use campaigns::{CampaignReads, CampaignRow, CampaignRows, CampaignTimes, ShareRow, Swept};
pub use counters::{CountChange, CounterReads, CounterRows};
pub use dead_letters::{DeadLetterReads, DeadLetterRow, DeadLetterRows, ReplayRows};
pub use deliveries::{DeliveryReads, DeliveryRows, HeldDeliveryRow, TryWrite};
pub use endpoints::{EndpointReads, EndpointRows, StandingRow, StandingWrite};
pub use events::{DeliveryWrite, EventReads, EventRows, EventWrite, Subscription};
pub use fleet::{FleetReads, FleetRows};
pub use gates::{Gate, GateRows};
pub use health::{HealthReads, HealthRows, OtherFigures};
pub use idempotency::IdempotencyRows;
pub use leases::{LeaseReads, LeaseRows};
pub use messages::{
    Answer, AnsweredRow, Binding, EndWrite, ForwardWrite, MessageReads, MessageRow, MessageRows, Question, ReturnWrite,
    RoutedTo, Stretch, WantedRow,
};
pub use plan::{PlanReads, PlanRows, PlannedWrite, UndecidedRow};
pub use purge::PurgeRows;
pub use release::{DueQuery, DueRow, ReleaseReads, ReleaseRows, TakerRow};
pub use resolutions::{ResolutionReads, ResolutionRows, ResolutionWrite};
pub use results::{Reporter, ResultRows};
pub use senders::{Keep, NumberHolder, SenderReads, SenderRow, SenderRows, SenderSettingRows, SessionWrite};
pub use sign_ins::{SignInReads, SignInRows};
pub use suppressions::{SuppressionReads, SuppressionRows};
pub use uploads::{
    CommittedUploadRows, ExclusionWrite, OpenUploadRow, RecipientWrite, UploadReads, UploadRow, UploadRows,
};
pub use waiting::{Waiting, WaitingRow, WaitingRows, WaitingWrite};
pub use workspaces::{WorkspaceReads, WorkspaceRows};

/// Every statement of a transaction.
pub trait Rows:
    WorkspaceRows
    + SignInRows
    + IdempotencyRows
    + SenderRows
    + SenderSettingRows
    + LeaseRows
    + FleetRows
    + CampaignRows
    + UploadRows
    + CommittedUploadRows
    + PlanRows
    + ReleaseRows
    + WaitingRows
    + GateRows
    + SuppressionRows
    + MessageRows
    + AttemptRows
    + ResultRows
    + ResolutionRows
    + DeadLetterRows
    + ReplayRows
    + EndpointRows
    + DeliveryRows
    + EventRows
    + CounterRows
    + PurgeRows
    + HealthRows
    + Send
{
}

impl<T> Rows for T where
    T: WorkspaceRows
        + SignInRows
        + IdempotencyRows
        + SenderRows
        + SenderSettingRows
        + LeaseRows
        + FleetRows
        + CampaignRows
        + UploadRows
        + CommittedUploadRows
        + PlanRows
        + ReleaseRows
        + WaitingRows
        + GateRows
        + SuppressionRows
        + MessageRows
        + AttemptRows
        + ResultRows
        + ResolutionRows
        + DeadLetterRows
        + ReplayRows
        + EndpointRows
        + DeliveryRows
        + EventRows
        + CounterRows
        + PurgeRows
        + HealthRows
        + Send
{
}

/// Every statement that reads outside of a transaction: one snapshot each.
pub trait Reads:
    WorkspaceReads
    + SignInReads
    + SenderReads
    + LeaseReads
    + FleetReads
    + CampaignReads
    + UploadReads
    + PlanReads
    + ReleaseReads
    + SuppressionReads
    + MessageReads
    + AttemptReads
    + ResolutionReads
    + DeadLetterReads
    + EndpointReads
    + DeliveryReads
    + EventReads
    + CounterReads
    + HealthReads
    + Send
    + Sync
{
}

impl<T> Reads for T where
    T: WorkspaceReads
        + SignInReads
        + SenderReads
        + LeaseReads
        + FleetReads
        + CampaignReads
        + UploadReads
        + PlanReads
        + ReleaseReads
        + SuppressionReads
        + MessageReads
        + AttemptReads
        + ResolutionReads
        + DeadLetterReads
        + EndpointReads
        + DeliveryReads
        + EventReads
        + CounterReads
        + HealthReads
        + Send
        + Sync
{
}
