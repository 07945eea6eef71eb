//! What goes over the wire: compact JSON, named by a type with a version.

use lapin::{BasicProperties, message::Delivery, types::ShortString};
use paceline_domain::{Job, WorkerResult};
use serde::de::DeserializeOwned;

/// What is carried: a job, or results. Also the label of its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Jobs,
    Results,
}

/// A body that cannot be read. Says nothing of its content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("its type is not {expected}")]
    Type { expected: &'static str },
    #[error("it is for another sender than its queue")]
    Sender,
    #[error("its body is not what its type says ({category:?} error in line {line}, column {column})")]
    Body { category: serde_json::error::Category, line: usize, column: usize },
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Results => "results",
        }
    }

    const fn type_name(self) -> &'static str {
        match self {
            Self::Jobs => "job.send.v1",
            Self::Results => "results.v1",
        }
    }

    /// Persistent, with a name that tells returned messages apart.
    pub(crate) fn properties(self, message_id: ShortString) -> BasicProperties {
        const PERSISTENT: u8 = 2;
        BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
            .with_type(self.type_name().into())
            .with_app_id("paceline".into())
            .with_message_id(message_id)
    }

    fn read<T: DeserializeOwned>(self, delivery: &Delivery) -> Result<T, Unreadable> {
        if delivery.properties.kind().as_ref().map(ShortString::as_str) != Some(self.type_name()) {
            return Err(Unreadable::Type { expected: self.type_name() });
        }
        serde_json::from_slice(&delivery.data).map_err(|error| Unreadable::Body {
            category: error.classify(),
            line: error.line(),
            column: error.column(),
        })
    }
}

pub(crate) fn write_job(job: &Job) -> Vec<u8> {
    serde_json::to_vec(job).expect("a job has no map with other keys than strings")
}

pub(crate) fn write_result(result: &WorkerResult) -> Vec<u8> {
    serde_json::to_vec(result).expect("a result has no map with other keys than strings")
}

pub(crate) fn read_job(delivery: &Delivery) -> Result<Job, Unreadable> {
    Kind::Jobs.read(delivery)
}

pub(crate) fn read_results(delivery: &Delivery) -> Result<Vec<WorkerResult>, Unreadable> {
    Kind::Results.read(delivery)
}
