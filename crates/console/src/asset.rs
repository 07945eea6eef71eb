//! The files of the page, as they were built.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    response::{IntoResponse as _, Response},
};

/// The document that every page begins with.
pub(crate) const INDEX: &str = "index.html";

/// A file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    /// Its path below the root.
    pub(crate) path: &'static str,
    /// Its content type.
    pub(crate) kind: &'static str,
    /// Its hash, in quotes.
    pub(crate) etag: &'static str,
    /// Its bytes.
    pub(crate) plain: &'static [u8],
    /// Compressed, for browsers on plain http, which offer no better.
    pub(crate) gzip: &'static [u8],
    /// Compressed better.
    pub(crate) brotli: &'static [u8],
}

/// Every file, none where `scripts/console` has not run.
pub(crate) const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

impl Asset {
    /// The file with this path.
    pub(crate) fn find(path: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.path == path)
    }

    /// The answer to who asks for it.
    pub(crate) fn respond(&self, request: &HeaderMap) -> Response {
        let etag = HeaderValue::from_static(self.etag);
        // The names of all but the document hold their hash: what such a name says never changes.
        let cache = if self.path == INDEX { "no-cache" } else { "public, max-age=31536000, immutable" };
        let caching = [(CACHE_CONTROL, HeaderValue::from_static(cache)), (ETAG, etag), (VARY, ACCEPT_ENCODING.into())];
        let known = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        if known.flat_map(|list| list.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == self.etag) {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        let kind = [(CONTENT_TYPE, HeaderValue::from_static(self.kind))];
        let (bytes, encoding) = self.encoded(request);
        let mut response = (caching, kind, Body::from(bytes)).into_response();
        if let Some(encoding) = encoding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }

    fn encoded(&self, request: &HeaderMap) -> (&'static [u8], Option<&'static str>) {
        let offered = request.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let offered: Vec<&str> = offered.flat_map(|list| list.split(',')).filter_map(wanted).collect();
        if offered.contains(&"br") {
            (self.brotli, Some("br"))
        } else if offered.contains(&"gzip") {
            (self.gzip, Some("gzip"))
        } else {
            (self.plain, None)
        }
    }
}

/// The coding that an element of `Accept-Encoding` offers; none when its weight is zero.
fn wanted(element: &str) -> Option<&str> {
    let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
    let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
    (weight != Some(0.0)).then_some(coding.trim())
}
