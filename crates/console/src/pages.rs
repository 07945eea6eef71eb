//! Which path gives what.

use axum::{
    Router,
    extract::{Path, Request},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::asset::{ASSETS, Asset, INDEX};

/// Whether the page is in this binary. Without it, a page says how to build it.
pub const IS_BUILT: bool = !ASSETS.is_empty();

/// Scripts, pictures and requests of this site only, in nobody's frame. Mantine writes styles into the page, and nothing else does.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
                      connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const NOT_BUILT: &str = include_str!("not_built.html");

/// The console: its files, and its document for every other path, since what a path shows is decided in the browser.
pub fn router() -> Router {
    Router::new()
        .route("/assets/{*path}", get(async |Path(path): Path<String>, headers: HeaderMap| part(&path, &headers)))
        .fallback(get(async |headers: HeaderMap| document(&headers)))
        .layer(from_fn(protect))
}

fn part(path: &str, headers: &HeaderMap) -> Response {
    Asset::find(&format!("assets/{path}")).map_or_else(
        || (StatusCode::NOT_FOUND, "There is no such file; load the page again.\n").into_response(),
        |asset| asset.respond(headers),
    )
}

fn document(headers: &HeaderMap) -> Response {
    let html = [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    Asset::find(INDEX).map_or_else(
        || (StatusCode::SERVICE_UNAVAILABLE, html, NOT_BUILT).into_response(),
        |asset| asset.respond(headers),
    )
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
