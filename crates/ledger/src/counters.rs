//! The counters that make up accounts. A transaction notes what it changes; the sums are written once, when it ends.

use std::{borrow::Cow, collections::BTreeMap};

use paceline_domain::{Account, CampaignId, FailureReason, MessageState, WorkspaceId};

use crate::{
    Fallible,
    rows::{CountChange, Rows},
};

/// The campaign under which transactional messages are counted.
pub const NO_CAMPAIGN: CampaignId = CampaignId::from_bytes([0; 16]);

/// The workspace under which the whole installation is counted.
pub const INSTALLATION: WorkspaceId = WorkspaceId::from_bytes([0; 16]);

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Count {
    /// Message rows.
    Planned,
    /// Messages in a state.
    State(MessageState),
    /// Messages that were answered.
    Replied,
    /// Messages that were answered by an opt-out.
    OptedOut,
    /// Failed messages of a reason.
    Failed(FailureReason),
    /// Excluded rows of a reason.
    Excluded(Cow<'static, str>),
}

impl Count {
    fn bucket(&self) -> String {
        match self {
            Self::Planned => "planned".to_owned(),
            Self::State(state) => state.as_str().to_owned(),
            Self::Replied => "replied".to_owned(),
            Self::OptedOut => "opted_out".to_owned(),
            Self::Failed(reason) => format!("failed.{reason}"),
            Self::Excluded(reason) => format!("excluded.{reason}"),
        }
    }
}

/// Whose messages are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Book {
    workspace: WorkspaceId,
    campaign: CampaignId,
}

impl Book {
    /// The book of a campaign, or of a workspace's transactional messages.
    pub(crate) fn of(workspace: WorkspaceId, campaign: Option<CampaignId>) -> Self {
        Self { workspace, campaign: campaign.unwrap_or(NO_CAMPAIGN) }
    }

    /// The book of the installation.
    const ALL: Self = Self { workspace: INSTALLATION, campaign: NO_CAMPAIGN };
}

/// Changes that are noted.
#[derive(Debug, Default)]
pub(crate) struct Counters(BTreeMap<(Book, Count), i64>);

impl Counters {
    /// Notes that a count changes.
    pub(crate) fn add(&mut self, book: Book, what: &Count, by: i64) {
        for book in [book, Book::ALL] {
            *self.0.entry((book, what.clone())).or_default() += by;
        }
    }

    /// Notes that messages are new, in a state.
    pub(crate) fn add_new(&mut self, book: Book, state: MessageState, messages: i64) {
        self.add(book, &Count::Planned, messages);
        self.add(book, &Count::State(state), messages);
    }

    /// Notes that messages moved from one state to another.
    pub(crate) fn add_moved(&mut self, book: Book, from: MessageState, to: MessageState, messages: i64) {
        self.add(book, &Count::State(from), -messages);
        self.add(book, &Count::State(to), messages);
    }

    /// Writes the changes that were noted. A transaction that reads counters after changing them does it before; all others at their
    /// end.
    pub(crate) async fn flush(&mut self, rows: &mut dyn Rows) -> Fallible<()> {
        let changes = std::mem::take(&mut self.0).into_iter().filter(|(_, by)| *by != 0);
        let change = |((Book { workspace, campaign }, what), by): ((Book, Count), i64)| CountChange {
            workspace,
            campaign,
            bucket: what.bucket(),
            by,
        };
        let mut changes: Vec<CountChange> = changes.map(change).collect();
        if changes.is_empty() {
            return Ok(());
        }
        changes
            .sort_unstable_by(|a, b| (a.workspace, a.campaign, &a.bucket).cmp(&(b.workspace, b.campaign, &b.bucket)));
        rows.add_counts(&changes).await
    }
}

/// Counts as they are read back.
#[derive(Debug, Default)]
pub struct Counts {
    /// The account.
    pub account: Account,
    /// Excluded rows by reason.
    pub excluded: BTreeMap<String, i64>,
    /// Failed messages by reason.
    pub failed: BTreeMap<String, i64>,
}

impl Counts {
    /// Counts by bucket; `None` when a bucket is none that exists.
    pub fn of(buckets: impl IntoIterator<Item = (String, i64)>) -> Option<Self> {
        let mut counts = Self::default();
        for (bucket, count) in buckets {
            counts.take(&bucket, count)?;
        }
        Some(counts)
    }

    fn take(&mut self, bucket: &str, count: i64) -> Option<()> {
        if count == 0 {
            return Some(());
        }
        match bucket {
            "planned" => self.account.planned += count,
            "replied" => self.account.replied += count,
            "opted_out" => self.account.opted_out += count,
            _ => {
                if let Some(reason) = bucket.strip_prefix("excluded.") {
                    self.excluded.insert(reason.to_owned(), count);
                } else if let Some(reason) = bucket.strip_prefix("failed.") {
                    self.failed.insert(reason.to_owned(), count);
                } else {
                    self.account.add(bucket.parse().ok()?, count);
                }
            }
        }
        Some(())
    }
}
