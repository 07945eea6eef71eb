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
mod sign_ins;
mod suppressions;
mod uploads;
mod value;
mod workspaces;

use std::future::Future;

use crate::{Fallible, columns::Columns, locks::Locked};

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

/// A transaction that runs statements: those of here, and those that the database writes itself.
pub trait Writing: Send {
    /// A row of a result.
    type Row: Columns + Send + Sync;

    /// A statement with its values, as the database's driver has it.
    type Query<'q>: Send;

    /// The texts.
    const TEXTS: &'static Texts;

    /// A statement with its values bound.
    fn bound(statement: Statement<'_>) -> Self::Query<'_>;

    /// Runs a statement that returns rows.
    fn all(&mut self, query: Self::Query<'_>) -> impl Future<Output = Fallible<Vec<Self::Row>>> + Send;

    /// Runs a statement that returns at most one row.
    fn one(&mut self, query: Self::Query<'_>) -> impl Future<Output = Fallible<Option<Self::Row>>> + Send;

    /// Runs a statement that returns nothing; answers how many rows it changed.
    fn execute(&mut self, query: Self::Query<'_>) -> impl Future<Output = Fallible<u64>> + Send;

    /// Runs a statement that returns nothing.
    fn run(&mut self, query: Self::Query<'_>) -> impl Future<Output = Fallible<()>> + Send {
        async { self.execute(query).await.map(|_| ()) }
    }

    /// Reads rows.
    fn list<T, C: FromIterator<T>>(
        &mut self,
        query: Self::Query<'_>,
        read: impl Fn(&Self::Row) -> Fallible<T> + Send,
    ) -> impl Future<Output = Fallible<C>> + Send {
        async move { self.all(query).await?.iter().map(read).collect() }
    }

    /// Reads rows that the statement locks.
    fn lock<T>(
        &mut self,
        query: Self::Query<'_>,
        read: impl Fn(&Self::Row) -> Fallible<T> + Send,
    ) -> impl Future<Output = Fallible<Vec<Locked<T>>>> + Send {
        self.list(query, move |row| read(row).map(Locked::new))
    }

    /// Reads the row, when there is one.
    fn find<T>(
        &mut self,
        query: Self::Query<'_>,
        read: impl Fn(&Self::Row) -> Fallible<T> + Send,
    ) -> impl Future<Output = Fallible<Option<T>>> + Send {
        async move { self.one(query).await?.as_ref().map(read).transpose() }
    }

    /// Whether there is a row.
    fn has(&mut self, query: Self::Query<'_>) -> impl Future<Output = Fallible<bool>> + Send {
        async { Ok(self.one(query).await?.is_some()) }
    }
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
