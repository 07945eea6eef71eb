//! Sign-ins: how a browser makes requests without keeping an API key.
//!
//! A key, or a link that was made with one, is exchanged for a session: a cookie that no script can read and that the browser sends to
//! this site only. Whatever changes something carries a second token beside it, which a page of ours reads from `GET /v1/session` and a
//! page of anybody else cannot: it is a hash of the cookie's.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod create;
mod current;
mod link;
mod sessions;
mod token;
mod view;

pub use link::{SIGN_IN_LINK_LIFE, sign_in_link};
pub(crate) use token::{CSRF_HEADER, SessionToken};

/// The routes of those who are signed in.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(current::show_session, current::end_session))
        .routes(routes!(sessions::list_sessions))
        .routes(routes!(sessions::end_session_by_id))
}

/// The route of those who are not.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(create::create_session))
}
