#![doc = include_str!("../README.md")]

mod arguments;
mod campaign;
mod check;
mod client;
mod clock;
mod data_dir;
mod dead;
mod demo;
mod descriptors;
mod entropy;
mod exit;
mod failpoints;
mod fleet;
mod follow;
mod front;
mod output;
mod part;
mod printable;
mod readiness;
mod sender;
mod serve;
mod services;
mod session_key;
mod settings;
mod setup;
mod signals;
mod simulator;
mod stack;
mod table;
mod up;
mod webhook;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;
use paceline_telemetry::{LogFormat, LogOptions};
use rustls::crypto::ring;
use tokio::runtime::{Builder, Runtime};

use crate::{
    arguments::{Arguments, Command, Global},
    client::{Client, ClientError},
    exit::Exit,
    output::Output,
    serve::Duty,
    settings::{Settings, SettingsError},
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = if arguments.global.json { Output::Json } else { Output::Text };
    // The HTTP client asks for a provider without naming one. Fails only when there is one already.
    let _ = ring::default_provider().install_default();
    let runtime = match runtime(&arguments.command) {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into(), output),
    };
    match runtime.block_on(run(arguments, output)) {
        Ok(exit) => exit.into(),
        Err(error) => fail(&error, output),
    }
}

/// A worker for one number has little to do and many siblings: one thread is enough, and all that it should cost.
fn runtime(command: &Command) -> std::io::Result<Runtime> {
    let mut builder = match command {
        Command::Worker(worker) if worker.sender.is_some() => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

async fn run(arguments: Arguments, output: Output) -> anyhow::Result<Exit> {
    let global = arguments.global;
    match arguments.command {
        Command::Demo(demo) => {
            start_logs(LogFormat::Auto, "warn")?;
            demo::run(demo, global.data_dir, output).await
        }
        Command::Up(up) => {
            let settings = Settings::load(&global, up.listen)?;
            start_logs(settings.log_format(), &settings.config.log.filter)?;
            up::run(settings, output).await
        }
        Command::Serve(serve) => {
            let settings = Settings::load(&global, serve.listen)?;
            let services = settings.services("serve")?;
            start_logs(settings.log_format(), &settings.config.log.filter)?;
            let duties: Vec<_> = serve.roles.into_iter().map(Duty::Role).collect();
            serve::run(&settings, &services, &duties, output).await
        }
        Command::Worker(worker) => {
            let settings = Settings::load(&global, None)?;
            let services = settings.services("worker")?;
            start_logs(settings.log_format(), &settings.config.log.filter)?;
            worker::run(&worker, &settings, &services, output).await
        }
        Command::Fleet(fleet) => {
            let settings = Settings::load(&global, None)?;
            let services = settings.services("fleet")?;
            start_logs(settings.log_format(), &settings.config.log.filter)?;
            fleet::run(&fleet, &global, &settings, &services, output).await
        }
        Command::Simulator(arguments) => {
            let settings = Settings::load(&global, None)?;
            start_logs(settings.log_format(), &settings.config.log.filter)?;
            simulator::run(&arguments, &settings, output).await
        }
        Command::Migrate => up::migrate(Settings::load(&global, None)?, output).await,
        Command::Check => check::run(&global, output).await,
        Command::Campaign(command) => campaign::run(command, &client(&global)?, output).await,
        Command::Sender(command) => {
            sender::run(command, &client(&global)?, output).await?;
            Ok(Exit::Done)
        }
        Command::Webhook(command) => {
            webhook::run(command, &client(&global)?, output).await?;
            Ok(Exit::Done)
        }
        Command::Dead(command) => {
            dead::run(command, &client(&global)?, output).await?;
            Ok(Exit::Done)
        }
    }
}

fn start_logs(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    paceline_telemetry::init_logs(&LogOptions { format, filter: filter.to_owned() })?;
    Ok(failpoints::arm_from_environment()?)
}

fn client(global: &Global) -> anyhow::Result<Client> {
    let settings = Settings::load(global, None)?;
    let url = global.api_url.clone().map_or_else(|| settings.config.api.url.parse(), Ok)?;
    let key = settings.config.api.key.ok_or_else(|| {
        anyhow::anyhow!("no API key: set PACELINE_API__KEY, or api.key_file in the configuration; `paceline up` shows the key at its first start")
    })?;
    Ok(Client::new(url, key)?)
}

/// One clear message on standard error, and the exit code that goes with it.
#[expect(clippy::print_stderr, reason = "the last words of a command that failed")]
fn fail(error: &anyhow::Error, output: Output) -> ExitCode {
    let exit = match (error.downcast_ref::<ClientError>(), error.downcast_ref::<SettingsError>()) {
        (Some(ClientError::Refused { .. }), _) => Exit::Refused,
        (Some(ClientError::Unreachable { .. } | ClientError::Foreign { .. }), _) => Exit::Unreachable,
        (_, Some(_)) => Exit::Configuration,
        _ => Exit::Failed,
    };
    let problem = match error.downcast_ref::<ClientError>() {
        Some(ClientError::Refused { problem, .. }) => problem.clone(),
        _ => serde_json::Value::Null,
    };
    output.emit(&serde_json::json!({ "event": "error", "message": format!("{error:#}"), "problem": problem }));
    eprintln!("paceline: {}", printable::lines(&format!("{error:#}")));
    exit.into()
}
