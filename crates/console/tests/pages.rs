//! The pages of a binary that has them, or of one that has not: whichever was built.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use paceline_console::{IS_BUILT, router};
use tower::ServiceExt as _;

async fn get(path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status.as_u16(), parts.headers, bytes.to_vec())
}

fn of<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_path_gives_the_document_and_a_policy_without_inline_scripts() {
    for path in ["/", "/campaigns/cmp_1", "/sign-in"] {
        let (status, headers, body) = get(path, &[]).await;
        assert_eq!(status, if IS_BUILT { 200 } else { 503 }, "{path}");
        assert!(String::from_utf8(body).unwrap().starts_with("<!doctype html>"), "{path}");
        assert_eq!(of(&headers, "content-type"), "text/html; charset=utf-8");
        let policy = of(&headers, "content-security-policy");
        let scripts = policy.split("; ").find(|rule| rule.starts_with("script-src")).unwrap();
        assert_eq!(scripts, "script-src 'self'");
        assert!(policy.contains("frame-ancestors 'none'"));
    }
}

#[tokio::test]
async fn a_file_that_does_not_exist_is_no_document() {
    let (status, _, body) = get("/assets/none.js", &[]).await;
    assert_eq!(status, 404);
    assert!(!String::from_utf8(body).unwrap().contains("<html"));
}

#[tokio::test]
async fn a_binary_without_the_page_says_how_to_build_it() {
    if !IS_BUILT {
        let (_, _, body) = get("/", &[]).await;
        assert!(String::from_utf8(body).unwrap().contains("scripts/console"));
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_and_the_document_is_asked_for_again() {
    if !IS_BUILT {
        return;
    }
    let (_, headers, body) = get("/", &[]).await;
    assert_eq!(of(&headers, "cache-control"), "no-cache");
    let etag = of(&headers, "etag").to_owned();
    let (status, _, again) = get("/", &[("if-none-match", &etag)]).await;
    assert_eq!((status, again.len()), (304, 0));

    let document = String::from_utf8(body).unwrap();
    let script = document.split('"').find(|part| part.starts_with("/assets/") && part.contains(".js")).unwrap();
    let (status, headers, plain) = get(script, &[]).await;
    assert_eq!((status, of(&headers, "content-encoding")), (200, ""));
    assert!(of(&headers, "cache-control").contains("immutable"));
    for (offered, coding) in [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("br;q=0, gzip", "gzip")] {
        let (_, headers, packed) = get(script, &[("accept-encoding", offered)]).await;
        assert_eq!(of(&headers, "content-encoding"), coding);
        assert!(packed.len() < plain.len() / 2, "{offered}");
    }
}
