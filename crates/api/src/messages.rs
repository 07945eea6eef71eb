//! Messages: one send outside campaigns, and the story of any message.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod list;
mod resolve;
mod send;
mod show;
mod view;

pub(crate) use view::MessageBody;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(send::send_message, list::list_messages))
        .routes(routes!(show::show_message))
        .routes(routes!(resolve::resolve_message))
}
