//! `GET /v1/messages/{id}`: the message, everything that happened to it, and why it stands where it stands.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use paceline_domain::{MessageState, Outcome, SenderId, WorkerId, kind};
use paceline_store::{
    messages::{Attempt, Message, MessageStory},
    senders::Sender,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    messages::MessageBody,
    params::{PathId, not_found},
    problem::{NotFound, Problem},
    schemas,
    senders::senders_of_pool,
    why::{self, Why},
};

/// A message and its story.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageStory)]
pub(crate) struct StoryBody {
    /// The message.
    #[serde(flatten)]
    message: MessageBody,
    /// Why it has or has not been sent.
    why: Why,
    /// Its attempts, first to last.
    attempts: Vec<AttemptBody>,
    /// Everything that happened to it, in order.
    timeline: Vec<Moment>,
}

/// One attempt to send a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptBody {
    /// Its number, from 1.
    number: i64,
    /// The sender.
    #[schema(value_type = schemas::SenderId)]
    sender_id: SenderId,
    /// The process.
    #[schema(value_type = schemas::WorkerId)]
    worker_id: WorkerId,
    /// The lease epoch of the intent, or of whoever took it over.
    epoch: i64,
    /// The WhatsApp id it was sent with: the message's own, at every attempt.
    wa_id: String,
    /// When the intent was recorded.
    intended_at: DateTime<Utc>,
    /// How often it was taken up to be sent: by its intent, and once more by each holder that adopted it after a crash or a lost
    /// session. When an answer is lost, the bytes may leave twice within one of them; always with the message's one WhatsApp id.
    sends: i32,
    /// `sent`, `rejected`, `unsent`, `interrupted` or `unknown`; `null` while it runs.
    outcome: Option<&'static str>,
    /// Why it was rejected.
    reason: Option<&'static str>,
    /// The provider's own id.
    provider_id: Option<String>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// The version of the profile that paced it.
    profile_version: u32,
    /// The inputs of the pacing decision.
    #[schema(value_type = Object)]
    pace_inputs: serde_json::Value,
}

/// One thing that happened to a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct Moment {
    /// When, in campaign time.
    at: DateTime<Utc>,
    /// `created`, `intended`, the outcome of an attempt, `resolved`, `delivered`, `read`, `replied`, or the state it ended in.
    what: &'static str,
    /// The attempt, where it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i64>,
    /// The reason, where there is one; of `resolved` what was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Of `resolved`: `policy`, or the id of the API key that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

impl Moment {
    const fn new(at: DateTime<Utc>, what: &'static str) -> Self {
        Self { at, what, attempt: None, reason: None, by: None }
    }
}

/// Shows a message with its timeline, and why it has or has not been sent.
#[utoipa::path(
    get, path = "/v1/messages/{id}", tag = "messages",
    params(("id" = schemas::MessageId, Path, description = "The message.")),
    responses((status = 200, description = "The message and its story.", body = StoryBody), NotFound)
)]
pub(crate) async fn show_message(
    State(api): State<Api>,
    caller: Caller,
    PathId(id): PathId<kind::Message>,
) -> Result<Json<StoryBody>, Problem> {
    let story = api.store().find_message(caller.workspace, id).await?.ok_or(not_found::<kind::Message>())?;
    let senders = find_senders(&api, caller, &story.message).await?;
    let why = why::of_message(&story, &senders, api.profiles(), api.now());
    let timeline = timeline(&story);
    let wa_id = story.message.wa_id.as_str();
    let attempts = story.attempts.into_iter().map(|attempt| AttemptBody::new(attempt, wa_id)).collect();
    Ok(Json(StoryBody { message: story.message.into(), why, attempts, timeline }))
}

/// The senders that a waiting message waits for.
async fn find_senders(api: &Api, caller: Caller, message: &Message) -> Result<Vec<Sender>, Problem> {
    if message.state != MessageState::Waiting {
        return Ok(Vec::new());
    }
    match (message.sender, message.pool.as_deref()) {
        (Some(sender), _) => Ok(api.store().find_sender(caller.workspace, sender).await?.into_iter().collect()),
        (None, Some(pool)) => senders_of_pool(api, caller, pool).await,
        (None, None) => Ok(Vec::new()),
    }
}

fn timeline(story: &MessageStory) -> Vec<Moment> {
    let message = &story.message;
    let moment = |at: Option<DateTime<Utc>>, what| at.map(|at| Moment::new(at, what));
    let mut moments: Vec<Moment> = moment(Some(message.created_at), "created").into_iter().collect();
    for attempt in &story.attempts {
        let number = Some(i64::from(attempt.number));
        moments.push(Moment { attempt: number, ..Moment::new(attempt.intended_at, "intended") });
        if let (Some(outcome), Some(at)) = (&attempt.outcome, attempt.ended_at) {
            let reason = rejection(outcome).map(str::to_owned);
            moments.push(Moment { attempt: number, reason, ..Moment::new(at, outcome.as_str()) });
        }
    }
    moments.extend(story.resolutions.iter().map(|resolved| Moment {
        attempt: Some(i64::from(resolved.attempt)),
        reason: Some(resolved.resolution.to_string()),
        by: Some(resolved.by.to_string()),
        ..Moment::new(resolved.at, "resolved")
    }));
    moments.extend(moment(message.delivered_at, "delivered"));
    moments.extend(moment(message.read_at, "read"));
    moments.extend(moment(message.replied_at, "replied"));
    if let Some(at) = message.ended_at {
        moments.push(Moment { reason: message.reason.clone(), ..Moment::new(at, message.state.as_str()) });
    }
    // Stable, so that what happened in one instant keeps the order above.
    moments.sort_by_key(|moment| moment.at);
    moments
}

fn rejection(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Rejected { reason } => Some(reason.as_str()),
        Outcome::Sent { .. } | Outcome::Unsent { .. } | Outcome::Interrupted { .. } | Outcome::Unknown => None,
    }
}

impl AttemptBody {
    fn new(attempt: Attempt, wa_id: &str) -> Self {
        let provider_id = match &attempt.outcome {
            Some(Outcome::Sent { provider_id }) => provider_id.clone(),
            _ => None,
        };
        Self {
            number: i64::from(attempt.number),
            sender_id: attempt.sender,
            worker_id: attempt.worker,
            epoch: attempt.epoch.0,
            wa_id: wa_id.to_owned(),
            intended_at: attempt.intended_at,
            sends: attempt.sends,
            outcome: attempt.outcome.as_ref().map(Outcome::as_str),
            reason: attempt.outcome.as_ref().and_then(rejection),
            provider_id,
            ended_at: attempt.ended_at,
            profile_version: attempt.profile_version,
            pace_inputs: attempt.pace_inputs,
        }
    }
}
