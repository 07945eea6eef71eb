//! A session as the API shows it.

use chrono::{DateTime, Utc};
use paceline_domain::{SignInId, WorkspaceId};
use paceline_store::sign_ins::SignIn;
use serde::Serialize;
use utoipa::ToSchema;

use super::token::SessionToken;
use crate::schemas;

/// The session of a browser.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Its id.
    #[schema(value_type = schemas::SignInId)]
    id: SignInId,
    /// The workspace that it reaches.
    #[schema(value_type = schemas::WorkspaceId)]
    workspace: WorkspaceId,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it is over.
    expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    is_current: bool,
}

impl SessionBody {
    pub(crate) fn new(session: &SignIn, current: Option<SignInId>) -> Self {
        let SignIn { id, workspace, created_at, expires_at, .. } = *session;
        Self { id, workspace, created_at, expires_at, is_current: Some(id) == current }
    }
}

/// The session that asks, with what its page needs for changes.
#[derive(Serialize, ToSchema)]
#[schema(as = CurrentSession)]
pub(crate) struct CurrentSessionBody {
    #[serde(flatten)]
    session: SessionBody,
    /// To be sent as `X-CSRF-Token` with whatever changes something.
    csrf_token: String,
}

impl CurrentSessionBody {
    pub(crate) fn new(session: &SignIn, token: &SessionToken) -> Self {
        let current = Some(session.id);
        Self { session: SessionBody::new(session, current), csrf_token: token.csrf_token() }
    }
}
