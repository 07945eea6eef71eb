//! `POST /v1/suppressions`.

use axum::{Json, extract::State, http::StatusCode};
use paceline_domain::{Address, SuppressionReason, SuppressionScope};
use paceline_store::suppressions::{Suppression, SuppressionAddition};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    ids::IdSource,
    phones,
    problem::{Problem, Unprocessable},
    schemas,
    suppressions::SuppressionBody,
    validate::Checks,
};

/// A person who must not be contacted from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddSuppression {
    /// The person's number.
    #[schema(example = "+15550199")]
    phone: String,
    /// The region (ISO 3166 alpha-2) of a number without a country code.
    #[schema(pattern = "^[A-Za-z]{2}$")]
    default_region: Option<String>,
    /// What is forbidden; `all` unless named.
    #[serde(default = "everything")]
    #[schema(value_type = schemas::SuppressionScope)]
    scope: SuppressionScope,
    /// Why; `manual` unless named.
    #[serde(default = "by_hand")]
    #[schema(value_type = schemas::SuppressionReason)]
    reason: SuppressionReason,
}

/// The suppression, and what followed from it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedSuppression {
    /// The suppression.
    #[serde(flatten)]
    suppression: SuppressionBody,
    /// How many waiting messages were cancelled with it.
    cancelled: u64,
}

/// Suppresses a person and cancels what waits for them.
#[utoipa::path(
    post, path = "/v1/suppressions", tag = "suppressions", request_body = AddSuppression,
    responses(
        (status = 201, description = "Suppressed.", body = AddedSuppression),
        (status = 200, description = "The person was suppressed already; a wider scope widened it.", body = AddedSuppression),
        Unprocessable,
    )
)]
pub(crate) async fn add_suppression(
    State(api): State<Api>,
    caller: Caller,
    ids: IdSource,
    JsonBody(request): JsonBody<AddSuppression>,
) -> Result<(StatusCode, Json<AddedSuppression>), Problem> {
    let mut checks = Checks::default();
    let phone = phones::check(&mut checks, ("/phone", &request.phone), request.default_region.as_deref());
    checks.finish()?;
    // Present, since nothing was refused.
    let Some(phone) = phone else { return Err(Problem::Invalid(vec![])) };
    let address = Address::phone(phone);
    let hash = phones::workspace_key(&api, caller.workspace).await?.hash_address(&address);
    let now = api.now();
    let suppression = Suppression {
        id: ids.mint(now),
        workspace: caller.workspace,
        hash,
        address: Some(address),
        scope: request.scope,
        reason: request.reason,
        since: now,
    };
    let (status, suppression, cancelled) = match api.store().add_suppression(suppression.clone(), now).await? {
        SuppressionAddition::Added { cancelled } => (StatusCode::CREATED, suppression, cancelled),
        // The first execution of this very request, repeated after a crash.
        SuppressionAddition::Existing(found) if found.id == suppression.id => (StatusCode::CREATED, found, 0),
        SuppressionAddition::Existing(found) => {
            let widened = api.store().find_suppression(caller.workspace, hash).await?;
            (StatusCode::OK, widened.unwrap_or(found), 0)
        }
    };
    Ok((status, Json(AddedSuppression { suppression: suppression.into(), cancelled })))
}

const fn everything() -> SuppressionScope {
    SuppressionScope::All
}

const fn by_hand() -> SuppressionReason {
    SuppressionReason::Manual
}
