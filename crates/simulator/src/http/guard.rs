//! Who may call: no page in a browser, whatever name it gave this address, and for all but sessions and health whoever has the token.
//!
//! A browser sends its pages' requests to this port as well as anybody's. It says so (`Origin`, `Sec-Fetch-Site`), and a name that was
//! pointed here from outside stands in `Host`. A call that changes something carries JSON, which no form of a page can send.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, Method, StatusCode,
        header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, TRANSFER_ENCODING, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{App, Problem};
use crate::Exposure;

/// What needs no token: the session protocol, whose frames carry credentials of their own, and what says nothing of anybody.
const OPEN: [&str; 4] = ["/session", "/healthz", "/readyz", "/metrics"];

/// The user that a URL with the token names, for clients that know nothing but a URL.
pub(crate) const USER: &str = "paceline";

/// Lets a call pass.
pub(super) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            let unauthorized = problem.status == StatusCode::UNAUTHORIZED;
            let mut response = problem.into_response();
            if unauthorized {
                let challenge = axum::http::HeaderValue::from_static("Bearer realm=\"simulator\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

fn check(app: &App, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let from_page =
        headers.contains_key(ORIGIN) || headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() != b"none");
    if from_page {
        return Err(refuse(StatusCode::FORBIDDEN, "forbidden-origin", "a page in a browser has no business here"));
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_own_name(host, app.exposure) {
        return Err(refuse(StatusCode::FORBIDDEN, "forbidden-host", "this is not the simulator's name"));
    }
    if !OPEN.contains(&request.uri().path()) && !presents(headers, &app.token) {
        return Err(refuse(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "the call needs the token that the simulator made at its start",
        ));
    }
    if request.method() == Method::POST && has_body(headers) && !is_json(headers) {
        return Err(refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "the content type must be application/json",
        ));
    }
    Ok(())
}

fn refuse(status: StatusCode, slug: &'static str, detail: &str) -> Problem {
    Problem { status, slug, detail: detail.to_owned() }
}

/// Whether nobody outside can have pointed the name here: an address, this machine, or, where others on a private network may call, a
/// name that no public server of names gives out.
fn is_own_name(host: &str, exposure: Exposure) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let inner = !name.is_empty() && name.rsplit_once('.').is_none_or(|(_, last)| matches!(last, "local" | "internal"));
    bare.parse::<std::net::IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || (exposure == Exposure::AnyAddress && inner)
}

/// Whether a call carries the token, as a bearer or as the password of a URL.
fn presents(headers: &HeaderMap, token: &str) -> bool {
    let Some((scheme, value)) =
        headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '))
    else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return same(value.trim().as_bytes(), token.as_bytes());
    }
    let pair = STANDARD.decode(value.trim()).unwrap_or_default();
    let password = pair.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
    scheme.eq_ignore_ascii_case("basic") && same(password, token.as_bytes())
}

/// In a time that does not say where they differ.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |differ, (left, right)| differ | (left ^ right)) == 0
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_anybody_can_point_here_is_not_ours() {
        for host in ["127.0.0.1", "127.0.0.1:8490", "[::1]:8490", "localhost:1", "LOCALHOST", "10.0.0.7:8490"] {
            assert!(is_own_name(host, Exposure::LoopbackOnly), "{host}");
        }
        for host in ["", "evil.example", "evil.example:8490", "127.0.0.1.evil.example", "localhost.evil.example"] {
            assert!(!is_own_name(host, Exposure::LoopbackOnly) && !is_own_name(host, Exposure::AnyAddress), "{host}");
        }
        for host in ["simulator:8490", "paceline.internal", "box.local"] {
            assert!(is_own_name(host, Exposure::AnyAddress) && !is_own_name(host, Exposure::LoopbackOnly), "{host}");
        }
    }
}
