//! Results: who reports, and the inbox that drops what comes twice.

use std::collections::HashSet;

use async_trait::async_trait;
use paceline_domain::{SenderId, WorkspaceId, WorkspaceKey};

use crate::Fallible;

/// A sender that reports.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// The sender.
    pub sender: SenderId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The workspace's secret.
    pub key: WorkspaceKey,
}

/// Statements of a transaction.
#[async_trait]
pub trait ResultRows {
    /// Those of the senders that exist.
    async fn list_reporters(&mut self, senders: &[SenderId]) -> Fallible<Vec<Reporter>>;

    /// Enters ids of results, which come in order, each once. Answers those that were not there. Whoever enters the same one at the same time
    /// waits.
    async fn enter_inbox(&mut self, results: &[([u8; 16], WorkspaceId)]) -> Fallible<HashSet<[u8; 16]>>;
}
