//! Decisions about messages of unknown outcome.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{AttemptNumber, MessageId, Resolution, Resolver, UnknownPolicy};
use paceline_store::resolutions::Resolved;

use crate::{Fallible, locks::Locked, rows::MessageRow};

/// A decision to write.
#[derive(Debug)]
pub struct ResolutionWrite<'t> {
    /// The message; the decision is about its last attempt.
    pub message: &'t Locked<MessageRow>,
    /// What was decided.
    pub resolution: Resolution,
    /// By whom.
    pub by: Resolver,
    /// When.
    pub at: DateTime<Utc>,
}

/// Statements of a transaction.
#[async_trait]
pub trait ResolutionRows {
    /// What was decided about an attempt.
    async fn find_resolution(&mut self, message: MessageId, attempt: AttemptNumber) -> Fallible<Option<Resolution>>;

    /// Messages that became unknown `grace` or longer before `now`, of workspaces whose policy decides, with that policy, the oldest
    /// first; but for those that the policy has sent again once already where it sends again.
    async fn list_settleable(
        &mut self,
        now: DateTime<Utc>,
        grace: Duration,
        limit: u32,
    ) -> Fallible<Vec<(MessageId, UnknownPolicy)>>;

    /// Writes decisions.
    async fn add_resolutions(&mut self, resolutions: &[ResolutionWrite<'_>]) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait ResolutionReads {
    /// The decisions about a message, by attempt.
    async fn list_resolutions(&self, message: MessageId) -> Fallible<Vec<Resolved>>;
}
