//! Exit codes; the table in this crate's README.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// It failed; standard error says why.
    Failed,
    /// The configuration was refused.
    Configuration,
    /// The demo's account does not balance, or the network saw something else.
    Unbalanced,
    /// The API refused.
    Refused,
    /// A server could not be reached.
    Unreachable,
    /// Ended at once by a second signal.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub(crate) const fn code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Configuration => 3,
            Self::Unbalanced => 4,
            Self::Refused => 5,
            Self::Unreachable => 6,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(u8::try_from(exit.code()).unwrap_or(1))
    }
}
