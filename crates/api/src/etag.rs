//! Versions of what can be changed: `ETag` on what is shown, `If-Match` on what is changed, so that of two people who edit at once
//! neither undoes the other's work unseen (RFC 9110, sections 8.8.3 and 13.1.1).

use axum::{
    Json,
    extract::FromRequestParts,
    http::{
        HeaderValue, StatusCode,
        header::{ETAG, IF_MATCH},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    api::Api,
    problem::{FieldError, Problem},
};

/// A resource that can be changed.
pub(crate) trait Versioned: Serialize {
    /// The fields that change by themselves, such as counters: they belong to no version.
    const VOLATILE: &'static [&'static str];

    /// The version, as `ETag` has it.
    fn version(&self) -> String {
        let mut shown = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(fields) = &mut shown {
            fields.retain(|name, _| !Self::VOLATILE.contains(&name.as_str()));
        }
        let digest = Sha256::digest(shown.to_string().as_bytes());
        format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..12]))
    }
}

/// A resource with its version.
pub(crate) struct Tagged<T>(pub(crate) StatusCode, pub(crate) T);

impl<T> Tagged<T> {
    /// As it is now.
    pub(crate) fn now(body: impl Into<T>) -> Self {
        Self(StatusCode::OK, body.into())
    }
}

impl<T: Versioned> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Self(status, body) = self;
        let version = HeaderValue::try_from(body.version());
        let mut response = (status, Json(body)).into_response();
        if let Ok(version) = version {
            response.headers_mut().insert(ETAG, version);
        }
        response
    }
}

/// The versions that a change is meant for; any without the header.
pub(crate) struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// Refuses a change of another version than those that are meant.
    pub(crate) fn check(&self, current: &impl Versioned) -> Result<(), Problem> {
        match &self.0 {
            Some(wanted) if !wanted.iter().any(|tag| tag == "*" || *tag == current.version()) => {
                Err(Problem::PreconditionFailed)
            }
            _ => Ok(()),
        }
    }

    /// The refusal of a change that another one overtook.
    pub(crate) fn overtaken(&self) -> Problem {
        if self.0.is_some() { Problem::PreconditionFailed } else { Problem::Conflict }
    }
}

impl FromRequestParts<Api> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let mut tags = Vec::new();
        for value in parts.headers.get_all(IF_MATCH) {
            let text = value.to_str().map_err(|_| malformed())?;
            for tag in text.split(',').map(str::trim) {
                let bare = tag.strip_prefix("W/").unwrap_or(tag);
                let quoted = bare.len() >= 2 && bare.starts_with('"') && bare.ends_with('"');
                if tag != "*" && !quoted {
                    return Err(malformed());
                }
                tags.push(tag.to_owned());
            }
        }
        Ok(Self(Some(tags).filter(|tags| !tags.is_empty())))
    }
}

fn malformed() -> Problem {
    FieldError::header("If-Match", "must be the ETag of the resource as it was seen, or *").into()
}
