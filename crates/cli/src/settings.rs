//! The configuration as this process has it: file, environment and command line.

use std::{net::SocketAddr, sync::Arc};

use paceline_config::{Config, ConfigProblems, ConfigSources};
use paceline_domain::Clock;
use paceline_failpoints::OrderError;
use paceline_telemetry::LogFormat;

use crate::{arguments::Global, clock, services::Services};

/// The configuration was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// Keys and values.
    #[error("the configuration is refused:\n{0}")]
    Problems(#[from] ConfigProblems),
    /// A failpoint that there is not.
    #[error(transparent)]
    Failpoint(#[from] OrderError),
    /// One service without the other.
    #[error(
        "{set} is set and {missing} is not: Paceline runs on PostgreSQL and RabbitMQ together, or on neither, since a broker beside an \
         embedded database, or a database without a broker, would leave workers with half of what they need; set {missing} too, or \
         unset {set}"
    )]
    OneService {
        /// The environment variable that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// No service for a command that needs both.
    #[error(
        "`paceline {command}` runs on PostgreSQL and RabbitMQ: set DATABASE_URL and AMQP_URL (`scripts/services up` starts both and \
         prints them); `paceline up` runs on embedded parts"
    )]
    NoServices {
        /// The command.
        command: &'static str,
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

    /// The services to run on; `None` for embedded parts.
    pub(crate) fn find_services(&self) -> Result<Option<Services>, SettingsError> {
        let (database, amqp) = (self.config.database.clone(), self.config.amqp.clone());
        match (database.url.clone(), amqp.url.clone()) {
            (None, None) => Ok(None),
            (Some(database_url), Some(amqp_url)) => Ok(Some(Services { database, amqp, database_url, amqp_url })),
            (Some(_), None) => Err(SettingsError::OneService { set: "DATABASE_URL", missing: "AMQP_URL" }),
            (None, Some(_)) => Err(SettingsError::OneService { set: "AMQP_URL", missing: "DATABASE_URL" }),
        }
    }

    /// The services that `command` cannot do without.
    pub(crate) fn services(&self, command: &'static str) -> Result<Services, SettingsError> {
        self.find_services()?.ok_or(SettingsError::NoServices { command })
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
