//! `GET /v1/events`.

use std::time::Duration;

use axum::{Json, extract::State};
use paceline_store::events::Event;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{EventBody, view};
use crate::{
    api::Api,
    auth::Caller,
    cursor::{Listing, checked_limit},
    params::Params,
    problem::{FieldError, Gone, Problem, Unprocessable},
};

/// The longest wait for an event, in seconds.
const MAX_WAIT: u32 = 30;

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListEvents {
    /// Only those after the event with this sequence; all that are kept unless named.
    after: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// How many seconds to wait for an event when there is none.
    #[param(minimum = 0, maximum = 30, default = 0)]
    wait: Option<u32>,
}

/// Lists events by sequence.
///
/// `next_cursor` is the sequence of the last item, to be passed as `after`; it is `null` when there
/// is no item, and then `after` stays as it was.
#[utoipa::path(
    get, path = "/v1/events", tag = "events", params(ListEvents),
    responses((status = 200, description = "A page of events.", body = Listing<EventBody>), Gone, Unprocessable)
)]
pub(crate) async fn list_events(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ListEvents>,
) -> Result<Json<Listing<EventBody>>, Problem> {
    let after = view::sequence(params.after.as_deref())?;
    let limit = checked_limit(params.limit)?;
    let wait = params.wait.unwrap_or(0);
    if wait > MAX_WAIT {
        return Err(FieldError::parameter("wait", format!("must be from 0 to {MAX_WAIT}")).into());
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(u64::from(wait));
    let mut waiting = false;
    let events = loop {
        let events = api.store().list_events(caller.workspace, after, limit).await?;
        if events.is_empty() && !std::mem::replace(&mut waiting, true) {
            view::check_within_log(&api, after).await?;
        }
        if !events.is_empty() || tokio::time::Instant::now() >= deadline || api.stop().is_cancelled() {
            break events;
        }
        tokio::time::sleep_until(deadline.min(tokio::time::Instant::now() + view::POLL)).await;
    };
    Ok(Json(listing(events)))
}

fn listing(events: Vec<Event>) -> Listing<EventBody> {
    let next_cursor = events.last().map(|event| event.sequence.to_string());
    Listing { items: events.into_iter().map(EventBody::from).collect(), next_cursor }
}
