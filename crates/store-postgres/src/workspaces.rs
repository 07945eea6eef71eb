//! Workspaces and their API keys: every statement is the ledger's own, but for the lock.

use crate::prelude::*;

/// The texts.
pub(crate) const TEXTS: WorkspaceTexts =
    WorkspaceTexts { lock: Some("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE") };
