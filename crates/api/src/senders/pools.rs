//! `GET /v1/pools`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{api::Api, auth::Caller, cursor::Listing, problem::Problem};

/// A pool.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pool {
    /// Its name.
    name: String,
    /// Its active senders.
    active_senders: i64,
}

/// Lists the pools by name. A pool is made by adding a sender to it.
#[utoipa::path(
    get, path = "/v1/pools", tag = "senders",
    responses((status = 200, description = "The pools.", body = Listing<Pool>))
)]
pub(crate) async fn list_pools(State(api): State<Api>, caller: Caller) -> Result<Json<Listing<Pool>>, Problem> {
    let pools = api.store().list_pools(caller.workspace).await?;
    let view = |pool: paceline_store::senders::PoolView| Pool { name: pool.name, active_senders: pool.active_senders };
    Ok(Json(Listing::whole(pools.into_iter().map(view).collect())))
}
