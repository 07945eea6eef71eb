//! Dead letters: what nobody could work on.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod list;
mod replay;
mod view;

pub(crate) use view::DeadLetterBody;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list::list_dead_letters)).routes(routes!(replay::replay_dead_letter))
}
