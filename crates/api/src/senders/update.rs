//! `PATCH /v1/senders/{id}`.

use axum::{Json, extract::State};
use paceline_domain::kind;
use paceline_store::senders::{SenderChange, SenderMoveOutcome};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    params::{PathId, not_found},
    problem::{Conflict, NotFound, Problem, Unprocessable},
    schemas,
    senders::{SenderBody, settings},
    validate::Checks,
};

/// What to change: a field that is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateSender {
    /// What to call it.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// All its pools from now on, made when they do not exist. What waits for it and belongs to none of them is left to the senders of
    /// its own pool.
    pools: Option<Vec<String>>,
    /// Its pacing profile. What it has spent of its day stays spent.
    profile: Option<String>,
}

/// Changes a sender. Its session goes on; its worker takes the change up within seconds.
#[utoipa::path(
    patch, path = "/v1/senders/{id}", tag = "senders", request_body = UpdateSender,
    params(("id" = schemas::SenderId, Path, description = "The sender.")),
    responses((status = 200, description = "The sender as it now is.", body = SenderBody), NotFound, Conflict, Unprocessable)
)]
pub(crate) async fn update_sender(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Sender>,
    JsonBody(request): JsonBody<UpdateSender>,
) -> Result<Json<SenderBody>, Problem> {
    let mut checks = Checks::default();
    settings::check_name(&mut checks, request.name.as_deref());
    if let Some(profile) = &request.profile {
        settings::check_profile(&mut checks, &api, profile);
    }
    let pools = request.pools.map(|pools| settings::checked_pools(&mut checks, pools));
    checks.finish()?;
    let (change, now) = (SenderChange { name: request.name, pools, profile: request.profile }, api.now());
    match api.store().update_sender(caller.workspace, id, change, now).await? {
        SenderMoveOutcome::Moved(sender) => Ok(Json(SenderBody::new(*sender, api.profiles(), now))),
        SenderMoveOutcome::NotFound => Err(not_found::<kind::Sender>()),
        SenderMoveOutcome::Removed => Err(Problem::SenderRemoved),
    }
}
