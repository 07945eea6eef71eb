//! Refusals of what never becomes a request, as bytes: problems like all others.

use std::sync::Arc;

use axum::http::StatusCode;
use paceline_domain::{Clock, Minter, RequestId};

use super::framing::Fault;
use crate::problem::{self, Problem};

/// Writes refusals.
#[derive(Clone)]
pub(super) struct Refusals {
    minter: Arc<Minter>,
    clock: Arc<dyn Clock>,
}

impl Refusals {
    pub(super) fn new(minter: Arc<Minter>, clock: Arc<dyn Clock>) -> Self {
        Self { minter, clock }
    }

    /// An id for a request that has none.
    pub(super) fn id(&self) -> RequestId {
        self.minter.mint(self.clock.real_now())
    }

    pub(super) fn of_fault(&self, fault: Fault) -> Vec<u8> {
        self.write(&match fault {
            Fault::BareLineFeed => Problem::MalformedRequest("Every line of the head must end with CR LF."),
            Fault::Length => Problem::MalformedRequest(
                "The body's length must be told once, by Content-Length or by Transfer-Encoding: chunked.",
            ),
            Fault::UriTooLong => Problem::UriTooLong,
            Fault::HeadTooLong => Problem::HeadTooLong,
        })
    }

    /// The caller began a request and never ended its head.
    pub(super) fn of_silence(&self) -> Vec<u8> {
        self.write(&Problem::RequestTimeout)
    }

    /// What the parser refused with this head.
    pub(super) fn of_parser(&self, head: &[u8]) -> Vec<u8> {
        let status = head.get(9..12).and_then(|digits| StatusCode::from_bytes(digits).ok());
        self.write(&match status {
            Some(StatusCode::URI_TOO_LONG) => Problem::UriTooLong,
            Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) => Problem::HeadTooLong,
            _ => Problem::MalformedRequest("The request is not HTTP/1.1 as RFC 9112 has it."),
        })
    }

    fn write(&self, problem: &Problem) -> Vec<u8> {
        problem::raw(problem, self.id())
    }
}
