//! `GET /openapi.json`: the document that describes every route of this API.

use axum::{
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
};

use crate::api::Api;

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "health",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
pub(crate) async fn show_openapi(State(api): State<Api>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "application/json")], api.document().to_owned())
}
