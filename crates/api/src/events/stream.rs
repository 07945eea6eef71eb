//! `GET /v1/events/stream`: the event log as server-sent events.
//!
//! The log is polled, and only while a stream is open. A stream that meets an unavailable database waits for it; a client
//! that was cut off goes on after the last id it saw, so that it misses nothing.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName},
    response::sse::{self, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use paceline_domain::WorkspaceId;
use paceline_store::events::Event;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{EventBody, view};
use crate::{
    api::{Api, StreamPlace},
    auth::Caller,
    params::Params,
    problem::{FieldError, Gone, Problem, TooManyRequests, Unprocessable},
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What `after` says for the end of the log.
const LATEST: &str = "latest";

/// How often a silent stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long to wait for a database that is away.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most events read at once.
const BATCH: u32 = 500;

/// Where to begin.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamEvents {
    /// Only events after the one with this sequence, or `latest` for those to come; all that are kept unless named. `Last-Event-ID` goes
    /// before it.
    after: Option<String>,
}

/// Streams events as they happen.
///
/// Each has its sequence as `id`, its type as `event`, and itself as JSON in `data`.
#[utoipa::path(
    get, path = "/v1/events/stream", tag = "events",
    params(
        StreamEvents,
        ("Last-Event-ID" = Option<String>, Header, description = "The last sequence seen, as browsers send it by themselves."),
    ),
    responses(
        (status = 200, description = "Server-sent events, without end.", body = String, content_type = "text/event-stream"),
        Gone,
        Unprocessable,
        TooManyRequests,
    )
)]
pub(crate) async fn stream_events(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<StreamEvents>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Problem> {
    let after = match headers.get(LAST_EVENT_ID) {
        None if params.after.as_deref() == Some(LATEST) => api.store().last_event().await?,
        None => view::sequence(params.after.as_deref())?,
        Some(value) => view::sequence(value.to_str().ok())
            .map_err(|_| FieldError::header("Last-Event-ID", "must be the sequence of an event"))?,
    };
    view::check_within_log(&api, after).await?;
    let limit = api.options().max_streams;
    let place = api.open_stream(caller.key).ok_or(Problem::TooManyStreams { limit })?;
    let follower = Follower { api, workspace: caller.workspace, after, unread: VecDeque::new(), _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(as_sse(event)), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// A reader of the log who waits for more of it.
struct Follower {
    api: Api,
    workspace: WorkspaceId,
    after: i64,
    unread: VecDeque<Event>,
    /// Counted as long as somebody listens. Who does not read for as long as the listener's pause is dropped there.
    _place: StreamPlace,
}

impl Follower {
    /// The next event; `None` once the server stops.
    async fn next(&mut self) -> Option<Event> {
        let stop = self.api.stop().clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            event = self.wait() => Some(event),
        }
    }

    async fn wait(&mut self) -> Event {
        loop {
            if let Some(event) = self.unread.pop_front() {
                self.after = event.sequence;
                return event;
            }
            match self.api.store().list_events(self.workspace, self.after, BATCH).await {
                Ok(events) if events.is_empty() => tokio::time::sleep(view::POLL).await,
                Ok(events) => self.unread.extend(events),
                Err(error) => {
                    tracing::warn!(error = %error, "a live event stream cannot read the event log");
                    tokio::time::sleep(PATIENCE).await;
                }
            }
        }
    }
}

fn as_sse(event: Event) -> sse::Event {
    let name = event.kind.as_str();
    let framed = sse::Event::default().id(event.sequence.to_string()).event(name);
    let body = EventBody::from(event);
    // A tree of JSON values with string keys always has a JSON form.
    framed.clone().json_data(body).unwrap_or(framed)
}
