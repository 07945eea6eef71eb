//! Reading a JSON body: every way in which it can be wrong is a problem that names the place.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use futures_util::StreamExt;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{
    api::Api,
    problem::{FieldError, Problem},
};

mod objects;

use objects::Strict;

/// The longest JSON body, in bytes. Uploads of recipients have a limit of their own.
const MAX_JSON: u64 = 1 << 20;
/// How long it may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON body.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A JSON body that may be left out.
pub(crate) struct OptionalJsonBody<T>(pub(crate) Option<T>);

impl<T: DeserializeOwned> FromRequest<Api> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let bytes = read_whole(body, MAX_JSON).await?;
        parse(&bytes).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Api> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_whole(body, MAX_JSON).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        require_json(&parts.headers)?;
        parse(&bytes).map(|body| Self(Some(body)))
    }
}

/// Refuses a body that would have to be unpacked: what it unpacks to has no bound.
pub(crate) fn require_identity(headers: &HeaderMap) -> Result<(), Problem> {
    let encodings = headers.get_all(CONTENT_ENCODING).iter();
    let mut plain = encodings.map(|value| value.as_bytes().trim_ascii());
    if plain.all(|encoding| encoding.eq_ignore_ascii_case(b"identity")) {
        Ok(())
    } else {
        Err(Problem::UnsupportedEncoding)
    }
}

/// The media type of a body, in lower case and without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

/// A field of a PATCH that may be empty: absent keeps the value, `null` clears it. To be used with `#[serde(default)]`.
#[derive(Default)]
pub(crate) enum Change<T> {
    /// The field is absent.
    #[default]
    Keep,
    /// The field has a value, or is `null`.
    Set(Option<T>),
}

impl<T> Change<T> {
    /// The same change of another type.
    pub(crate) fn map<U>(self, into: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Set(new) => Change::Set(new.map(into)),
        }
    }

    /// The value after the change.
    pub(crate) fn apply(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Set(new) => new,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Set)
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    match media_type(headers) {
        Some(kind) if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) => {
            require_utf8(headers)?;
            require_identity(headers)
        }
        _ => Err(Problem::UnsupportedMediaType { expected: "application/json" }),
    }
}

/// JSON is UTF-8 (RFC 8259, section 8.1). Whoever says that its JSON is something else would not be understood.
fn require_utf8(headers: &HeaderMap) -> Result<(), Problem> {
    match charset(headers) {
        Some(charset) if !matches!(charset.as_str(), "utf-8" | "utf8") => {
            Err(Problem::UnsupportedMediaType { expected: "application/json in UTF-8" })
        }
        _ => Ok(()),
    }
}

/// The encoding that a content type names, in lower case.
fn charset(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    })
}

async fn read_whole(body: Body, limit: u64) -> Result<Vec<u8>, Problem> {
    tokio::time::timeout(PATIENCE, read_on(body, limit)).await.unwrap_or(Err(Problem::RequestTimeout))
}

async fn read_on(body: Body, limit: u64) -> Result<Vec<u8>, Problem> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::UnreadableBody)?;
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(Problem::TooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(Strict(&mut deserializer)).map_err(|error| {
        let pointer = pointer_of(error.path());
        refusal(&error.into_inner(), pointer)
    })?;
    deserializer.end().map_err(|error| refusal(&error, String::new()))?;
    Ok(parsed)
}

fn refusal(error: &serde_json::Error, pointer: String) -> Problem {
    let (line, column) = (error.line(), error.column());
    let told = error.to_string();
    // The place is told by `line` and `column`, or by the pointer.
    let detail = told.rsplit_once(" at line ").map_or(told.as_str(), |(detail, _)| detail).to_owned();
    match error.classify() {
        Category::Data => Problem::Invalid(vec![FieldError::pointer(pointer, detail)]),
        Category::Io | Category::Syntax | Category::Eof => Problem::MalformedJson { detail, line, column },
    }
}

/// RFC 6901.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { variant } => Some(format!("/{variant}")),
            Segment::Unknown => None,
        })
        .collect()
}
