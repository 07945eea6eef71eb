//! A suppression as the API shows it.

use chrono::{DateTime, Utc};
use paceline_domain::{SuppressionId, SuppressionReason, SuppressionScope};
use paceline_store::suppressions::Suppression;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{phones, schemas};

/// A person who must not be contacted.
#[derive(Serialize, ToSchema)]
#[schema(as = Suppression)]
pub(crate) struct SuppressionBody {
    /// Its id.
    #[schema(value_type = schemas::SuppressionId)]
    id: SuppressionId,
    /// The person's number in E.164; `null` after an erasure, and where WhatsApp does not show it.
    phone: Option<String>,
    /// What it forbids: any message, or campaigns only.
    #[schema(value_type = schemas::SuppressionScope)]
    scope: SuppressionScope,
    /// Why.
    #[schema(value_type = schemas::SuppressionReason)]
    reason: SuppressionReason,
    /// Since when.
    since: DateTime<Utc>,
}

impl From<Suppression> for SuppressionBody {
    fn from(suppression: Suppression) -> Self {
        Self {
            id: suppression.id,
            phone: suppression.address.as_ref().and_then(phones::shown),
            scope: suppression.scope,
            reason: suppression.reason,
            since: suppression.since,
        }
    }
}
