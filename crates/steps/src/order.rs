//! What a process is asked to do at a step, as a word of the environment.

use std::{fmt, num::NonZeroU32, str::FromStr};

use crate::{Step, VARIABLE};

/// How a process ends at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By SIGKILL.
    Kill,
    /// By SIGSTOP: it does nothing more until it is sent SIGCONT, and then goes on as if no time had passed.
    Freeze,
}

/// What a process is asked to do. Written `[freeze:]<step>[:<pass>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// How it ends.
    pub end: End,
    /// Where.
    pub step: Step,
    /// The how-manieth time that it gets there, from 1.
    pub pass: NonZeroU32,
}

/// Why an order cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is no such step.
    #[error("{VARIABLE} names no step: {word:?}; unset it, or name one of {}", words())]
    NoSuchStep {
        /// What it says.
        word: String,
    },
    /// What follows the step is not a count.
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
        let step = Step::ALL.into_iter().find(|step| step.as_str() == word);
        step.map(|step| Self { end, step, pass }).ok_or_else(|| OrderError::NoSuchStep { word: word.to_owned() })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.end {
            End::Kill => "",
            End::Freeze => "freeze:",
        };
        write!(f, "{prefix}{}:{}", self.step.as_str(), self.pass)
    }
}

fn words() -> String {
    Step::ALL.map(Step::as_str).join(", ")
}
