//! What each problem says: one table of statuses, slugs (stable for ever) and titles, then the details of this time.

use axum::http::StatusCode;
use chrono::SecondsFormat;
use paceline_audience::ColumnNames;
use serde_json::{Map, Value, json};

use super::{FieldError, Problem};

impl Problem {
    /// The status, the slug and the title.
    #[rustfmt::skip]
    pub(super) const fn heading(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::UnreadableBody => (S::BAD_REQUEST, "unreadable-body", "The body cannot be read"),
            Self::MalformedRequest(_) => (S::BAD_REQUEST, "malformed-request", "The request is malformed"),
            Self::MalformedJson { .. } => (S::BAD_REQUEST, "malformed-json", "The body is not JSON"),
            Self::Unauthorized(_) => (S::UNAUTHORIZED, "unauthorized", "A valid API key is needed"),
            Self::CsrfToken => (S::FORBIDDEN, "csrf-token", "The page's token is missing"),
            Self::NotFound(_) => (S::NOT_FOUND, "not-found", "Not found"),
            Self::NoSuchRoute => (S::NOT_FOUND, "no-such-route", "There is no such path"),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not know this method"),
            Self::RequestTimeout => (S::REQUEST_TIMEOUT, "request-timeout", "The request did not come in time"),
            Self::UriTooLong => (S::URI_TOO_LONG, "uri-too-long", "The request's target is too long"),
            Self::HeadTooLong => (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-long", "The request's head is too long"),
            Self::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedEncoding => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-encoding", "The content encoding is not understood"),
            Self::UnsupportedMediaType { .. } => (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The content type is not understood"),

            Self::KeyInFlight => (S::CONFLICT, "idempotency-key-in-flight", "The first request is still being answered"),
            Self::CampaignState(_) => (S::CONFLICT, "campaign-state", "The campaign's state does not allow this"),
            Self::CampaignNotDraft(_) => (S::CONFLICT, "campaign-not-draft", "The campaign is not a draft"),
            Self::NoRecipients => (S::CONFLICT, "no-recipients", "The campaign has no recipients"),
            Self::NoSenders { .. } => (S::CONFLICT, "no-senders", "The pool has no active sender"),
            Self::UploadInProgress => (S::CONFLICT, "upload-in-progress", "An upload is in progress"),
            Self::SenderTaken => (S::CONFLICT, "sender-taken", "The phone number is a sender already"),
            Self::SenderRemoved => (S::CONFLICT, "sender-removed", "The sender was removed"),
            Self::NoSender => (S::CONFLICT, "no-sender", "No sender may send this message"),
            Self::MessageNotUnknown(_) => (S::CONFLICT, "message-not-unknown", "The message's outcome is not unknown"),
            Self::EndpointDisabled => (S::CONFLICT, "webhook-endpoint-disabled", "The webhook endpoint is switched off"),
            Self::DeadLetterUnreadable => (S::CONFLICT, "dead-letter-unreadable", "The dead letter cannot be read"),
            Self::RecipientSuppressed(_) => (S::CONFLICT, "recipient-suppressed", "The recipient must not be contacted"),
            Self::Conflict => (S::CONFLICT, "conflict", "Something else changed the resource"),

            Self::BeyondTheLog { .. } => (S::GONE, "beyond-the-log", "The log does not reach that far"),

            Self::PreconditionFailed => (S::PRECONDITION_FAILED, "precondition-failed", "The resource has changed"),

            Self::Invalid(_) => (S::UNPROCESSABLE_ENTITY, "invalid-request", "The request is invalid"),
            Self::KeyReused => (S::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The Idempotency-Key was used before"),
            Self::TemplateSyntax { .. } => (S::UNPROCESSABLE_ENTITY, "template-syntax", "The template has a syntax error"),
            Self::MissingVariables { .. } => (S::UNPROCESSABLE_ENTITY, "missing-variables", "The template needs variables that the audience does not have"),
            Self::UnreadableAudience { .. } => (S::UNPROCESSABLE_ENTITY, "unreadable-audience", "The recipients cannot be read"),
            Self::TooManyStreams { .. } => (S::TOO_MANY_REQUESTS, "too-many-streams", "The key has too many live streams"),
            Self::TooManyEndpoints { .. } => (S::CONFLICT, "too-many-endpoints", "The workspace has too many webhook endpoints"),
            Self::TooManyRecipients { .. } => (S::UNPROCESSABLE_ENTITY, "too-many-recipients", "The campaign has too many recipients"),

            Self::TooManyConnections => (S::SERVICE_UNAVAILABLE, "too-many-connections", "Too many callers at once"),
            Self::Unavailable(_) => (S::SERVICE_UNAVAILABLE, "unavailable", "The service is unavailable for a moment"),
            Self::Starting => (S::SERVICE_UNAVAILABLE, "starting", "The service is starting"),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "An internal error occurred"),
        }
    }

    /// What went wrong this time. Nothing for a 5xx: its log line tells.
    pub(super) fn detail(&self) -> Option<String> {
        let fixed = match self {
            Self::Unavailable(_)
            | Self::Internal(_)
            | Self::Starting
            | Self::TooManyConnections
            | Self::MethodNotAllowed => return None,
            Self::RequestTimeout => "A request that was begun must come whole within the time that the server grants.",
            Self::UriTooLong => "Path and query may have 8,192 bytes at most.",
            Self::HeadTooLong => "The head may have 32,768 bytes and 100 fields at most.",
            Self::UnreadableBody => "The request's body broke off.",
            Self::MalformedRequest(detail) | Self::Unauthorized(detail) => detail,
            Self::CsrfToken => {
                "A change by cookie needs the header X-CSRF-Token, as GET /v1/session tells it; load the page again."
            }
            Self::NoSuchRoute => "The document at /openapi.json of a server with an API lists every path.",
            Self::KeyInFlight => {
                "A request with the same Idempotency-Key is being answered; repeat this one in a moment."
            }
            Self::KeyReused => "The key was sent before with another method, path, content type or body.",
            Self::NoRecipients => "Upload recipients before starting the campaign.",
            Self::UploadInProgress => "Another upload to this campaign is open; wait until it ends.",
            Self::SenderTaken => "This installation already has a sender with this phone number on this channel.",
            Self::SenderRemoved => "The sender was removed; add its phone number again to use it.",
            Self::NoSender => "The sender is not active, or the pool has no active sender.",
            Self::EndpointDisabled => {
                "The webhook endpoint did not answer and was switched off; switch it on (POST …/enable)."
            }
            Self::DeadLetterUnreadable => {
                "This release of Paceline cannot read the letter, so there is nothing to replay."
            }
            Self::PreconditionFailed => {
                "The resource is not as If-Match says it was: somebody changed it; read it again and decide anew."
            }
            Self::UnsupportedEncoding => "The body must be sent as it is, without Content-Encoding: unpack it first.",
            Self::Conflict => "Something else changed the resource at the same time; read it again.",
            told => return Some(told.told_detail()),
        };
        Some(fixed.to_owned())
    }

    fn told_detail(&self) -> String {
        match self {
            Self::Invalid(errors) => errors.iter().map(|error| error.detail.as_str()).collect::<Vec<_>>().join("; "),
            Self::NotFound(what) => format!("There is no such {what} in this workspace."),
            Self::TooLarge { limit } => format!("The body may have {limit} bytes at most."),
            Self::UnsupportedMediaType { expected } => format!("The content type must be {expected}."),
            Self::CampaignState(refused) => format!("{}.", capitalised(&refused.to_string())),
            Self::CampaignNotDraft(state) => format!("The campaign is {state}; only a draft can be changed."),
            Self::MessageNotUnknown(state) => {
                format!("The message is {state}; only one of unknown outcome can be resolved, and only once.")
            }
            Self::NoSenders { pool } => format!("The pool {pool:?} has no active sender; add one, or resume one."),
            Self::RecipientSuppressed(suppression) => {
                let since = suppression.since.to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("The recipient is suppressed since {since} ({}).", suppression.reason)
            }
            Self::TemplateSyntax { detail, line, column } => format!("Line {line}, column {column}: {detail}"),
            Self::MissingVariables { variables, columns } if columns.iter().next().is_none() => {
                format!("No column provides {}; no columns were found.", quoted(variables))
            }
            Self::MissingVariables { variables, columns } => {
                format!("No column provides {}; the columns found are {}.", quoted(variables), with_aliases(columns))
            }
            Self::BeyondTheLog { last } => format!(
                "The last event is {last}: the database may have been restored from a backup. Go on after {last}, and read again what you \
                 keep of this installation."
            ),
            Self::TooManyRecipients { limit } => {
                format!("A campaign may have {limit} rows at most; nothing of this upload was kept.")
            }
            Self::TooManyStreams { limit } => format!("A key may have {limit} live streams at a time; end one first."),
            Self::TooManyEndpoints { limit } => {
                format!("A workspace may have {limit} webhook endpoints; remove one first.")
            }
            Self::MalformedJson { detail, .. } | Self::UnreadableAudience { detail, .. } => detail.clone(),
            // The rest have a fixed detail, or none.
            _ => String::new(),
        }
    }

    /// What is wrong, one by one.
    pub(super) fn errors(&self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) => errors.clone(),
            Self::TemplateSyntax { detail, .. } => vec![FieldError::pointer("/template", detail)],
            _ => Vec::new(),
        }
    }

    /// The members that this type of problem has beside the standard ones.
    pub(super) fn extensions(&self) -> Map<String, Value> {
        let members = match self {
            Self::MalformedJson { line, column, .. } | Self::TemplateSyntax { line, column, .. } => {
                json!({ "line": line, "column": column })
            }
            Self::TooLarge { limit } | Self::TooManyRecipients { limit } => json!({ "limit": limit }),
            Self::TooManyStreams { limit } | Self::TooManyEndpoints { limit } => json!({ "limit": limit }),
            Self::CampaignState(refused) => json!({ "state": refused.state, "attempted": refused.attempted }),
            Self::CampaignNotDraft(state) => json!({ "state": state }),
            Self::MessageNotUnknown(state) => json!({ "state": state }),
            Self::NoSenders { pool } => json!({ "pool": pool }),
            Self::RecipientSuppressed(suppression) => {
                json!({ "since": suppression.since, "why": suppression.reason, "scope": suppression.scope })
            }
            Self::MissingVariables { variables, columns } => {
                let names: Vec<_> = columns.iter().map(|(name, _)| name).collect();
                json!({ "variable": variables.first(), "variables": variables, "columns": names })
            }
            Self::BeyondTheLog { last } => json!({ "last": last.to_string() }),
            Self::UnreadableAudience { found, .. } => return found.clone(),
            _ => return Map::new(),
        };
        members.as_object().cloned().unwrap_or_default()
    }
}

/// Columns by name, with the alias under which a template may name each.
fn with_aliases(columns: &ColumnNames) -> String {
    let named = columns.iter().map(|(name, alias)| match alias {
        Some(alias) => format!("{name:?} (in a template {alias})"),
        None => format!("{name:?}"),
    });
    named.collect::<Vec<_>>().join(", ")
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
