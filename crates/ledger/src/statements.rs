//! Statements whose values and rows are the same for every SQL database: a database gives their texts ([`Texts`]) and runs them
//! ([`Reading`], [`Writing`]).
//!
//! All that reads outside of transactions is here, and the topics of transactions that are single statements. What is tuned for a
//! database (many rows at once, locks) is written by the database itself. Values are numbered in a text in the order in which they are
//! given here, from one.

mod attempts;
mod campaigns;
mod counters;
mod dead_letters;
mod deliveries;
mod endpoints;
mod events;
mod fleet;
mod health;
mod idempotency;
mod leases;
mod messages;
mod plan;
mod release;
mod resolutions;
mod senders;
mod suppressions;
mod uploads;
mod value;
mod workspaces;

use std::future::Future;

use crate::{Fallible, columns::Columns};

pub use attempts::AttemptTexts;
pub use campaigns::CampaignTexts;
pub use counters::CounterTexts;
pub use dead_letters::DeadLetterTexts;
pub use deliveries::DeliveryTexts;
pub use endpoints::EndpointTexts;
pub use events::EventTexts;
pub use fleet::FleetTexts;
pub use health::HealthTexts;
pub use idempotency::IdempotencyTexts;
pub use leases::LeaseTexts;
pub use messages::MessageTexts;
pub use plan::PlanTexts;
pub use release::ReleaseTexts;
pub use resolutions::ResolutionTexts;
pub use senders::SenderTexts;
pub use suppressions::SuppressionTexts;
pub use uploads::UploadTexts;
pub use value::{Statement, Value};
pub use workspaces::WorkspaceTexts;

/// The texts of a database.
#[derive(Debug)]
#[expect(missing_docs, reason = "each topic's texts have its name")]
pub struct Texts {
    pub attempts: AttemptTexts,
    pub campaigns: CampaignTexts,
    pub counters: CounterTexts,
    pub dead_letters: DeadLetterTexts,
    pub deliveries: DeliveryTexts,
    pub endpoints: EndpointTexts,
    pub events: EventTexts,
    pub fleet: FleetTexts,
    pub health: HealthTexts,
    pub idempotency: IdempotencyTexts,
    pub leases: LeaseTexts,
    pub messages: MessageTexts,
    pub plan: PlanTexts,
    pub release: ReleaseTexts,
    pub resolutions: ResolutionTexts,
    pub senders: SenderTexts,
    pub suppressions: SuppressionTexts,
    pub uploads: UploadTexts,
    pub workspaces: WorkspaceTexts,
}

/// The texts of a database whose modules are named like the topics, each with its `TEXTS`. Given the path of those modules.
#[macro_export]
macro_rules! texts {
    ($root:tt) => {
        $crate::statements::Texts {
            attempts: $root::attempts::TEXTS,
            campaigns: $root::campaigns::TEXTS,
            counters: $root::counters::TEXTS,
            dead_letters: $root::dead_letters::TEXTS,
            deliveries: $root::deliveries::TEXTS,
            endpoints: $root::endpoints::TEXTS,
            events: $root::events::TEXTS,
            fleet: $root::fleet::TEXTS,
            health: $root::health::TEXTS,
            idempotency: $root::idempotency::TEXTS,
            leases: $root::leases::TEXTS,
            messages: $root::messages::TEXTS,
            plan: $root::plan::TEXTS,
            release: $root::release::TEXTS,
            resolutions: $root::resolutions::TEXTS,
            senders: $root::senders::TEXTS,
            suppressions: $root::suppressions::TEXTS,
            uploads: $root::uploads::TEXTS,
            workspaces: $root::workspaces::TEXTS,
        }
    };
}

/// A database that runs statements outside of transactions.
pub trait Reading: Send + Sync {
    /// A row of a result.
    type Row: Columns + Send;

    /// The texts.
    const TEXTS: &'static Texts;

    /// The rows of a statement.
    fn rows(&self, statement: Statement<'_>) -> impl Future<Output = Fallible<Vec<Self::Row>>> + Send;

    /// The first row of a statement, when there is one.
    fn row(&self, statement: Statement<'_>) -> impl Future<Output = Fallible<Option<Self::Row>>> + Send;
}

/// A transaction that runs statements.
pub trait Writing: Send {
    /// A row of a result.
    type Row: Columns + Send;

    /// The texts.
    const TEXTS: &'static Texts;

    /// The rows of a statement.
    fn rows(&mut self, statement: Statement<'_>) -> impl Future<Output = Fallible<Vec<Self::Row>>> + Send;

    /// The first row of a statement, when there is one.
    fn row(&mut self, statement: Statement<'_>) -> impl Future<Output = Fallible<Option<Self::Row>>> + Send;

    /// Runs a statement; answers how many rows it changed.
    fn change(&mut self, statement: Statement<'_>) -> impl Future<Output = Fallible<u64>> + Send;
}

/// Reads rows.
async fn list<D: Reading, T, C: FromIterator<T>>(
    database: &D,
    statement: Statement<'_>,
    read: impl Fn(&D::Row) -> Fallible<T> + Send,
) -> Fallible<C> {
    database.rows(statement).await?.iter().map(read).collect()
}

/// Reads the row, when there is one.
async fn find<D: Reading, T>(
    database: &D,
    statement: Statement<'_>,
    read: impl Fn(&D::Row) -> Fallible<T> + Send,
) -> Fallible<Option<T>> {
    database.row(statement).await?.as_ref().map(read).transpose()
}

/// Reads rows in a transaction.
async fn list_in<X: Writing, T, C: FromIterator<T>>(
    tx: &mut X,
    statement: Statement<'_>,
    read: impl Fn(&X::Row) -> Fallible<T> + Send,
) -> Fallible<C> {
    tx.rows(statement).await?.iter().map(read).collect()
}

/// Reads the row in a transaction, when there is one.
async fn find_in<X: Writing, T>(
    tx: &mut X,
    statement: Statement<'_>,
    read: impl Fn(&X::Row) -> Fallible<T> + Send,
) -> Fallible<Option<T>> {
    tx.row(statement).await?.as_ref().map(read).transpose()
}

/// Runs a statement that returns nothing.
async fn run<X: Writing>(tx: &mut X, statement: Statement<'_>) -> Fallible<()> {
    tx.change(statement).await.map(|_| ())
}
