//! The HTTP face: the session endpoint for clients, and the admin calls for tests and operators.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{State, WebSocketUpgrade},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{any, delete, get, post},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{AdminError, Exposure, RenderMetrics, connection, log::Broken, network::Network};

mod faults;
mod guard;
mod journal;
mod people;
mod senders;

pub(crate) use guard::USER;

/// A frame of the session protocol may be this long: the largest group of sends that a client may write at once.
const LARGEST_FRAME: usize = 16 << 20;
/// Small, because every idle session keeps its own.
const SOCKET_BUFFER: usize = 8 << 10;

/// What every call is served with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) network: Arc<Network>,
    pub(crate) connections: TaskTracker,
    pub(crate) metrics: Option<Arc<RenderMetrics>>,
    /// Breaks every connection.
    pub(crate) cut: CancellationToken,
    /// Lets whoever has it call.
    pub(crate) token: Arc<str>,
    pub(crate) exposure: Exposure,
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/session", any(open_session))
        .route("/healthz", get(show_health))
        .route("/readyz", get(show_health))
        .route("/metrics", get(show_metrics))
        .route("/pending", get(show_pending))
        .route("/journal", get(journal::list_journal))
        .route("/journal/summary", get(journal::show_summary))
        .route("/faults", get(faults::list_faults).post(faults::add_fault).delete(faults::clear_faults))
        .route("/faults/{id}", delete(faults::remove_fault))
        .route("/senders", get(senders::list_senders))
        .route("/senders/{e164}/logout", post(senders::log_out_sender))
        .route("/phones/{e164}/accept", post(senders::accept_code))
        .route("/people/{e164}", get(people::show_person))
        .route("/people/{e164}/write", post(people::write_as_person))
        .route("/people/{e164}/inbox", get(people::list_inbox))
        .layer(axum::middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}

async fn open_session(State(app): State<App>, upgrade: WebSocketUpgrade) -> Response {
    let App { network, connections, cut, .. } = app;
    upgrade
        .read_buffer_size(SOCKET_BUFFER)
        .write_buffer_size(SOCKET_BUFFER)
        .max_frame_size(LARGEST_FRAME)
        .max_message_size(LARGEST_FRAME)
        .on_upgrade(move |socket| connections.track_future(connection::serve(network, socket, cut.child_token())))
}

async fn show_health(State(app): State<App>) -> Result<Json<Health>, Problem> {
    app.network.journal.durable_end()?;
    app.network.registry.durable_end()?;
    Ok(Json(Health { status: "ok" }))
}

/// Prometheus's text format, version 0.0.4.
async fn show_metrics(State(app): State<App>) -> Response {
    let Some(render) = &app.metrics else { return StatusCode::NOT_FOUND.into_response() };
    let text = render(&app.network.summary());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn show_pending(State(app): State<App>) -> impl IntoResponse {
    Json(app.network.pending())
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// A refusal, as RFC 9457 has it.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    slug: &'static str,
    detail: String,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl Problem {
    fn invalid(detail: String) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, slug: "invalid", detail }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("");
        let body = ProblemBody { r#type: self.slug, title, status: self.status.as_u16(), detail: &self.detail };
        (self.status, [("content-type", "application/problem+json")], Json(body)).into_response()
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let (status, slug) = match error {
            AdminError::UnknownSender => (StatusCode::NOT_FOUND, "unknown-sender"),
            AdminError::NotPairing => (StatusCode::CONFLICT, "not-pairing"),
            AdminError::CodeExpired => (StatusCode::CONFLICT, "code-expired"),
            AdminError::Broken => (StatusCode::SERVICE_UNAVAILABLE, "broken"),
        };
        Self { status, slug, detail: error.to_string() }
    }
}

impl From<Broken> for Problem {
    fn from(_: Broken) -> Self {
        AdminError::Broken.into()
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "the simulator cannot read its journal");
        AdminError::Broken.into()
    }
}

/// Reads a JSON body; what is wrong with it is told by field.
fn read_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::invalid(error.to_string()))
}

/// Reads the number in a path.
fn read_phone(e164: &str) -> Result<paceline_domain::PhoneNumber, Problem> {
    e164.parse().map_err(|error: paceline_domain::ParsePhoneError| Problem::invalid(error.to_string()))
}
