//! One try: sign, post, and say what came of it. Neither URLs nor secrets nor bodies leave this file.

use std::{error::Error as StdError, net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{EgressPolicy, EventKind};
use paceline_store::deliveries::ClaimedDelivery;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};

use crate::resolver::RefusedAddress;

/// The longest text of a cause that is kept with a delivery, in characters.
const CAUSE_CHARS: usize = 200;

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The webhook endpoint answered.
    Status {
        /// With this status.
        status: u16,
        /// And asked to be left alone for this long.
        retry_after: Option<Duration>,
    },
    /// The webhook endpoint did not answer.
    Failed(Failure),
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// The URL, the secret or the event can never be sent.
    #[error("{0}")]
    Unsendable(&'static str),
    /// The policy forbids the address.
    #[error("the webhook endpoint's address is not public, and the egress policy does not permit it")]
    Refused,
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// No connection came about.
    #[error("no connection: {0}")]
    Connect(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl Failure {
    /// The word by which metrics count it.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Unsendable(_) => "unsendable",
            Self::Refused => "refused_address",
            Self::TimedOut(_) => "timeout",
            Self::Connect(_) => "connect",
            Self::Broken(_) => "broken",
        }
    }
}

/// The body, in the order that Standard Webhooks shows it.
#[derive(Serialize)]
struct Body<'a> {
    r#type: EventKind,
    timestamp: DateTime<Utc>,
    data: &'a serde_json::Value,
}

/// What every try needs.
#[derive(Debug, Clone)]
pub(crate) struct Poster {
    pub(crate) client: Client,
    pub(crate) policy: std::sync::Arc<EgressPolicy>,
    pub(crate) timeout: Duration,
}

impl Poster {
    /// Posts a delivery once. `now` is real time.
    pub(crate) async fn post(&self, delivery: &ClaimedDelivery, now: DateTime<Utc>) -> Answer {
        let request = match self.signed(delivery, now) {
            Ok(request) => request,
            Err(failure) => return Answer::Failed(failure),
        };
        match request.send().await {
            Ok(response) => {
                Answer::Status { status: response.status().as_u16(), retry_after: retry_after(&response, now) }
            }
            Err(error) => Answer::Failed(self.failure_of(&error)),
        }
    }

    fn signed(&self, delivery: &ClaimedDelivery, now: DateTime<Utc>) -> Result<RequestBuilder, Failure> {
        let url =
            Url::parse(&delivery.url).map_err(|_| Failure::Unsendable("the webhook endpoint's URL is not a URL"))?;
        self.check(&url)?;
        let body = Body { r#type: delivery.kind, timestamp: delivery.at, data: &delivery.data };
        let body = serde_json::to_vec(&body).map_err(|_| Failure::Unsendable("the event cannot be written as JSON"))?;
        let id = delivery.event.to_string();
        let signature = Webhook::new(&delivery.secret)
            .and_then(|webhook| webhook.sign(&id, now.timestamp(), &body))
            .map_err(|_| Failure::Unsendable("the webhook endpoint's signing secret is not whsec_ and base64"))?;
        Ok(self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, now.timestamp())
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body))
    }

    /// Refuses other schemes, and addresses written into the URL, which the connector does not resolve. The parser has
    /// brought every notation of an address (octal, hexadecimal, a single number) into the usual one.
    fn check(&self, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::Unsendable("the webhook endpoint's URL is neither http nor https"));
        }
        let host = url.host_str().ok_or(Failure::Unsendable("the webhook endpoint's URL names no host"))?;
        let literal: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        match literal {
            Some(address) if !self.policy.permits(address) => Err(Failure::Refused),
            _ => Ok(()),
        }
    }

    fn failure_of(&self, error: &reqwest::Error) -> Failure {
        let mut innermost: &(dyn StdError + 'static) = error;
        while let Some(source) = innermost.source() {
            innermost = source;
            if innermost.is::<RefusedAddress>() {
                return Failure::Refused;
            }
        }
        if error.is_timeout() {
            return Failure::TimedOut(self.timeout);
        }
        // Only the innermost cause: the outer ones repeat the URL, which may hold a secret in its query.
        let cause: String = innermost.to_string().chars().take(CAUSE_CHARS).collect();
        if error.is_connect() { Failure::Connect(cause) } else { Failure::Broken(cause) }
    }
}

/// How long a 429 or a 503 asks us to wait, given in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<Duration> {
    if !matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.to_utc() - now).to_std().unwrap_or(Duration::ZERO))
}
