//! `GET /v1/senders/{id}/pairing`.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use paceline_domain::{SenderId, SessionState, kind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
};

/// Where the pairing of a sender stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pairing {
    /// The sender.
    #[schema(value_type = schemas::SenderId)]
    sender_id: SenderId,
    /// Where its session stands.
    #[schema(value_type = schemas::SessionState)]
    state: SessionState,
    /// The text of the QR code to show to the phone, while pairing.
    code: Option<String>,
    /// Since when the session stands there.
    since: Option<DateTime<Utc>>,
    /// What the network said.
    detail: Option<String>,
}

/// Shows the pairing code of a sender that waits to be paired.
#[utoipa::path(
    get, path = "/v1/senders/{id}/pairing", tag = "senders",
    params(("id" = schemas::SenderId, Path, description = "The sender.")),
    responses((status = 200, description = "Where its pairing stands.", body = Pairing), NotFound)
)]
pub(crate) async fn show_pairing(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Sender>,
) -> Result<Json<Pairing>, Problem> {
    let found = api.store().find_sender(caller.workspace, id).await?;
    let sender = found.ok_or(not_found::<kind::Sender>())?;
    Ok(Json(Pairing {
        sender_id: sender.id,
        state: sender.session,
        code: sender.pairing_code.filter(|_| sender.session == SessionState::Pairing),
        since: sender.session_at,
        detail: sender.session_detail,
    }))
}
