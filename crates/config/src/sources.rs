//! Where settings come from.

use std::{fmt, path::PathBuf};

/// What a configuration is read from. Nothing here touches the process's environment but [`ConfigSources::of_process`].
#[derive(Clone, Default)]
pub struct ConfigSources {
    /// The file named on the command line. Without it, the one that `PACELINE_CONFIG` names; without that, none.
    pub file: Option<PathBuf>,
    /// The environment. Variables that are not ours are passed over.
    pub env: Vec<(String, String)>,
    /// Keys that options of the command line set, such as `("server.listen", "127.0.0.1:0")`, written as in the
    /// environment. They go before everything else.
    pub overrides: Vec<(String, String)>,
}

impl ConfigSources {
    /// A file, when one is named, and the environment of this process.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        // A name or value that is not UTF-8 is read with a replacement character, and refused as whatever it then is.
        let env = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Self { file, env, overrides: Vec::new() }
    }
}

/// An environment holds secrets.
impl fmt::Debug for ConfigSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSources").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Where one setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The defaults.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable of this name.
    Variable(String),
    /// An option of the command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::CommandLine => f.write_str("the command line"),
        }
    }
}
