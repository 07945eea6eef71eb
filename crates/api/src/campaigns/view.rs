//! A campaign, its account and its exclusions as the API shows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use paceline_domain::{Account, CampaignAction, CampaignId, CampaignState, Exclusion, SuppressionReason};
use paceline_store::campaigns::{Campaign, ExcludedRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{etag::Versioned, schemas};

/// A campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignBody {
    /// Its id.
    #[schema(value_type = schemas::CampaignId)]
    id: CampaignId,
    /// What a person calls it.
    name: String,
    /// The template of the text.
    template: String,
    /// The pool whose senders it uses.
    pool: String,
    /// The region (ISO 3166 alpha-2) of phone numbers without a country code.
    default_region: Option<String>,
    /// The phone column of its CSV files; `phone` unless named.
    phone_column: Option<String>,
    /// Not to start before this.
    start_at: Option<DateTime<Utc>>,
    /// What is not sent by then is not sent at all.
    expires_at: Option<DateTime<Utc>>,
    /// Where it stands.
    #[schema(value_type = schemas::CampaignState)]
    state: CampaignState,
    /// What may be done with it in this state.
    #[schema(value_type = Vec<schemas::CampaignAction>)]
    allowed_actions: Vec<CampaignAction>,
    /// The variables that its uploads provide, in order of first appearance.
    columns: Vec<String>,
    /// All rows of its uploads, malformed ones included.
    rows: i64,
    /// Rows up to this number have been decided: each is planned or excluded.
    planned_through: i64,
    /// Its account.
    account: AccountBody,
    /// Excluded rows by reason.
    excluded: BTreeMap<String, i64>,
    /// Failed messages by reason.
    failed: BTreeMap<String, i64>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it began to send.
    started_at: Option<DateTime<Utc>>,
    /// When it was completed or cancelled.
    ended_at: Option<DateTime<Utc>>,
}

/// How many messages stand where: `planned` = `sent` + `failed` + `unknown` + `expired` + `cancelled` + `waiting`. Of a cancelled campaign
/// also: all rows = `planned` + the excluded + `unplanned`.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    /// Everyone who is to be sent to.
    planned: i64,
    /// Accepted by WhatsApp, delivered and read ones included.
    sent: i64,
    /// Delivered, read ones included.
    delivered: i64,
    /// Read.
    read: i64,
    /// Answered, opt-outs included.
    replied: i64,
    /// Answered with an opt-out word.
    opted_out: i64,
    /// Failed.
    failed: i64,
    /// Of unknown outcome.
    unknown: i64,
    /// Too late.
    expired: i64,
    /// Cancelled.
    cancelled: i64,
    /// Still to come, sending ones included.
    waiting: i64,
    /// Being sent at this moment.
    sending: i64,
    /// Rows that were never planned, because the campaign was cancelled before it came to them.
    unplanned: i64,
    /// Whether every planned message stands in exactly one bucket, and every row of a cancelled campaign in one figure. Always `true`, or there is a defect.
    balanced: bool,
}

/// A row that is not sent to, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Exclusion)]
pub(crate) struct ExclusionBody {
    /// The row's number, from 1 over all uploads.
    row: i64,
    /// The phone as written, in E.164 where it could be read as one.
    phone: Option<String>,
    /// The reason.
    #[schema(example = "duplicate")]
    reason: &'static str,
    /// The reason in words.
    detail: String,
    /// The earlier row of the same person, of a `duplicate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    of_row: Option<u64>,
    /// Since when the person is `suppressed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
    /// Why the person is `suppressed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schemas::SuppressionReason>)]
    why: Option<SuppressionReason>,
    /// The variable that the row does not have, of a `missing_variable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<String>,
}

impl From<Campaign> for CampaignBody {
    fn from(campaign: Campaign) -> Self {
        let account = AccountBody::of(&campaign);
        let definition = campaign.definition;
        Self {
            id: campaign.id,
            name: definition.name,
            template: definition.template,
            pool: definition.pool,
            default_region: definition.default_region,
            phone_column: definition.phone_column,
            start_at: definition.start_at,
            expires_at: definition.expires_at,
            state: campaign.state,
            allowed_actions: campaign.state.allowed_actions(),
            columns: campaign.columns,
            rows: campaign.rows,
            planned_through: campaign.planned_through,
            account,
            excluded: campaign.excluded,
            failed: campaign.failed,
            created_at: campaign.created_at,
            started_at: campaign.started_at,
            ended_at: campaign.ended_at,
        }
    }
}

impl Versioned for CampaignBody {
    const VOLATILE: &'static [&'static str] =
        &["columns", "rows", "planned_through", "account", "excluded", "failed", "started_at", "ended_at"];
}

impl AccountBody {
    /// The account of a campaign. Its rows are a part of the balance once nothing more can become of them.
    pub(crate) fn of(campaign: &Campaign) -> Self {
        let unplanned = campaign.unplanned();
        Self::new(campaign.account, unplanned, campaign.account.is_balanced() && unplanned >= 0)
    }

    const fn new(account: Account, unplanned: i64, balanced: bool) -> Self {
        Self {
            planned: account.planned,
            sent: account.sent,
            delivered: account.delivered,
            read: account.read,
            replied: account.replied,
            opted_out: account.opted_out,
            failed: account.failed,
            unknown: account.unknown,
            expired: account.expired,
            cancelled: account.cancelled,
            waiting: account.waiting,
            sending: account.sending,
            unplanned,
            balanced,
        }
    }
}

impl From<ExcludedRow> for ExclusionBody {
    fn from(excluded: ExcludedRow) -> Self {
        Self::new(excluded.row, excluded.phone, excluded.exclusion)
    }
}

impl ExclusionBody {
    pub(crate) fn new(row: i64, phone: Option<String>, exclusion: Exclusion) -> Self {
        let (reason, detail) = (exclusion.reason(), detail(&exclusion));
        let mut body = Self { row, phone, reason, detail, of_row: None, since: None, why: None, variable: None };
        match exclusion {
            Exclusion::Duplicate { of_row } => body.of_row = Some(of_row),
            Exclusion::Suppressed { since, why } => {
                body.since = Some(since);
                body.why = Some(why);
            }
            Exclusion::MissingVariable { variable } => body.variable = Some(variable),
            _ => {}
        }
        body
    }
}

/// An exclusion in words.
pub(super) fn detail(exclusion: &Exclusion) -> String {
    match exclusion {
        Exclusion::InvalidPhone { detail } => format!("not a phone number: {detail}"),
        Exclusion::Duplicate { of_row } => format!("the same person stands in row {of_row}"),
        Exclusion::Suppressed { since, why } => {
            format!("suppressed since {} ({why})", crate::why::told(*since))
        }
        Exclusion::MissingVariable { variable } => format!("no value for {variable:?}"),
        Exclusion::MalformedRow { detail }
        | Exclusion::RenderTooExpensive { detail }
        | Exclusion::RenderFailed { detail } => detail.clone(),
        Exclusion::UnsendableText { chars } => format!("the text would have {chars} characters"),
    }
}
