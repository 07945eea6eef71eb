//! Every way in which the API refuses, as one enum, and how a refusal is written: RFC 9457 `application/problem+json`.
//!
//! A handler returns a [`Problem`]; [`render`] turns it into a body where the request's id is known. A problem with a 5xx
//! status shows no detail: what happened goes to the log line of the same request.

use axum::{
    body::Body,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use paceline_audience::ColumnNames;
use paceline_domain::{CampaignState, MessageState, MoveRefused, RequestId};
use paceline_store::{StoreError, suppressions::Suppression};
use serde_json::{Map, Value, json};

mod describe;
mod document;

pub(crate) use document::{
    Conflict, Gone, NotFound, PayloadTooLarge, ProblemBody, TooManyRequests, Unprocessable, UnsupportedMediaType,
    problem_response,
};

/// The content type of every refusal.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// How long a client waits before it repeats a request that met an unavailable database, in seconds.
pub(crate) const RETRY_SECONDS: u16 = 5;

/// Why a request is refused.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The body breaks off or cannot be read.
    UnreadableBody,
    /// It is not HTTP/1.1, or could be read in two ways.
    MalformedRequest(&'static str),
    /// The request did not come whole in time.
    RequestTimeout,
    /// The request's target is too long.
    UriTooLong,
    /// The request's head is too long, or has too many fields.
    HeadTooLong,
    /// The process answers as many callers as it can.
    TooManyConnections,
    /// The body is not JSON.
    MalformedJson { detail: String, line: usize, column: usize },
    /// Fields, parameters or headers are wrong; each is named.
    Invalid(Vec<FieldError>),
    /// No key, or not a key of ours.
    Unauthorized(&'static str),
    /// A change asked for with a cookie, but without the token of the page.
    CsrfToken,
    /// The resource does not exist in the workspace.
    NotFound(&'static str),
    /// The path does not exist.
    NoSuchRoute,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is longer than allowed.
    TooLarge { limit: u64 },
    /// The body's content type is none that is understood.
    UnsupportedMediaType { expected: &'static str },
    /// The `Idempotency-Key` was used with another request.
    KeyReused,
    /// A request with the same `Idempotency-Key` is being answered.
    KeyInFlight,
    /// The campaign's state does not allow the move.
    CampaignState(MoveRefused),
    /// Only a draft can be changed.
    CampaignNotDraft(CampaignState),
    /// The campaign has no recipients.
    NoRecipients,
    /// The campaign's pool has no active sender.
    NoSenders { pool: String },
    /// Another upload to the campaign is open.
    UploadInProgress,
    /// The template cannot be parsed.
    TemplateSyntax { detail: String, line: usize, column: usize },
    /// The template names variables that no column provides.
    MissingVariables { variables: Vec<String>, columns: ColumnNames },
    /// The file of recipients is refused whole.
    UnreadableAudience { detail: String, found: Map<String, Value> },
    /// The event after which to go on is none that this installation has told.
    BeyondTheLog { last: i64 },
    /// The campaign would have more rows than allowed.
    TooManyRecipients { limit: u64 },
    /// The key has as many live streams as it may.
    TooManyStreams { limit: usize },
    /// The workspace has as many webhook endpoints as it may.
    TooManyEndpoints { limit: usize },
    /// The phone number is a sender already.
    SenderTaken,
    /// The sender was removed.
    SenderRemoved,
    /// No sender may send the message.
    NoSender,
    /// Only a message of unknown outcome can be resolved, and only once.
    MessageNotUnknown(MessageState),
    /// The webhook endpoint is switched off.
    EndpointDisabled,
    /// Nobody can read the dead letter.
    DeadLetterUnreadable,
    /// The recipient must not be contacted.
    RecipientSuppressed(Box<Suppression>),
    /// Something else changed the resource at the same time.
    Conflict,
    /// The resource is another than the one that `If-Match` names.
    PreconditionFailed,
    /// The body is compressed, or encoded otherwise.
    UnsupportedEncoding,
    /// The database cannot be reached, is locked, or its disk is full.
    Unavailable(StoreError),
    /// The server has begun to listen and has no database yet.
    Starting,
    /// A defect, or corrupt data.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// One wrong field, parameter or header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    place: Place,
    detail: String,
}

/// Where the wrong value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Pointer(String),
    Parameter(String),
    Header(&'static str),
}

impl FieldError {
    /// A field of the JSON body, by JSON pointer.
    pub(crate) fn pointer(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { place: Place::Pointer(pointer.into()), detail: detail.into() }
    }
    /// A query parameter.
    pub(crate) fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { place: Place::Parameter(name.into()), detail: detail.into() }
    }
    /// A header.
    pub(crate) fn header(name: &'static str, detail: impl Into<String>) -> Self {
        Self { place: Place::Header(name), detail: detail.into() }
    }

    fn to_json(&self) -> Value {
        match &self.place {
            Place::Pointer(pointer) => json!({ "pointer": pointer, "detail": self.detail }),
            Place::Parameter(name) => json!({ "parameter": name, "detail": self.detail }),
            Place::Header(name) => json!({ "header": name, "detail": self.detail }),
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable(error),
            StoreError::Conflict { .. } => Self::Conflict,
            StoreError::Corrupt { .. } | StoreError::Refused { .. } => Self::Internal(Box::new(error)),
        }
    }
}

impl Problem {
    /// A defect, as the log will show it.
    pub(crate) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// A problem on its way out of a handler, before [`render`] gives it a body.
#[derive(Clone)]
struct Unrendered(std::sync::Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, ..) = self.heading();
        let mut response = status.into_response();
        if matches!(self, Self::Unauthorized(_)) {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"paceline\""));
        }
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Unrendered(std::sync::Arc::new(self)));
        response
    }
}

impl Problem {
    const fn retry_after(&self) -> Option<u16> {
        match self {
            Self::Unavailable(_) | Self::Starting | Self::TooManyConnections | Self::TooManyStreams { .. } => {
                Some(RETRY_SECONDS)
            }
            Self::KeyInFlight | Self::Conflict | Self::UploadInProgress => Some(1),
            _ => None,
        }
    }

    fn to_body(&self, request: RequestId) -> Value {
        let (status, slug, title) = self.heading();
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(format!("urn:paceline:problem:{slug}")));
        body.insert("title".to_owned(), json!(title));
        body.insert("status".to_owned(), json!(status.as_u16()));
        if let Some(detail) = self.detail() {
            body.insert("detail".to_owned(), json!(detail));
        }
        body.insert("instance".to_owned(), json!(request));
        let errors = self.errors();
        if !errors.is_empty() {
            body.insert("errors".to_owned(), errors.iter().map(FieldError::to_json).collect());
        }
        body.extend(self.extensions());
        Value::Object(body)
    }
}

impl Problem {
    /// The refusal as it is written: status, content type and body.
    pub(crate) fn written(&self, request: RequestId) -> (StatusCode, &'static str, Vec<u8>) {
        let (status, ..) = self.heading();
        (status, PROBLEM_JSON, self.to_body(request).to_string().into_bytes())
    }
}

/// The refusal that a response will tell, until it has its body.
pub(crate) fn of(response: &Response) -> Option<&Problem> {
    response.extensions().get::<Unrendered>().map(|Unrendered(problem)| &**problem)
}

/// Gives a refusal its body; any other response passes unchanged. Where the status is 5xx, logs what happened.
pub(crate) fn render(response: Response, request: RequestId) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(Unrendered(problem)) = parts.extensions.remove::<Unrendered>() else {
        return Response::from_parts(parts, body);
    };
    if parts.status.is_server_error() {
        log_failure(&problem, parts.status, request);
    }
    // That of the empty body, where a router has noted it.
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    Response::from_parts(parts, Body::from(problem.to_body(request).to_string()))
}

/// A refusal as it goes over the wire, of a connection that ends with it.
pub(crate) fn raw(problem: &Problem, request: RequestId) -> Vec<u8> {
    let (status, ..) = problem.heading();
    let body = problem.to_body(request).to_string();
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nconnection: close\r\nx-request-id: {request}\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    )
    .into_bytes()
}

fn log_failure(problem: &Problem, status: StatusCode, request: RequestId) {
    let error: &dyn std::error::Error = match problem {
        Problem::Unavailable(error) => error,
        Problem::Internal(error) => &**error,
        _ => return,
    };
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    tracing::error!(request.id = %request, http.status = status.as_u16(), error = told, "the request failed");
}
