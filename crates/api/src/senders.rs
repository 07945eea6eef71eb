//! Senders: the phone numbers that messages are sent from, and their pools.

use paceline_store::{PageRequest, senders::Sender};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{api::Api, auth::Caller, problem::Problem};

mod add;
mod list;
mod pairing;
mod pause;
mod pools;
mod remove;
mod resume;
mod settings;
mod show;
mod update;
mod view;

pub(crate) use view::{SenderBody, SessionBody};

/// The pool that is meant when none is named.
pub(crate) const DEFAULT_POOL: &str = "default";

/// The longest name of a pool.
pub(crate) const MAX_POOL_NAME: usize = 64;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(add::add_sender, list::list_senders))
        .routes(routes!(show::show_sender, update::update_sender, remove::remove_sender))
        .routes(routes!(pause::pause_sender))
        .routes(routes!(resume::resume_sender))
        .routes(routes!(pairing::show_pairing))
        .routes(routes!(pools::list_pools))
}

/// How many senders are looked at to explain a wait.
const EXPLAINED: u32 = 1_000;

/// The senders of a pool, to say why something waits for them.
pub(crate) async fn senders_of_pool(api: &Api, caller: Caller, pool: &str) -> Result<Vec<Sender>, Problem> {
    let page = PageRequest { after: None, limit: EXPLAINED };
    let mut senders = api.store().list_senders(caller.workspace, page).await?.items;
    senders.retain(|sender| sender.pools.iter().any(|name| name == pool));
    Ok(senders)
}
