//! The decision about each row of a batch: pure, and the planner's only work on the processor.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use paceline_audience::{Template, Variables, VariantKey};
use paceline_domain::{CampaignId, Content, Exclusion, MessageId, WorkspaceKey};
use paceline_store::plan::{PlannedBatch, PlannedMessage, UnplannedRow};

/// A run of rows with all that their decision needs.
pub(super) struct RowsToDecide {
    pub(super) campaign: CampaignId,
    pub(super) key: WorkspaceKey,
    pub(super) template: Arc<Template>,
    pub(super) after_row: i64,
    pub(super) through_row: i64,
    pub(super) rows: Vec<UnplannedRow>,
    /// One for each row, ascending.
    pub(super) ids: Vec<MessageId>,
    pub(super) now: DateTime<Utc>,
}

impl RowsToDecide {
    pub(super) fn decide(self) -> PlannedBatch {
        let Self { campaign, key, template, after_row, through_row, rows, ids, now } = self;
        let (mut messages, mut exclusions) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, id) in rows.into_iter().zip(ids) {
            match decide(&row, campaign, &template) {
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
fn decide(row: &UnplannedRow, campaign: CampaignId, template: &Template) -> Result<Content, Exclusion> {
    if let Some(suppression) = &row.suppression {
        return Err(Exclusion::Suppressed { since: suppression.since, why: suppression.reason });
    }
    let variables = Variables::from_json(&row.recipient.variables)
        .map_err(|_| Exclusion::RenderFailed { detail: "the stored variables cannot be read".to_owned() })?;
    let body = template.render(&variables, VariantKey::new(campaign, row.recipient.hash))?;
    Ok(Content::Text { body })
}
