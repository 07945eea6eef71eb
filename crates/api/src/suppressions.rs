//! Suppressions: who must not be contacted.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod add;
mod list;
mod remove;
mod view;

pub(crate) use view::SuppressionBody;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(add::add_suppression, list::list_suppressions))
        .routes(routes!(remove::remove_suppression))
}
