//! Webhook endpoints: where events are posted, and how their deliveries went.

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::Api;

mod add;
mod deliveries;
mod enable;
mod list;
mod redeliver;
mod remove;
mod url;
mod view;

pub(crate) use view::{DeliveryBody, EndpointBody};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(add::add_webhook_endpoint, list::list_webhook_endpoints))
        .routes(routes!(remove::remove_webhook_endpoint))
        .routes(routes!(enable::enable_webhook_endpoint))
        .routes(routes!(deliveries::list_webhook_deliveries))
        .routes(routes!(redeliver::redeliver_webhook))
}
