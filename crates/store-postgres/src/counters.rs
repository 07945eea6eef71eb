//! The counters that make up accounts. A transaction notes what it changes; the sums are written once, when it ends.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use paceline_domain::{Account, CampaignId, FailureReason, MessageState, WorkspaceId};

use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    transaction::Tx,
    values::{INSTALLATION, NO_CAMPAIGN, uuid},
};

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Count {
    /// Message rows.
    Planned,
    /// Messages in a state.
    State(MessageState),
    /// Messages that were answered.
    Replied,
    /// Messages that were answered with an opt-out word.
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
pub(crate) struct Ledger {
    workspace: WorkspaceId,
    campaign: CampaignId,
}

impl Ledger {
    /// The ledger of a campaign, or of a workspace's transactional messages.
    pub(crate) fn of(workspace: WorkspaceId, campaign: Option<CampaignId>) -> Self {
        Self { workspace, campaign: campaign.unwrap_or(NO_CAMPAIGN) }
    }

    /// The ledger of the installation.
    const ALL: Self = Self { workspace: INSTALLATION, campaign: NO_CAMPAIGN };
}

/// Changes that are noted.
pub(crate) type Deltas = BTreeMap<(Ledger, Count), i64>;

/// Writers are spread over so many rows of each sum. A connection of the server has one shard, so that two transactions meet at
/// a row only when their connections have numbers alike.
const WRITE: &str = "INSERT INTO campaign_counts (workspace_id, campaign_id, bucket, shard, count) \
    SELECT v.workspace_id, v.campaign_id, v.bucket, pg_backend_pid() % 16, v.count \
    FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::bigint[]) AS v (workspace_id, campaign_id, bucket, count) \
    ON CONFLICT (workspace_id, campaign_id, bucket, shard) DO UPDATE SET count = campaign_counts.count + excluded.count \
    RETURNING pg_current_xact_id()::text AS transaction";

impl Tx {
    /// Notes that a count changes.
    pub(crate) fn count(&mut self, ledger: Ledger, what: &Count, by: i64) {
        for ledger in [ledger, Ledger::ALL] {
            match self.deltas.entry((ledger, what.clone())) {
                Entry::Vacant(entry) => {
                    entry.insert(by);
                }
                Entry::Occupied(mut entry) => *entry.get_mut() += by,
            }
        }
    }

    /// Notes that messages are new, in a state.
    pub(crate) fn count_new(&mut self, ledger: Ledger, state: MessageState, messages: i64) {
        self.count(ledger, &Count::Planned, messages);
        self.count(ledger, &Count::State(state), messages);
    }

    /// Notes that messages moved from one state to another.
    pub(crate) fn count_moved(&mut self, ledger: Ledger, from: MessageState, to: MessageState, messages: i64) {
        self.count(ledger, &Count::State(from), -messages);
        self.count(ledger, &Count::State(to), messages);
    }

    /// Writes the changes that were noted, in the order of their keys, which is the order in which everyone locks them.
    pub(crate) async fn flush_counters(&mut self) -> Fallible<()> {
        let changes: Vec<_> = std::mem::take(&mut self.deltas).into_iter().filter(|(_, by)| *by != 0).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE)
            .bind(column(&changes, |((ledger, _), _)| uuid(ledger.workspace)))
            .bind(column(&changes, |((ledger, _), _)| uuid(ledger.campaign)))
            .bind(column(&changes, |((_, what), _)| what.bucket()))
            .bind(column(&changes, |(_, by)| *by));
        if let Some(row) = self.all(write).await?.first() {
            self.name = Some(Cells::new("campaign_counts", row).string("transaction")?);
        }
        Ok(())
    }
}

/// An SQL expression: the counts of the campaign whose row is named `c`, as a JSON object.
macro_rules! counts_of_campaign {
    () => {
        "(SELECT coalesce(json_object_agg(n.bucket, n.count), '{}')::text FROM \
            (SELECT k.bucket, sum(k.count)::bigint AS count FROM campaign_counts k \
             WHERE k.workspace_id = c.workspace_id AND k.campaign_id = c.id GROUP BY k.bucket) n) AS counts"
    };
}
pub(crate) use counts_of_campaign;

/// Counts as read back.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The account.
    pub(crate) account: Account,
    /// Excluded rows by reason.
    pub(crate) excluded: BTreeMap<String, i64>,
    /// Failed messages by reason.
    pub(crate) failed: BTreeMap<String, i64>,
}

impl Counts {
    /// Reads the expression of `counts_of_campaign`.
    pub(crate) fn read(cells: Cells<'_>) -> Fallible<Self> {
        let mut counts = Self::default();
        for (bucket, count) in cells.json::<BTreeMap<String, i64>>("counts")? {
            counts.take(&bucket, count).ok_or_else(|| cells.corrupt("counts"))?;
        }
        Ok(counts)
    }

    /// Adds the count of a bucket, unless the bucket is none that exists.
    pub(crate) fn take(&mut self, bucket: &str, count: i64) -> Option<()> {
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
