//! What a process is asked to do at a failpoint, as a word of the environment.

use std::{fmt, num::NonZeroU32, str::FromStr};

use crate::{Failpoint, VARIABLE};

/// How a process ends at a failpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By SIGKILL.
    Kill,
    /// By SIGSTOP: it does nothing more until it is sent SIGCONT, and then goes on as if no time had passed.
    Freeze,
}

/// What a process is asked to do. Written `[freeze:]<failpoint>[:<pass>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// How it ends.
    pub end: End,
    /// Where.
    pub failpoint: Failpoint,
    /// The how-manieth time that it gets there, from 1.
    pub pass: NonZeroU32,
}

/// Why an order cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is no such failpoint.
    #[error("{VARIABLE} names no failpoint: {word:?}; unset it, or name one of {}", words())]
    NoSuchFailpoint {
        /// What it says.
        word: String,
    },
    /// What follows the failpoint is not a count.
    #[error("{VARIABLE} says {word:?} where the number of the pass belongs; write a whole number from 1, or nothing")]
    NotAPass {
        /// What it says.
        word: String,
    },
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let (end, rest) = match text.strip_prefix("freeze:") {
            Some(rest) => (End::Freeze, rest),
            None => (End::Kill, text),
        };
        let (word, pass) = match rest.split_once(':') {
            Some((word, pass)) => (word, pass.parse().map_err(|_| OrderError::NotAPass { word: pass.to_owned() })?),
            None => (rest, NonZeroU32::MIN),
        };
        let failpoint = Failpoint::ALL.into_iter().find(|failpoint| failpoint.as_str() == word);
        failpoint
            .map(|failpoint| Self { end, failpoint, pass })
            .ok_or_else(|| OrderError::NoSuchFailpoint { word: word.to_owned() })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.end {
            End::Kill => "",
            End::Freeze => "freeze:",
        };
        write!(f, "{prefix}{}:{}", self.failpoint.as_str(), self.pass)
    }
}

fn words() -> String {
    Failpoint::ALL.map(Failpoint::as_str).join(", ")
}
