//! `GET /v1/fleet`.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    openings::Openings,
    own::OwnSenders,
    roster::{self, Member},
    view::{FleetBody, UnleasedBody, WorkerBody},
};
use crate::{
    api::Api,
    auth::Caller,
    cursor::{List, Listing},
    params::Params,
    problem::{Problem, Unprocessable},
};

/// The list whose cursors these are.
const LIST: &str = "fleet";

/// Which part of the fleet.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ShowFleet {
    /// The `next_cursor` of the page before.
    #[param(max_length = 512)]
    cursor: Option<String>,
    /// The most workers wanted; also the most senders shown of each, and the most shown that have none.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// Shows the worker processes of the installation and which of the workspace's senders each works for, a page at a time.
///
/// Where there are more senders than `limit`, the counts beside them say so, and `GET /v1/senders` has each one with its
/// lease.
#[utoipa::path(
    get, path = "/v1/fleet", tag = "fleet", params(ShowFleet),
    responses((status = 200, description = "The fleet.", body = FleetBody), Unprocessable)
)]
pub(crate) async fn show_fleet(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<ShowFleet>,
) -> Result<Json<FleetBody>, Problem> {
    let list = List::of(&api, caller, LIST).await?;
    let request = list.request(params.cursor.as_deref(), params.limit)?;
    // In this order: a worker reports itself before it leases, so whoever holds what was read is found among the workers,
    // unless it is silent.
    let own = OwnSenders::read(api.store(), caller.workspace, request.limit).await?;
    let leases = api.store().count_leases().await?;
    let workers = api.store().list_workers().await?;

    let members = roster::gather(workers, &leases, &own);
    let openings = Openings::of(&members);
    let unleased_count = own.unleased_count();
    let unleased = own.unleased().iter().map(|sender| UnleasedBody::new(sender, openings.why(sender))).collect();
    let page = roster::page(members, &request)?;
    let view = |member: Member| WorkerBody::new(&member, &own);
    let Listing { items: workers, next_cursor } = list.page(page, view);
    Ok(Json(FleetBody { workers, next_cursor, unleased, unleased_count }))
}
