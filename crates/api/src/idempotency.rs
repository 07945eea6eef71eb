//! `Idempotency-Key`: the first answer to a POST is the answer to its repetitions; and every mutation runs to its end.
//!
//! What is asked for most, a single message, is made and answered in one transaction: its handler settles the key itself ([`Settled`]), and
//! only what it refuses before that is recorded here.
//!
//! A client that goes away drops its connection, not what it asked for: mutations run in a task of their own. Their answers
//! below 500 are recorded with a hash of the request. A crash before the recording leaves a claim that runs out; the
//! repetition then executes again with the same ids (see [`crate::ids`]).

use std::time::Duration;

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use paceline_domain::RequestId;
use paceline_failpoints::{self as failpoints, Failpoint};
use paceline_store::idempotency::{ClaimOutcome, IdempotencyClaim, RecordedResponse};
use paceline_telemetry::{Describe, IntCounterVec, Metrics};
use tracing::Instrument;

use crate::{
    api::Api,
    auth::Caller,
    ids::KeyedRequest,
    problem::{self, FieldError, Problem},
    tee::Tee,
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key.
const MAX_KEY: usize = 255;
/// How long a key stays claimed after its server died.
const CLAIM: Duration = Duration::from_secs(30);
/// How often a claim is extended while the handler runs.
const RENEWAL: Duration = Duration::from_secs(10);

/// The route whose handler settles the key itself.
const SETTLES_ITSELF: &str = "/v1/messages";

/// The route on which a repetition does not wait for the first request: an upload takes as long as its body, and a client that asks again has
/// given the first one up. What the first one has brought so far is removed with the second one's opening.
const TAKES_OVER: &str = "/v1/campaigns/{id}/recipients";

/// Marks a response whose answer is recorded, or is not to be, as its handler knows.
#[derive(Clone, Copy)]
pub(crate) struct Settled;

const FIRST: &str = "first";
const REPEATED: &str = "repeated";
const IN_FLIGHT: &str = "in_flight";
const REUSED: &str = "reused";

pub(crate) fn key_counter(metrics: &Metrics) -> IntCounterVec {
    let describe = Describe {
        name: "paceline_http_idempotency_keys_total",
        help: "Requests with an Idempotency-Key, by what the key was: first, repeated (the first answer was given again), in_flight \
               (the first is still being answered), reused (with another request).",
        when_it_rises: "repeated, in_flight: clients lose answers, or wait too short; reused: a client makes its keys wrongly.",
    };
    let keys = metrics.counter(describe, &["key"]);
    for key in [FIRST, REPEATED, IN_FLIGHT, REUSED] {
        keys.with_label_values(&[key]);
    }
    keys
}

/// What the key of an answered request was, as its counter says it.
fn what_the_key_was(response: &Response) -> &'static str {
    match problem::of(response) {
        Some(Problem::KeyInFlight) => IN_FLIGHT,
        Some(Problem::KeyReused) => REUSED,
        _ if response.headers().contains_key(REPLAYED) => REPEATED,
        _ => FIRST,
    }
}

/// Runs mutations to their end, and POSTs with a key once.
pub(crate) async fn run_once(State(api): State<Api>, caller: Caller, request: Request, next: Next) -> Response {
    let key = match *request.method() {
        Method::GET | Method::HEAD | Method::OPTIONS => return next.run(request).await,
        Method::POST => read_key(request.headers()),
        _ => Ok(None),
    };
    let key = match key {
        Ok(key) => key,
        Err(problem) => return problem.into_response(),
    };
    let work = async move {
        failpoints::pass(Failpoint::ApiReceived);
        let response = match key {
            None => next.run(request).await,
            Some(key) => {
                let response =
                    answer_once(&api, caller, key, request, next).await.unwrap_or_else(Problem::into_response);
                api.keys().with_label_values(&[what_the_key_was(&response)]).inc();
                response
            }
        };
        failpoints::pass_if(Failpoint::ApiAccepted, || response.status().is_success());
        response
    };
    let ended = tokio::spawn(work.in_current_span()).await;
    ended.unwrap_or_else(|panicked| Problem::internal(panicked).into_response())
}

fn read_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if visible && (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(FieldError::header("Idempotency-Key", "must be 1 to 255 visible ASCII characters").into()),
    }
}

async fn answer_once(
    api: &Api,
    caller: Caller,
    key: String,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let is_route = |wanted| route.as_ref().is_some_and(|route| route.as_str() == wanted);
    let (settles, takes_over) = (is_route(SETTLES_ITSELF), is_route(TAKES_OVER));
    let (mut parts, body) = request.into_parts();
    let tee = Tee::new(&parts, body);
    let claim = claim(caller, key.clone());
    if settles {
        let id = parts.extensions.get::<RequestId>().copied();
        parts.extensions.insert(KeyedRequest { workspace: caller.workspace, key, body: tee.clone() });
        let response = next.run(Request::from_parts(parts, tee.body())).await;
        failpoints::pass_if(Failpoint::ApiCommitted, || response.status().is_success());
        return if response.extensions().get::<Settled>().is_some() {
            Ok(response)
        } else {
            record_refusal(api, claim, (response, id), tee).await
        };
    }
    let claimed = if takes_over {
        api.store().take_over_idempotency_key(claim.clone()).await?
    } else {
        api.store().claim_idempotency_key(claim.clone()).await?
    };
    match claimed {
        ClaimOutcome::InFlight => Err(Problem::KeyInFlight),
        ClaimOutcome::Answered(recorded) => replay(api, recorded, tee).await,
        ClaimOutcome::Claimed => {
            let id = parts.extensions.get::<RequestId>().copied();
            parts.extensions.insert(KeyedRequest { workspace: caller.workspace, key, body: tee.clone() });
            let response = tokio::select! {
                response = next.run(Request::from_parts(parts, tee.body())) => response,
                () = renew(api, &claim) => Problem::Conflict.into_response(),
            };
            failpoints::pass_if(Failpoint::ApiCommitted, || response.status().is_success());
            // The request id is put in by the outermost layer, so it is there.
            let response = id.map_or(Response::default(), |id| problem::render(response, id));
            record(api, claim, response, tee).await
        }
    }
}

/// A claim on a key for as long as its server may take before it is taken for dead.
pub(crate) const fn claim(caller: Caller, key: String) -> IdempotencyClaim {
    IdempotencyClaim { workspace: caller.workspace, key, ttl: CLAIM }
}

/// Records what a handler refused before it settled the key, unless the key has an answer.
async fn record_refusal(
    api: &Api,
    claim: IdempotencyClaim,
    (response, id): (Response, Option<RequestId>),
    tee: Tee,
) -> Result<Response, Problem> {
    if response.status().is_server_error() || response.headers().contains_key(RETRY_AFTER) {
        return Ok(response);
    }
    match api.store().claim_idempotency_key(claim.clone()).await? {
        ClaimOutcome::InFlight => Err(Problem::KeyInFlight),
        ClaimOutcome::Answered(recorded) => replay(api, recorded, tee).await,
        ClaimOutcome::Claimed => {
            let response = id.map_or(Response::default(), |id| problem::render(response, id));
            record(api, claim, response, tee).await
        }
    }
}

/// Extends the claim for as long as it is polled; never ends.
async fn renew(api: &Api, claim: &IdempotencyClaim) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        if let Err(error) = api.store().renew_idempotency_key(claim.clone()).await {
            tracing::warn!(error = %error, "an idempotency key could not be renewed");
        }
    }
}

/// Records an answer below 500 that is to stay; gives the key back otherwise, and when the request's hash cannot be known.
async fn record(api: &Api, claim: IdempotencyClaim, response: Response, tee: Tee) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(Problem::internal)?;
    // What asks to be repeated is no answer to keep.
    let passes = parts.status.is_server_error() || parts.headers.contains_key(RETRY_AFTER);
    let hash = if passes { None } else { tee.finish(api.options().max_upload_bytes).await };
    let recorded = match hash {
        None => api.store().release_idempotency_key(claim.workspace, &claim.key).await,
        Some(request_hash) => {
            let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let response = RecordedResponse {
                request_hash,
                status: parts.status.as_u16(),
                content_type: content_type.unwrap_or_default().to_owned(),
                body: body.to_vec(),
            };
            api.store().record_response(claim.workspace, &claim.key, response).await
        }
    };
    if let Err(error) = recorded {
        // What was done stays done, and a repetition after the claim has run out finds it by its ids.
        tracing::warn!(error = %error, "an answer could not be recorded under its idempotency key");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// A recorded answer, given again to the same request.
pub(crate) async fn replay(api: &Api, recorded: RecordedResponse, tee: Tee) -> Result<Response, Problem> {
    let limit = api.options().max_upload_bytes;
    let hash = tee.finish(limit).await.ok_or(Problem::UnreadableBody)?;
    if hash != recorded.request_hash {
        return Err(Problem::KeyReused);
    }
    let mut response = given(recorded)?;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// An answer as it was, or is to be, recorded. Nothing more of it is to be.
pub(crate) fn given(recorded: RecordedResponse) -> Result<Response, Problem> {
    let mut response = Response::new(Body::from(recorded.body));
    response.extensions_mut().insert(Settled);
    *response.status_mut() = StatusCode::from_u16(recorded.status).map_err(Problem::internal)?;
    if let Ok(content_type) = HeaderValue::from_str(&recorded.content_type)
        && !content_type.is_empty()
    {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Ok(response)
}
