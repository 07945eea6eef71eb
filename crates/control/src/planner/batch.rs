//! The decision about each row of a batch: pure, and the planner's only work on the processor.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_audience::{ColumnNames, Late, Template, Variables, VariantKey};
use paceline_domain::{CampaignId, Clock, Content, Exclusion, MessageId, WorkspaceKey};
use paceline_store::plan::{PlannedBatch, PlannedMessage, UnplannedRow};

/// A run of rows with all that their decision needs.
pub(super) struct RowsToDecide {
    pub(super) campaign: CampaignId,
    pub(super) key: WorkspaceKey,
    pub(super) template: Arc<Template>,
    /// The campaign's columns: values stand at their places.
    pub(super) columns: ColumnNames,
    pub(super) after_row: i64,
    pub(super) through_row: i64,
    pub(super) rows: Vec<UnplannedRow>,
    /// One for each row, ascending.
    pub(super) ids: Vec<MessageId>,
    pub(super) now: DateTime<Utc>,
    pub(super) time: Time,
}

/// How long deciding may take, in real time.
pub(super) struct Time {
    pub(super) clock: Arc<dyn Clock>,
    /// When the turn is over: what is not decided by then is left to the next.
    pub(super) over: DateTime<Utc>,
    /// How long one row may take.
    pub(super) row: Duration,
}

impl Time {
    fn late(&self) -> Late {
        let (clock, until) = (Arc::clone(&self.clock), self.clock.real_now() + self.row);
        Arc::new(move || clock.real_now() > until)
    }
}

impl RowsToDecide {
    /// Decides row by row, until the turn is over: at least the first.
    pub(super) fn decide(self) -> PlannedBatch {
        let Self { campaign, key, template, columns, after_row, mut through_row, rows, ids, now, time } = self;
        let (mut messages, mut exclusions) = (Vec::with_capacity(rows.len()), Vec::new());
        let mut decided: Option<i64> = None;
        for (row, id) in rows.into_iter().zip(ids) {
            if let Some(last) = decided
                && time.clock.real_now() >= time.over
            {
                through_row = last;
                break;
            }
            decided = Some(row.recipient.row);
            match decide(&row, (campaign, &columns), &template, &time) {
                Ok(content) => messages.push(PlannedMessage {
                    id,
                    wa_id: key.wa_id(id),
                    recipient: row.recipient,
                    content,
                    sticky: row.sticky,
                }),
                Err(exclusion) => exclusions.push((row.recipient, exclusion)),
            }
        }
        PlannedBatch { campaign, after_row, through_row, messages, exclusions, now }
    }
}

/// What the row says, or why nothing is sent to it. Campaigns are marketing: either scope of a suppression forbids them.
fn decide(
    row: &UnplannedRow,
    (campaign, columns): (CampaignId, &ColumnNames),
    template: &Template,
    time: &Time,
) -> Result<Content, Exclusion> {
    if let Some(suppression) = &row.suppression {
        return Err(Exclusion::Suppressed { since: suppression.since, why: suppression.reason });
    }
    let variables = Variables::from_stored(&row.recipient.variables, columns)
        .map_err(|_| Exclusion::RenderFailed { detail: "the stored variables cannot be read".to_owned() })?;
    // A plain template is never late, and most are plain.
    let late = (!template.is_plain()).then(|| time.late());
    let body = template.render_until(&variables, VariantKey::new(campaign, row.recipient.hash), late)?;
    Ok(Content::Text { body })
}
