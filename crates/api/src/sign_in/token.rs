//! The tokens of a sign-in: what a browser or a link carries, and what only a page of ours knows.

use std::fmt;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{COOKIE, HOST},
};
use chrono::{DateTime, Utc};
use paceline_domain::Minter;
use sha2::{Digest, Sha256};

/// Where a change by cookie carries the page's token.
pub(crate) const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

const COOKIE_NAME: &str = "paceline_session";

/// 32 random bytes as 64 hexadecimal digits. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SessionToken(String);

impl SessionToken {
    /// A new token.
    pub(crate) fn generate(minter: &Minter) -> Self {
        Self(hex(&minter.bytes::<32>()))
    }

    /// A token as somebody presents it, when it has the form of one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_token.then(|| Self(text.to_owned()))
    }

    /// The token in the request's cookie.
    ///
    /// A browser keeps one cookie for all ports of a host, so that two installations on one machine would sign each other out: the
    /// port is part of the name.
    pub(crate) fn of_cookie(headers: &HeaderMap) -> Option<Self> {
        let name = cookie_name(headers);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(found, _)| *found == name).and_then(|(_, value)| Self::parse(value))
    }

    /// The header that gives it to a browser until it is over.
    pub(crate) fn to_cookie(&self, headers: &HeaderMap, now: DateTime<Utc>, until: DateTime<Utc>) -> HeaderValue {
        cookie(headers, &self.0, (until - now).num_seconds().max(0))
    }

    /// What is stored of it.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The page's token.
    pub(crate) fn csrf_token(&self) -> String {
        hex(&Sha256::new().chain_update("page:").chain_update(&self.0).finalize())
    }

    /// Whether these bytes are the page's token. Compares hashes, so that the time it takes tells nothing.
    pub(crate) fn is_csrf_token(&self, presented: &[u8]) -> bool {
        Sha256::digest(presented) == Sha256::digest(self.csrf_token())
    }

    /// The token itself: for whoever will use it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(hidden)")
    }
}

/// The header that takes the cookie from a browser.
pub(crate) fn no_cookie(headers: &HeaderMap) -> HeaderValue {
    cookie(headers, "", 0)
}

/// Scripts cannot read it, other sites' pages do not send it; behind a proxy that speaks TLS it never leaves in the clear.
fn cookie(headers: &HeaderMap, value: &str, seconds: i64) -> HeaderValue {
    let proto = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let secure = if proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https")) { "; Secure" } else { "" };
    let name = cookie_name(headers);
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match host.rsplit_once(':') {
        Some((_, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{COOKIE_NAME}_{port}")
        }
        _ => COOKIE_NAME.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
