//! `POST /v1/messages`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use paceline_domain::{Address, Content, Lane, PhoneNumber, RequestId, SenderId};
use paceline_store::{
    idempotency::{Once, OnceOutcome, RecordedResponse},
    messages::{Message, MessageAcceptance, NewMessage, Route},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    idempotency,
    ids::{IdSource, KeyedRequest},
    messages::MessageBody,
    phones,
    problem::{Conflict, Problem, Unprocessable},
    schemas,
    senders::{DEFAULT_POOL, MAX_POOL_NAME},
    times::{self, Time},
    validate::Checks,
};

/// One message to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendMessage {
    /// The recipient's number: E.164, or as people write it together with `default_region`.
    #[schema(example = "+15550199")]
    to: String,
    /// The region (ISO 3166 alpha-2) of a number without a country code.
    #[schema(pattern = "^[A-Za-z]{2}$")]
    default_region: Option<String>,
    /// What it says.
    #[schema(min_length = 1, max_length = 4096)]
    text: String,
    /// The sender that sends it, and no other. Not together with `pool`.
    #[schema(value_type = Option<schemas::SenderId>)]
    sender_id: Option<SenderId>,
    /// The pool whose senders may send it; `default` unless named.
    #[schema(min_length = 1, max_length = 64)]
    pool: Option<String>,
    /// `transactional` unless named; `reply` for an answer to someone who wrote.
    #[serde(default = "transactional")]
    #[schema(value_type = schemas::Lane)]
    lane: Lane,
    /// Not to be sent before this.
    #[schema(value_type = Option<DateTime<Utc>>)]
    not_before: Option<Time>,
    /// Not to be sent after this.
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Time>,
}

/// Sends one message, ahead of campaign traffic and by the same path.
#[utoipa::path(
    post, path = "/v1/messages", tag = "messages", request_body = SendMessage,
    responses(
        (status = 201, description = "Accepted; it will be sent, or its story says why not.", body = MessageBody),
        Conflict,
        Unprocessable,
    )
)]
pub(crate) async fn send_message(
    State(api): State<Api>,
    caller: Caller,
    ids: IdSource,
    Extension(request_id): Extension<RequestId>,
    JsonBody(request): JsonBody<SendMessage>,
) -> Result<Response, Problem> {
    let now = api.now();
    let phone = check(&request, now)?;
    let key = phones::workspace_key(&api, caller.workspace).await?;
    let to = Address::phone(phone);
    let id = ids.mint(now);
    let message = NewMessage {
        id,
        workspace: caller.workspace,
        lane: request.lane,
        hash: key.hash_address(&to),
        to,
        content: Content::Text { body: request.text },
        wa_id: key.wa_id(id),
        route: match request.sender_id {
            Some(sender) => Route::Sender(sender),
            None => Route::Pool(request.pool.unwrap_or_else(|| DEFAULT_POOL.to_owned())),
        },
        not_before: times::at(request.not_before),
        expires_at: times::at(request.expires_at),
        created_at: now,
    };
    if let Some(keyed) = ids.keyed() {
        return send_once(&api, (caller, request_id), keyed, message).await;
    }
    let accepted = accepted(&api.store().create_message(message).await?)?;
    Ok((StatusCode::CREATED, Json(MessageBody::from(accepted))).into_response())
}

/// The message that was accepted, now or before, or why none was.
fn accepted(acceptance: &MessageAcceptance) -> Result<Message, Problem> {
    match acceptance {
        MessageAcceptance::Accepted(message) | MessageAcceptance::Existing(message) => Ok((**message).clone()),
        MessageAcceptance::Suppressed(suppression) => Err(Problem::RecipientSuppressed(Box::new(suppression.clone()))),
        MessageAcceptance::NoSender => Err(Problem::NoSender),
    }
}

/// Accepts the message and records the answer under the request's key, in one transaction.
async fn send_once(
    api: &Api,
    (caller, request_id): (Caller, RequestId),
    keyed: &KeyedRequest,
    message: NewMessage,
) -> Result<Response, Problem> {
    // The body has been read whole: it was parsed.
    let request_hash = keyed.body.hash();
    let answer = Arc::new(move |acceptance: &MessageAcceptance| {
        let (status, content_type, body) = match accepted(acceptance) {
            // Strings, numbers and times have no way to fail.
            Ok(message) => {
                let body = serde_json::to_vec(&MessageBody::from(message)).unwrap_or_default();
                (StatusCode::CREATED, "application/json", body)
            }
            Err(problem) => problem.written(request_id),
        };
        RecordedResponse { request_hash, status: status.as_u16(), content_type: content_type.to_owned(), body }
    });
    let once = Once { claim: idempotency::claim(caller, keyed.key.clone()), answer: answer.clone() };
    match api.store().create_message_once(message, once).await? {
        OnceOutcome::Done(acceptance) => idempotency::given(answer(&acceptance)),
        OnceOutcome::Answered(recorded) => idempotency::replay(api, recorded, keyed.body.clone()).await,
        OnceOutcome::InFlight => Err(Problem::KeyInFlight),
    }
}

fn check(request: &SendMessage, now: DateTime<Utc>) -> Result<PhoneNumber, Problem> {
    let mut checks = Checks::default();
    let phone = phones::check(&mut checks, ("/to", &request.to), request.default_region.as_deref());
    let chars = request.text.chars().count();
    if request.text.trim().is_empty() {
        checks.refuse("/text", "must not be blank");
    } else if chars > Content::MAX_TEXT {
        checks.refuse("/text", format!("has {chars} characters; WhatsApp takes at most {}", Content::MAX_TEXT));
    }
    checks.text("/text", &request.text);
    if request.lane == Lane::Campaign {
        checks.refuse("/lane", "must be transactional or reply; campaigns have a resource of their own");
    }
    match (&request.sender_id, &request.pool) {
        (Some(_), Some(_)) => checks.refuse("/pool", "must not be named together with sender_id"),
        (None, Some(pool)) => checks.label("/pool", pool, MAX_POOL_NAME),
        _ => {}
    }
    if let Some(expires_at) = request.expires_at {
        if expires_at.0 <= now {
            checks.refuse("/expires_at", "must lie in the future");
        } else if request.not_before.is_some_and(|not_before| expires_at <= not_before) {
            checks.refuse("/expires_at", "must lie after not_before");
        }
    }
    checks.finish()?;
    // Present, since nothing was refused.
    phone.ok_or_else(|| Problem::Invalid(vec![]))
}

const fn transactional() -> Lane {
    Lane::Transactional
}
