//! What `/v1` answers before there is a database: a problem like every other, with a request id.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use paceline_domain::{Clock, Minter, RequestId};

use crate::{
    observe::REQUEST_ID,
    problem::{self, Problem},
};

/// Who tells the time and makes the ids of requests.
type Source = (Arc<Minter>, Arc<dyn Clock>);

/// Answers every path below `/v1`: the server is starting, come again.
pub fn starting_router(minter: Arc<Minter>, clock: Arc<dyn Clock>) -> Router {
    let paths = Router::new().fallback(refuse).with_state((minter, clock));
    Router::new().nest("/v1", paths)
}

async fn refuse(State((minter, clock)): State<Source>, _: Request) -> Response {
    let id: RequestId = minter.mint(clock.real_now());
    let mut response = problem::render(Problem::Starting.into_response(), id);
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
