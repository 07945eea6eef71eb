//! What went wrong with the broker, by what can be done about it.

use std::{error::Error as _, io};

use lapin::{Error, ErrorKind};
use paceline_queue::QueueError;

/// What went wrong; one may fail many calls.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It may be better later.
    Away { reason: String, source: Option<Error> },
    /// It will be the same until somebody acts.
    Refused { reason: String, cure: String },
}

/// The reply codes of AMQP 0-9-1 that say what an operator can do.
mod code {
    pub(super) const ACCESS_REFUSED: u16 = 403;
    pub(super) const NOT_FOUND: u16 = 404;
    pub(super) const RESOURCE_LOCKED: u16 = 405;
    pub(super) const PRECONDITION_FAILED: u16 = 406;
    pub(super) const NOT_ALLOWED: u16 = 530;
    pub(super) const NOT_IMPLEMENTED: u16 = 540;
}

impl Fault {
    pub(crate) fn away(reason: impl Into<String>) -> Self {
        Self::Away { reason: reason.into(), source: None }
    }

    pub(crate) fn refused(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into(), cure: cure.into() }
    }

    /// A connection could not be made.
    pub(crate) fn of_connecting(error: Error) -> Self {
        if let Some(tls) = tls_error(&error) {
            return Self::refused(
                format!("TLS was refused: {tls}"),
                "check that the URL names the broker's TLS port, and the broker's certificate and its name; name a private \
                 authority with ?cacertfile= in the URL",
            );
        }
        let cure = match reply_code(&error) {
            Some(code::ACCESS_REFUSED) => {
                "check user and password in the URL, and the user's access to the virtual host"
            }
            Some(code::NOT_ALLOWED) => {
                "create the virtual host and grant the user permissions on it, or name another one as the URL's path (none for the \
                 default one)"
            }
            _ => return Self::of(error),
        };
        Self::refused(said(&error), cure)
    }

    /// Something else listens there.
    pub(crate) fn other_protocol() -> Self {
        Self::refused(
            "what answers there does not speak AMQP 0-9-1",
            "name the port of the broker's AMQP listener, 5672 or, with amqps://, 5671",
        )
    }

    /// Something could not be declared.
    pub(crate) fn of_declaring(error: Error, what: &str) -> Self {
        let cure = match reply_code(&error) {
            Some(code::PRECONDITION_FAILED) => format!(
                "{what} is there with other arguments: let it drain, delete it, and it is declared anew (nothing is lost: what \
                 it carried is released again), or set the queue type that it has"
            ),
            Some(code::RESOURCE_LOCKED) => format!("{what} belongs to another connection alone: delete it"),
            Some(code::ACCESS_REFUSED) => {
                format!("grant the user configure, write and read permissions that cover {what}")
            }
            Some(code::NOT_IMPLEMENTED | code::NOT_ALLOWED) => {
                format!(
                    "the broker does not offer what {what} needs: use RabbitMQ 3.10 or later, or another queue type"
                )
            }
            _ => return Self::of(error),
        };
        Self::refused(said(&error), cure)
    }

    /// A call other than a declaration failed.
    pub(crate) fn of_using(error: Error, what: &str) -> Self {
        match reply_code(&error) {
            Some(code::ACCESS_REFUSED) => {
                Self::refused(said(&error), format!("grant the user write and read permissions that cover {what}"))
            }
            _ => Self::of(error),
        }
    }

    fn of(error: Error) -> Self {
        Self::Away { reason: said(&error), source: Some(error) }
    }

    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// For people.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Away { reason, .. } | Self::Refused { reason, .. } => reason,
        }
    }

    /// What an operator can do about it.
    pub(crate) fn cure(&self) -> &str {
        match self {
            Self::Away { .. } => "check that the broker runs and can be reached from here",
            Self::Refused { cure, .. } => cure,
        }
    }
}

impl From<Fault> for QueueError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Away { reason, source } => {
                Self::Unavailable { reason, source: source.map(|source| Box::new(source) as _) }
            }
            Fault::Refused { reason, cure } => Self::Refused { reason, cure },
        }
    }
}

/// Whether the broker says that what was named is not there.
pub(crate) fn is_missing(error: &Error) -> bool {
    reply_code(error) == Some(code::NOT_FOUND)
}

fn reply_code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// What the driver or the broker said.
fn said(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        ErrorKind::IOError(error) => error.to_string(),
        ErrorKind::MissingHeartbeatError => "the broker has been silent for too long".to_owned(),
        ErrorKind::InvalidConnectionState(_) | ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidChannel(_) => {
            "the connection to the broker has ended".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Marks an error of the TLS handshake, which will be the same until somebody acts.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TlsError(pub(crate) String);

fn tls_error(error: &Error) -> Option<&TlsError> {
    let ErrorKind::IOError(error) = error.kind() else { return None };
    let inner: &io::Error = error;
    inner.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()).or_else(|| inner.source()?.downcast_ref())
}
