//! The caller's workspace, and what it chose.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod show;
mod update;
mod view;

pub(crate) use view::WorkspaceBody;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(show::show_workspace, update::update_workspace))
}
