//! A listener that strangers may reach: every wait of it ends, and nobody's silence costs another a place.
//!
//! Each phase of a connection has its own time: a request's head, the pause between two requests, the pauses of a body and of a
//! caller who reads an answer. Connections are limited in all and for each address (see `places`); what the process needs for the
//! database, the broker and its files is not given to callers, as long as `ServerLimits::connections` leaves it out. Closing takes
//! as long as what is being answered, and [`Timeouts`] do not matter then: there is an end to it.

mod connection;
mod deadline;
mod framing;
mod places;
mod refusals;
mod talk;
mod wire;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use paceline_domain::{Clock, Minter};
use paceline_telemetry::Metrics;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use self::{connection::Answerer, places::Places, refusals::Refusals};

/// How long to wait after the operating system had no descriptor for a connection.
const BREATH: Duration = Duration::from_millis(50);

/// How many callers at once, and how long each may take. Durations are real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// The most connections in all.
    pub connections: usize,
    /// The most connections of one address; of IPv6, of one network of 64 bits.
    pub per_address: usize,
    /// How long each phase of a connection may take.
    pub timeouts: Timeouts,
    /// How long what is being answered may take once the server closes.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { connections: 1_024, per_address: 256, timeouts: Timeouts::default(), drain: Duration::from_secs(20) }
    }
}

/// How long each phase of a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From a connection, or a request's first byte, to the end of the request's head.
    pub head: Duration,
    /// From one request to the next.
    pub idle: Duration,
    /// Between two pieces of a body that is waited for, or of an answer that is to be read.
    pub pause: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), idle: Duration::from_secs(75), pause: Duration::from_mins(1) }
    }
}

/// What a server is made of.
pub struct ServerDeps {
    /// Where the requests go. It answers with the header `x-request-id`, or is given one.
    pub router: Router,
    /// Where connections are counted.
    pub metrics: Arc<Metrics>,
    /// Ids of requests that nobody could read.
    pub minter: Arc<Minter>,
    /// Real time.
    pub clock: Arc<dyn Clock>,
    /// How many, how long.
    pub limits: ServerLimits,
}

impl std::fmt::Debug for ServerDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerDeps").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A listening server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    closing: CancellationToken,
    drain: Duration,
    task: JoinHandle<JoinSet<()>>,
}

impl Server {
    /// Serves what comes to `listener`.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(listener: TcpListener, deps: ServerDeps) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let closing = CancellationToken::new();
        let places = Places::new(deps.limits, &deps.metrics);
        let answerer = Answerer {
            router: deps.router,
            refusals: Refusals::new(deps.minter, deps.clock),
            timeouts: deps.limits.timeouts,
            closing: closing.clone(),
        };
        let task = tokio::spawn(accept(listener, places, answerer));
        Ok(Self { address, closing, drain: deps.limits.drain, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Turns away who comes now, and waits until what is being answered has been, or has taken too long.
    pub async fn close(self) {
        self.closing.cancel();
        let Ok(mut connections) = self.task.await.inspect_err(|error| tracing::error!(%error, "the server failed"))
        else {
            return;
        };
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain, all).await.is_err() {
            tracing::warn!(
                connections.open = connections.len(),
                "requests were not answered in time and are broken off; what they changed is whole or not at all"
            );
            connections.shutdown().await;
        }
    }
}

/// Serves connections until the server closes; answers with those that are still there.
async fn accept(listener: TcpListener, places: Arc<Places>, answerer: Answerer) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let mut short = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = answerer.closing.cancelled() => return connections,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((socket, address)) => {
                short = false;
                welcome(socket, address, &places, &answerer, &mut connections);
            }
            Err(error) if is_of_the_caller(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut short, true) {
                    tracing::error!(%error, "the listener cannot take connections; raise the limit of open files");
                }
                places.make_way();
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn welcome(
    socket: TcpStream,
    address: SocketAddr,
    places: &Arc<Places>,
    answerer: &Answerer,
    connections: &mut JoinSet<()>,
) {
    if let Some(place) = places.admit(address.ip()) {
        connections.spawn(answerer.clone().serve(socket, place));
    }
}

/// Whether only this one connection failed.
fn is_of_the_caller(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}
