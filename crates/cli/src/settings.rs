//! The configuration as this process has it: file, environment and command line.

use std::{net::SocketAddr, sync::Arc};

use paceline_config::{Config, ConfigProblems, ConfigSources};
use paceline_domain::Clock;
use paceline_telemetry::LogFormat;

use crate::{arguments::Global, clock};

/// The configuration was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Keys and values.
    #[error("the configuration is refused:\n{0}")]
    Problems(#[from] ConfigProblems),
    /// A service that this version of the command does not use.
    #[error(
        "{variable} is set, but `paceline up` of this version runs on embedded parts only (SQLite in data_dir, a queue in the process); unset {variable}"
    )]
    Service {
        /// The environment variable.
        variable: &'static str,
    },
}

/// The checked configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The values.
    pub(crate) config: Config,
}

impl Settings {
    /// Reads and checks everything; all problems at once.
    pub(crate) fn load(global: &Global, listen: Option<SocketAddr>) -> Result<Self, SettingsError> {
        Ok(Self { config: Config::load(&sources(global, listen))? })
    }

    /// Refuses what `up` cannot use, rather than pass it over in silence.
    pub(crate) fn embedded_only(&self) -> Result<(), SettingsError> {
        for (variable, set) in [("DATABASE_URL", &self.config.database_url), ("AMQP_URL", &self.config.amqp_url)] {
            if set.is_some() {
                return Err(SettingsError::Service { variable });
            }
        }
        Ok(())
    }

    /// Campaign time.
    pub(crate) fn clock(&self) -> anyhow::Result<Arc<dyn Clock>> {
        clock::from_settings(self.config.clock.speed, self.config.clock.origin, &self.config.data_dir)
    }

    /// How log lines look.
    pub(crate) fn log_format(&self) -> LogFormat {
        match self.config.log.format {
            paceline_config::LogFormat::Auto => LogFormat::Auto,
            paceline_config::LogFormat::Json => LogFormat::Json,
            paceline_config::LogFormat::Text => LogFormat::Text,
        }
    }
}

fn sources(global: &Global, listen: Option<SocketAddr>) -> ConfigSources {
    let mut sources = ConfigSources::of_process(global.config.clone());
    let mut set = |key: &str, value: String| sources.overrides.push((key.to_owned(), value));
    if let Some(folder) = &global.data_dir {
        set("data_dir", folder.display().to_string());
    }
    if let Some(listen) = listen {
        set("server.listen", listen.to_string());
    }
    sources
}
