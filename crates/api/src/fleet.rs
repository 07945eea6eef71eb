//! The fleet: the worker processes of the installation, and the caller's senders that they work for.
//!
//! The processes are everybody's, the senders are not: of other workspaces' senders only their number shows.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod openings;
mod own;
mod roster;
mod show;
mod view;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(show::show_fleet))
}
