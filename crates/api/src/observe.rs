//! The outermost layer: gives each request its id, writes its log line, counts and times it, and renders its refusal.
//!
//! The route is the template (`/v1/campaigns/{id}`), never the path, and the query string is not looked at: both may name a
//! person.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::Response,
};
use paceline_domain::RequestId;
use paceline_telemetry::{Describe, HistogramVec, IntCounterVec, Metrics};
use tracing::Instrument;

use crate::{api::Api, problem};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Upper bounds in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(crate) fn request_counter(metrics: &Metrics) -> IntCounterVec {
    let describe = Describe {
        name: "paceline_http_requests_total",
        help: "Answered HTTP requests by route, method and status.",
        when_it_rises: "more is asked of the API; a rise of status 5xx means that the database is away or a defect shows, \
                        and the log lines with these statuses say which.",
    };
    metrics.counter(describe, &["route", "method", "status"])
}

pub(crate) fn duration_histogram(metrics: &Metrics) -> HistogramVec {
    let describe = Describe {
        name: "paceline_http_request_duration_seconds",
        help: "Time from a request's head to the head of its answer, in seconds, by route and method.",
        when_it_rises: "the database answers slowly or the machine is busy; uploads take as long as their bodies do.",
    };
    metrics.histogram(describe, &["route", "method"], &BUCKETS)
}

/// The route that matched, `unmatched` when none did.
struct Route(Option<MatchedPath>);

impl Route {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("unmatched", MatchedPath::as_str)
    }

    /// Pages that tools poll: their log lines would drown the others.
    fn is_polled(&self) -> bool {
        matches!(self.as_str(), "/healthz" | "/readyz" | "/metrics" | "/metrics/senders")
    }
}

/// Observes one request.
pub(crate) async fn observe(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let id: RequestId = api.minter().mint(api.clock().real_now());
    let route = Route(request.extensions().get::<MatchedPath>().cloned());
    let method = method_word(request.method());
    request.extensions_mut().insert(id);

    let span = tracing::info_span!("request", request.id = %id);
    let response = next.run(request).instrument(span).await;
    let mut response = problem::render(response, id);
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let took = started.elapsed();
    let status = response.status();
    api.requests().with_label_values(&[route.as_str(), method, status.as_str()]).inc();
    api.durations().with_label_values(&[route.as_str(), method]).observe(took.as_secs_f64());
    log(&route, method, status, id, took);
    response
}

fn log(route: &Route, method: &str, status: StatusCode, id: RequestId, took: std::time::Duration) {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let (route_name, status) = (route.as_str(), status.as_u16());
    if route.is_polled() {
        tracing::debug!(http.method = method, http.route = route_name, http.status = status, duration_ms, request.id = %id, "answered");
    } else {
        tracing::info!(http.method = method, http.route = route_name, http.status = status, duration_ms, request.id = %id, "answered");
    }
}

/// A method as a label: a client may invent methods, and labels must stay few.
fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
