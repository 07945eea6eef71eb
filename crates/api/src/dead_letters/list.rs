//! `GET /v1/dead-letters`.

use axum::{Json, extract::State};
use paceline_store::dead_letters::DeadLetterFilter;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{DeadLetterBody, view::Contents};
use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    params::Params,
    problem::{Problem, Unprocessable},
};

/// Which dead letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListDeadLetters {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most items wanted.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `waiting`, those that were not replayed, unless `all` is named.
    #[param(inline)]
    show: Option<Show>,
    /// `body` shows what each letter holds, which may be what a person wrote.
    #[param(inline)]
    include: Option<Include>,
}

/// Which letters to show.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Show {
    /// Those that were not replayed.
    Waiting,
    /// All.
    All,
}

/// What to show beside what is always shown.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Include {
    /// What each letter holds.
    Body,
}

/// Lists what nobody could work on, oldest first.
#[utoipa::path(
    get, path = "/v1/dead-letters", tag = "dead letters", params(ListDeadLetters),
    responses((status = 200, description = "A page of dead letters.", body = Listing<DeadLetterBody>), Unprocessable)
)]
pub(crate) async fn list_dead_letters(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ListDeadLetters>,
) -> Result<Json<Listing<DeadLetterBody>>, Problem> {
    let (list, filter) = match params.show {
        None | Some(Show::Waiting) => ("dead-letters", DeadLetterFilter::Waiting),
        Some(Show::All) => ("all-dead-letters", DeadLetterFilter::All),
    };
    let contents = if params.include.is_some() { Contents::Shown } else { Contents::Hidden };
    let list = List::of(&api, caller, list).await?;
    let page = list.request(params.cursor.as_deref(), params.limit)?;
    let page = api.store().list_dead_letters(caller.workspace, filter, page).await?;
    Ok(Json(list.page(page, |letter| DeadLetterBody::new(&letter, contents))))
}
