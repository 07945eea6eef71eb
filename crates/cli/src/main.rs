#![doc = include_str!("../README.md")]

mod arguments;
mod campaign;
mod check;
mod client;
mod clock;
mod data_dir;
mod demo;
mod entropy;
mod exit;
mod follow;
mod output;
mod sender;
mod settings;
mod signals;
mod simulator;
mod stack;
mod table;
mod up;

use std::process::ExitCode;

use clap::Parser as _;
use paceline_telemetry::{LogFormat, LogOptions};
use rustls::crypto::ring;

use crate::{
    arguments::{Arguments, Command, Global},
    client::{Client, ClientError},
    exit::Exit,
    output::Output,
    settings::{Settings, SettingsError},
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = if arguments.global.json { Output::Json } else { Output::Text };
    // The HTTP client asks for a provider without naming one. Fails only when there is one already.
    let _ = ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into(), output),
    };
    match runtime.block_on(run(arguments, output)) {
        Ok(exit) => exit.into(),
        Err(error) => fail(&error, output),
    }
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
    }
}

fn start_logs(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    Ok(paceline_telemetry::init_logs(&LogOptions { format, filter: filter.to_owned() })?)
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
    eprintln!("paceline: {error:#}");
    exit.into()
}
