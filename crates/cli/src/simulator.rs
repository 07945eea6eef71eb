//! `paceline simulator`: the simulated WhatsApp network as a process of its own.

use std::sync::Arc;

use anyhow::Context as _;
use paceline_config::ExposeSecret as _;
use paceline_simulator::{
    Acceptance, Exposure, JournalSummary, PeopleOptions, RenderMetrics, Simulator, SimulatorOptions,
};
use paceline_telemetry::{Describe, IntGauge, Metrics};
use serde_json::json;

use crate::{arguments, data_dir, exit::Exit, output::Output, settings::Settings};

/// Runs until a signal.
pub(crate) async fn run(arguments: &arguments::Simulator, settings: &Settings, output: Output) -> anyhow::Result<Exit> {
    let stop = crate::signals::stop_on_signal()?;
    let folder = settings.config.data_dir.join("simulator");
    data_dir::make_private(&settings.config.data_dir)
        .and_then(|()| data_dir::make_private(&folder))
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let journal = folder.join("journal.ndjson");
    let mut options = SimulatorOptions::new(settings.clock()?, journal.clone());
    options.listen = arguments.listen;
    options.token = settings.config.simulator.token.as_ref().map(|token| token.expose_secret().to_owned());
    options.metrics = Some(metrics());
    if arguments.exposed {
        options.exposure = Exposure::AnyAddress;
    }
    options.seed = arguments.seed;
    options.script.clone_from(&arguments.script);
    if arguments.quiet {
        options.people = PeopleOptions::quiet();
    }
    if arguments.manual_pairing {
        options.pairing.acceptance = Acceptance::ByCall;
    }
    let simulator = Simulator::start(options).await?;
    output.emit(&json!({ "event": "ready", "url": simulator.operator_url(), "journal": journal }));
    output.say(format!(
        "the simulated network is at {}; its calls need the token in {}; every physical send is in {}",
        simulator.url(),
        journal.with_extension("token").display(),
        journal.display()
    ));
    stop.cancelled().await;
    let summary = simulator.summary();
    simulator.stop().await;
    output.emit(&json!({ "event": "stopped", "network": summary }));
    Ok(Exit::Done)
}

/// Which figure a gauge shows.
type Of = fn(&JournalSummary) -> u64;

/// What the journal counts, one gauge each: a restart begins them where the journal's file is.
const FIGURES: [(Describe, Of); 4] = [
    (
        Describe {
            name: "paceline_simulator_physical_sends",
            help: "Sends that the simulated network took.",
            when_it_rises: "Traffic.",
        },
        |summary| summary.physical_sends,
    ),
    (
        Describe {
            name: "paceline_simulator_messages_seen",
            help: "Messages that their recipient sees at least once.",
            when_it_rises: "Traffic; the distance to the sends is repeats and silently dropped messages.",
        },
        |summary| summary.messages_seen,
    ),
    (
        Describe {
            name: "paceline_simulator_duplicates",
            help: "Messages that their recipient sees twice or more.",
            when_it_rises: "Alert: a message was sent twice. It must stay at 0 while repeated ids are dropped.",
        },
        |summary| summary.duplicates,
    ),
    (
        Describe {
            name: "paceline_simulator_repeats_dropped",
            help: "Sends of an id that the recipient had already, which the network dropped.",
            when_it_rises: "A process was killed, or a connection broke, in the middle of a send.",
        },
        |summary| summary.repeats_dropped,
    ),
];

/// Renders the process's figures and the journal's.
fn metrics() -> Arc<RenderMetrics> {
    let metrics = Metrics::new();
    metrics.add_process_figures();
    let gauge = |describe| metrics.gauge(describe, &[]).with_label_values::<&str>(&[]);
    let gauges: Vec<(IntGauge, _)> = FIGURES.into_iter().map(|(describe, of)| (gauge(describe), of)).collect();
    Arc::new(move |summary| {
        for (gauge, of) in &gauges {
            gauge.set(i64::try_from(of(summary)).unwrap_or(i64::MAX));
        }
        metrics.render()
    })
}
