//! Log lines, to stderr: stdout is for what a command answers.
//!
//! A line reads alone: the fields of the spans around it are its own fields, beside those of the event, under dotted names
//! (`campaign.id`, `duration_ms`).

use std::io::{self, IsTerminal};

use tracing::{Subscriber, subscriber::SetGlobalDefaultError};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::ParseError,
    fmt::{self, MakeWriter, format::JsonFields},
    layer::SubscriberExt,
    registry,
};

use self::json::JsonLines;

mod json;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Readable on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Readable, with colours on a terminal.
    Text,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines: a level, or directives such as `info,paceline_worker=debug`.
    pub filter: String,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { format: LogFormat::Auto, filter: "info".to_owned() }
    }
}

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("the log filter {filter:?} cannot be read")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// Somebody in this process logs already.
    #[error("logging has begun already in this process")]
    Begun(#[from] SetGlobalDefaultError),
}

/// Begins to log to stderr, for the whole process. The one thing here that is the process's; call it in `main` only.
///
/// # Errors
/// When the filter cannot be read, or logging has begun already.
pub fn init_logs(options: &LogOptions) -> Result<(), LogError> {
    let terminal = io::stderr().is_terminal();
    let format = match options.format {
        LogFormat::Auto if terminal => LogFormat::Text,
        LogFormat::Auto => LogFormat::Json,
        named => named,
    };
    let colours = if terminal { Colours::On } else { Colours::Off };
    tracing::subscriber::set_global_default(build(&options.filter, format, colours, io::stderr)?)?;
    Ok(())
}

/// What [`init_logs`] would install, but writing elsewhere and for whom the caller chooses. [`LogFormat::Auto`] is JSON.
///
/// # Errors
/// When the filter cannot be read.
pub fn log_subscriber<W>(options: &LogOptions, writer: W) -> Result<impl Subscriber + Send + Sync + use<W>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    build(&options.filter, options.format, Colours::Off, writer)
}

/// The broker's driver logs each failed try and each returned message by itself; what an operator needs to know of it is in our own
/// lines. A filter that names it goes before this.
const QUIET: &str = "lapin=off";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    On,
    Off,
}

fn build<W>(
    filter: &str,
    format: LogFormat,
    colours: Colours,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + use<W>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(format!("{QUIET},{filter}"))
        .map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    let lines = if format == LogFormat::Text {
        fmt::layer().with_writer(writer).with_ansi(colours == Colours::On).boxed()
    } else {
        fmt::layer().with_writer(writer).fmt_fields(JsonFields::new()).event_format(JsonLines).boxed()
    };
    Ok(registry().with(filter).with(lines))
}
