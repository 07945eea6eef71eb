//! `paceline worker`: a process that works for one number, or for its share of the fleet.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::bail;
use paceline_domain::{PhoneNumber, SenderId};
use paceline_store::fleet::{FleetStore, Which};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    arguments,
    exit::Exit,
    front::Front,
    output::Output,
    readiness::Readiness,
    services::{Client, Services},
    settings::Settings,
    setup::Setup,
};

/// How often a worker that belongs to a fleet looks whether the fleet still lives.
const LOOK_AT_PARENT_EVERY: Duration = Duration::from_secs(1);

/// Runs until a signal, or until the fleet that started it is gone.
pub(crate) async fn run(
    arguments: &arguments::Worker,
    settings: &Settings,
    services: &Services,
    output: Output,
) -> anyhow::Result<Exit> {
    let stop = crate::signals::stop_on_signal()?;
    if arguments.with_parent {
        stop_with_parent(stop.clone());
    }
    let mut setup = Setup::of(&settings.config, settings.clock()?)?;
    // What a worker listens on is for operators alone.
    (setup.listen, setup.metrics_listen) = (arguments.listen, None);
    if let Some(id) = arguments.id {
        setup.worker.worker = id;
    }
    setup.worker.slots = if arguments.sender.is_some() { 1 } else { arguments.slots.unwrap_or(setup.worker.slots) };
    let readiness = Arc::new(Readiness::default());
    let front = Front::open(&setup, readiness.clone()).await?;
    setup.worker.listen = Some(reachable(front.address, &setup.worker.host));
    output.emit(&json!({ "event": "listening", "worker_id": setup.worker.worker, "metrics": front.address }));

    // The pin is known only once the database is there; the options are made before that.
    let client = Client::Worker(setup.worker.slots);
    let Some(store) = services.open_store(client, &setup, &readiness, &stop).await? else { return Ok(Exit::Done) };
    if let Some(wanted) = &arguments.sender {
        setup.worker.pinned = Some(find_sender(&store, wanted).await?);
    }
    let ground = services.ground(store, Arc::new(setup), &readiness)?;
    let worker = ground.start_worker();
    output.emit(&json!({ "event": "ready", "worker_id": ground.setup.worker.worker }));
    stop.cancelled().await;
    front.draining.cancel();
    worker.end().await;
    front.close().await;
    ground.store.close().await;
    output.emit(&json!({ "event": "stopped" }));
    Ok(Exit::Done)
}

/// The one sender that is meant.
async fn find_sender(store: &dyn FleetStore, wanted: &str) -> anyhow::Result<SenderId> {
    let which = match (wanted.parse::<SenderId>(), wanted.parse::<PhoneNumber>()) {
        (Ok(id), _) => Which::Id(id),
        (_, Ok(phone)) => Which::Phone(phone),
        _ => bail!("--sender takes a phone number in E.164, such as +15550100, or a sender's id"),
    };
    match store.list_fleet_senders(which).await?.as_slice() {
        [sender] => Ok(sender.id),
        [] => bail!("there is no such sender; add it with `paceline sender add`"),
        several => {
            let ids: Vec<String> = several.iter().map(|sender| format!("{} ({})", sender.id, sender.channel)).collect();
            bail!("the number has a sender on each of several channels; name one by its id: {}", ids.join(", "))
        }
    }
}

/// The address under which others on the network reach this process.
pub(crate) fn reachable(address: SocketAddr, host: &str) -> String {
    if address.ip().is_unspecified() { format!("{host}:{}", address.port()) } else { address.to_string() }
}

/// A fleet that was killed cannot stop its workers, and the next fleet cannot see when they end: so they end with it, in order.
fn stop_with_parent(stop: CancellationToken) {
    let parent = std::os::unix::process::parent_id();
    tokio::spawn(async move {
        while std::os::unix::process::parent_id() == parent {
            tokio::time::sleep(LOOK_AT_PARENT_EVERY).await;
        }
        tracing::warn!("the fleet that started this worker is gone; draining");
        stop.cancel();
    });
}
