//! One connection, from its first byte to its end.

use std::{convert::Infallible, pin::Pin, sync::Arc, task};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderName, HeaderValue, Version, header::HOST},
    response::{IntoResponse as _, Response},
};
use hyper::{body::Frame, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Duration};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    Timeouts,
    places::{Place, Welcome},
    refusals::Refusals,
    talk::Answering,
    wire::Wire,
};
use crate::problem::{self, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long somebody who has a spare place may take with everything.
const SPARE_TIMEOUTS: Timeouts =
    Timeouts { head: Duration::from_secs(3), idle: Duration::from_secs(1), pause: Duration::from_secs(3) };

/// Answers requests.
#[derive(Clone)]
pub(super) struct Answerer {
    pub(super) router: Router,
    pub(super) refusals: Refusals,
    pub(super) timeouts: Timeouts,
    /// Cancelled when the server closes: what is being answered is answered, nothing else is.
    pub(super) closing: CancellationToken,
}

impl Answerer {
    /// Serves a connection until it ends, has to make room, or the server closes.
    pub(super) async fn serve(self, socket: TcpStream, place: Place) {
        let _ = socket.set_nodelay(true);
        let timeouts = if place.welcome == Welcome::Whole { self.timeouts } else { SPARE_TIMEOUTS };
        let wire = Wire::new(socket, Arc::clone(&place.talk), timeouts, self.refusals.clone());
        let (talk, welcome, closing) = (Arc::clone(&place.talk), place.welcome, self.closing.clone());
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let answering = talk.call();
            let answerer = self.clone();
            // The connection is polled in place, and taken apart afterwards.
            Box::pin(
                async move { Ok::<_, Infallible>(answerer.answer(request.map(Body::new), welcome, answering).await) },
            )
        });
        let mut builder = http1::Builder::new();
        builder.keep_alive(welcome == Welcome::Whole);
        let mut connection = builder.serve_connection(TokioIo::new(wire), service);
        tokio::select! {
            ended = std::future::poll_fn(|context| connection.poll_without_shutdown(context)) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended");
                }
            }
            () = place.leave.cancelled() => return,
            () = closing.cancelled() => {
                if !place.talk.is_busy() {
                    return;
                }
                Pin::new(&mut connection).graceful_shutdown();
                let _ = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
            }
        }
        connection.into_parts().io.into_inner().finish().await;
    }

    async fn answer(&self, request: Request, welcome: Welcome, answering: Answering) -> Response<Body> {
        let refused = refuse(&request, welcome);
        // Whatever follows such a request may be meant otherwise.
        let last = refused.is_some();
        let response = match refused {
            Some(problem) => problem.into_response(),
            None => match self.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        };
        let mut response = if response.headers().contains_key(REQUEST_ID) {
            response
        } else {
            let id = self.refusals.id();
            let mut response = problem::render(response, id);
            if let Ok(value) = HeaderValue::try_from(id.to_string()) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            response
        };
        if last || self.closing.is_cancelled() {
            response.headers_mut().insert(axum::http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| Body::new(Accompanied { body, _answering: answering }))
    }
}

/// Refuses what no handler should see.
fn refuse(request: &Request, welcome: Welcome) -> Option<Problem> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() || (host.is_none() && request.version() == Version::HTTP_11) {
        return Some(Problem::MalformedRequest("The request must have one Host header."));
    }
    if host.is_some_and(|host| !is_host(host.as_bytes())) {
        return Some(Problem::MalformedRequest("The Host header must name a host, and a port at most."));
    }
    let asks_for_health = matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics");
    (welcome == Welcome::HealthOnly && !asks_for_health).then_some(Problem::TooManyConnections)
}

/// Whether the text can be a host with a port (RFC 9110, section 7.2). Empty is lawful where the target has no authority.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte))
}

/// A body that says when it is gone.
struct Accompanied {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Accompanied {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
