//! The event log: by cursor, and as a live stream.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod list;
mod stream;
mod view;

use view::EventBody;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list::list_events)).routes(routes!(stream::stream_events))
}
