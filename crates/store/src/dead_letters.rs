//! Dead letters: what nobody could work on, kept until an operator has looked at it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{DeadLetterId, DeadLetterKind, DeathReason, Job, SenderId, WorkspaceId};
use sha2::{Digest, Sha256};

use crate::{Page, PageRequest, StoreResult, results::ResultToApply};

/// What a dead letter holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadBody {
    /// A job.
    Job(Job),
    /// A result, with whether it asks not to be contacted, so that it can be applied as it would have been.
    Result(Box<ResultToApply>),
    /// Bytes that could not be read, at most the first [`DeadBody::MAX_BYTES`].
    Unreadable(Vec<u8>),
}

impl DeadBody {
    /// How much of an unreadable letter is kept.
    pub const MAX_BYTES: usize = 64 * 1_024;

    /// What it is.
    pub const fn kind(&self) -> DeadLetterKind {
        match self {
            Self::Job(_) => DeadLetterKind::Job,
            Self::Result(_) => DeadLetterKind::Result,
            Self::Unreadable(_) => DeadLetterKind::Unreadable,
        }
    }

    /// The sender it is about, where that can be told.
    pub const fn sender(&self) -> Option<SenderId> {
        match self {
            Self::Job(job) => Some(job.sender),
            Self::Result(result) => Some(result.result.sender),
            Self::Unreadable(_) => None,
        }
    }

    /// The bytes that stores keep.
    #[expect(clippy::missing_panics_doc, reason = "no job and no result has a part that JSON cannot hold")]
    pub fn to_bytes(&self) -> Vec<u8> {
        const WHY: &str = "a map of it has no other keys than strings";
        match self {
            Self::Job(job) => serde_json::to_vec(job).expect(WHY),
            Self::Result(result) => serde_json::to_vec(result).expect(WHY),
            Self::Unreadable(bytes) => bytes[..bytes.len().min(Self::MAX_BYTES)].to_vec(),
        }
    }

    /// A body from the bytes that stores keep, `None` when they are none of the kind.
    pub fn from_bytes(kind: DeadLetterKind, bytes: &[u8]) -> Option<Self> {
        match kind {
            DeadLetterKind::Job => serde_json::from_slice(bytes).ok().map(Self::Job),
            DeadLetterKind::Result => serde_json::from_slice(bytes).ok().map(Self::Result),
            DeadLetterKind::Unreadable => Some(Self::Unreadable(bytes.to_vec())),
        }
    }

    /// Names the letter for life: a delivery that comes again is the same letter.
    pub fn digest(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(self.kind().as_str());
        match self {
            Self::Result(result) => hash.update(result.result.id().to_bytes()),
            Self::Job(_) | Self::Unreadable(_) => hash.update(self.to_bytes()),
        }
        let digest = hash.finalize();
        std::array::from_fn(|index| digest[index])
    }
}

/// A letter to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// Its id, unless it is kept already.
    pub id: DeadLetterId,
    /// Why it is dead.
    pub reason: DeathReason,
    /// What it holds.
    pub body: DeadBody,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// Whose it is: its sender's. `None` when that cannot be told; then every workspace sees that it is there.
    pub workspace: Option<WorkspaceId>,
    /// The sender it is about.
    pub sender: Option<SenderId>,
    /// Why it is dead.
    pub reason: DeathReason,
    /// What it holds.
    pub body: DeadBody,
    /// When it was kept, in real time.
    pub received_at: DateTime<Utc>,
    /// When it was last replayed, in real time.
    pub replayed_at: Option<DateTime<Utc>>,
}

/// Which letters to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeadLetterFilter {
    /// Those that were not replayed.
    #[default]
    Waiting,
    /// All.
    All,
}

/// What became of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplayOutcome {
    /// It was replayed, now or before.
    Replayed(Box<DeadLetter>),
    /// There is no such letter in the workspace.
    NotFound,
    /// Nobody can read it, so there is nothing to replay.
    Unreadable,
}

/// Keeping dead letters: the control plane's part.
#[async_trait]
pub trait DeadLetterSink: Send + Sync {
    /// Keeps letters, each once, and gives the claims of dead jobs back that still hold under their generation: their messages wait
    /// again until `not_before`, so that what breaks workers does not do so without a pause. Answers how many are new.
    async fn record_dead_letters(&self, letters: &[NewDeadLetter], not_before: DateTime<Utc>) -> StoreResult<u64>;
}

/// Looking through dead letters: the operator's part.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// The letters of a workspace and those that are nobody's, oldest first.
    async fn list_dead_letters(
        &self,
        workspace: WorkspaceId,
        filter: DeadLetterFilter,
        page: PageRequest,
    ) -> StoreResult<Page<DeadLetter>>;

    /// Replays a letter in one transaction: a result is applied; the messages of a job, as far as they still wait under its
    /// generation, are due at once. What was replayed before, or has moved on meanwhile, is left as it is.
    async fn replay_dead_letter(
        &self,
        workspace: WorkspaceId,
        letter: DeadLetterId,
        now: DateTime<Utc>,
    ) -> StoreResult<ReplayOutcome>;
}
