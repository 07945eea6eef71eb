//! `paceline serve`: the API, the control plane and the webhooks on the full stack, any number of them at once. And `paceline up`
//! on the full stack, which has a worker as well.

use std::sync::Arc;

use paceline_config::SimulatorPlace;
use serde_json::json;

use crate::{
    arguments::ServerRole,
    exit::Exit,
    front::Front,
    output::Output,
    part::{Part, Welcome},
    readiness::Readiness,
    services::{Client, FullGround, Services},
    settings::Settings,
    setup::Setup,
};

/// What a server process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// One of the roles of `serve`.
    Role(ServerRole),
    /// A worker beside them.
    Work,
}

/// Runs until a signal.
pub(crate) async fn run(
    settings: &Settings,
    services: &Services,
    duties: &[Duty],
    output: Output,
) -> anyhow::Result<Exit> {
    let stop = crate::signals::stop_on_signal()?;
    let setup = Arc::new(Setup::of(&settings.config, settings.clock()?)?);
    let readiness = Arc::new(Readiness::default());
    let front = Front::open(&setup, readiness.clone()).await?;
    let url = format!("http://{}", front.address);
    output.emit(&json!({ "event": "listening", "api": url, "metrics": front.metrics_address }));
    let opened = services.open(Client::Server, setup, &readiness, &stop).await?;
    if let Some(ground) = opened {
        let (parts, welcome) = start(&ground, duties, &front, readiness).await?;
        ground.welcome(&welcome, &url, output).await?;
        output.emit(&json!({ "event": "ready", "api": url, "simulator": network(settings, duties) }));
        output.say(format!("Paceline serves at {url}; Ctrl+C stops it"));
        stop.cancelled().await;
        front.draining.cancel();
        tokio::time::sleep(settings.config.server.drain_delay).await;
        for part in parts {
            part.end().await;
        }
        front.close().await;
        ground.store.close().await;
    }
    output.emit(&json!({ "event": "stopped" }));
    Ok(Exit::Done)
}

/// Where the simulated network of this process is, when it has one.
fn network<'a>(settings: &'a Settings, duties: &[Duty]) -> Option<&'a str> {
    let inside = duties.contains(&Duty::Work) && settings.config.simulator.place == SimulatorPlace::InProcess;
    inside.then_some(settings.config.simulator.url.as_str())
}

/// Starts what is to be done; answers with the parts in the order in which they end, and with what is to be told.
async fn start(
    ground: &FullGround,
    duties: &[Duty],
    front: &Front,
    readiness: Arc<Readiness>,
) -> anyhow::Result<(Vec<Part>, Welcome)> {
    let welcome = ground.bootstrap().await?;
    let does = |duty: Duty| duties.contains(&duty);
    let mut parts = Vec::new();
    if does(Duty::Work) {
        parts.push(ground.start_worker());
    }
    if does(Duty::Role(ServerRole::Control)) {
        parts.push(ground.start_control());
    }
    if does(Duty::Role(ServerRole::Webhooks)) {
        parts.push(ground.start_webhooks()?);
    }
    if does(Duty::Role(ServerRole::Api)) {
        front.serve(ground.api(readiness, front.draining.clone()));
    }
    Ok((parts, welcome))
}
