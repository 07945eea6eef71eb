//! The listener, met over sockets: what callers do not send, do not read, and send in two ways.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, routing::get};
use paceline_api::{OperationsDeps, Server, ServerDeps, ServerLimits, Timeouts, waiting_router};
use paceline_telemetry::Metrics;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::app::{App, PATIENCE, Probes, eventually};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

/// A listening server.
struct Listening {
    server: Server,
    metrics: Arc<Metrics>,
    app: App,
}

impl Listening {
    async fn start(limits: ServerLimits) -> Self {
        Self::with(limits, |router| router).await
    }

    async fn with(limits: ServerLimits, change: impl FnOnce(Router) -> Router) -> Self {
        let app = App::start().await;
        let metrics = Arc::new(Metrics::new());
        let deps = ServerDeps {
            router: change(app.router.clone()),
            metrics: Arc::clone(&metrics),
            minter: Arc::clone(&app.minter),
            clock: Arc::clone(&app.clock) as _,
            limits,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::start(listener, deps).unwrap();
        Self { server, metrics, app }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    /// Sends a text and reads until the server closes.
    async fn exchange(&self, text: &str) -> Answer {
        let mut socket = self.connect().await;
        // A server that has refused what came so far need not take the rest.
        let _ = socket.write_all(text.as_bytes()).await;
        read_to_end(&mut socket).await
    }
}

struct Answer(String);

impl Answer {
    fn status(&self) -> &str {
        self.0.get(9..12).unwrap_or("none")
    }

    /// The problem's slug, after checking that head and body belong together.
    fn slug(&self) -> String {
        let (head, body) = self.0.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {:?}", self.0));
        assert!(head.to_ascii_lowercase().contains("content-type: application/problem+json"), "{head}");
        assert!(head.contains("x-request-id: req_"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let problem: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:?}"));
        assert_eq!(problem["status"].to_string(), self.status());
        problem["type"].as_str().unwrap().trim_start_matches("urn:paceline:problem:").to_owned()
    }
}

async fn read_to_end(socket: &mut TcpStream) -> Answer {
    let mut read = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut read)).await;
    reading.expect("the server does not close").unwrap();
    Answer(String::from_utf8(read).unwrap())
}

/// Reads one answer of a connection that stays open.
async fn read_answer(socket: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).ends_with(end) {
            let mut chunk = [0; 4096];
            let count = socket.read(&mut chunk).await.unwrap();
            assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&chunk[..count]);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("no answer in time");
    String::from_utf8(read).unwrap()
}

const ALIVE: &str = r#"{"status":"alive"}"#;

fn limits(connections: usize) -> ServerLimits {
    ServerLimits { connections, per_address: connections, ..ServerLimits::default() }
}

fn soon() -> ServerLimits {
    let short = Duration::from_millis(200);
    ServerLimits { timeouts: Timeouts { head: short, idle: short, pause: short }, ..ServerLimits::default() }
}

#[tokio::test]
async fn silent_strangers_make_room_for_whoever_asks() {
    let listening = Listening::start(limits(4)).await;
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(listening.connect().await);
        let mut asking = listening.connect().await;
        asking.write_all(HEALTH.as_bytes()).await.unwrap();
        read_answer(&mut asking, ALIVE).await;
        strangers.push(asking);
    }
    assert_eq!(read_to_end(&mut strangers[0]).await.0, "", "the first of them is closed");
    let text = listening.metrics.render();
    assert!(text.contains(r#"paceline_http_connections_closed_total{reason="silent"}"#), "{text}");
}

#[tokio::test]
async fn while_every_place_is_being_answered_newcomers_hear_that_and_health_is_told() {
    let listening = Listening::start(limits(2)).await;
    let poll =
        format!("GET /v1/events?wait=30 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", listening.app.key);
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut socket = listening.connect().await;
        socket.write_all(poll.as_bytes()).await.unwrap();
        busy.push(socket);
    }
    eventually("both places are busy", async || {
        listening.exchange("GET /v1/senders HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.status() == "503"
    })
    .await;
    let refused = listening.exchange("GET /v1/senders HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(refused.slug(), "too-many-connections");
    assert!(refused.0.contains("retry-after: "), "{}", refused.0);
    assert!(listening.exchange(HEALTH).await.0.ends_with(ALIVE));
}

#[tokio::test]
async fn a_head_that_is_not_ended_is_refused_in_time_and_silence_is_closed() {
    let listening = Listening::start(soon()).await;
    assert_eq!(listening.exchange("GET /healthz HT").await.slug(), "request-timeout");
    assert_eq!(listening.exchange("").await.0, "");
    assert!(listening.exchange(HEALTH).await.0.ends_with(ALIVE), "and so is one that idles");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_refused() {
    let listening = Listening::start(soon()).await;
    let request = format!(
        "POST /v1/campaigns HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{\"tem",
        listening.app.key
    );
    assert_eq!(listening.exchange(&request).await.slug(), "unreadable-body");
}

#[tokio::test]
async fn closing_waits_for_what_is_being_answered_and_for_nothing_else() {
    let listening = Listening::start(ServerLimits { drain: PATIENCE * 10, ..limits(10) }).await;
    let mut half = listening.connect().await;
    half.write_all(b"GET /healthz HTTP/1.1\r\nhos").await.unwrap();
    let mut silent = listening.connect().await;
    let mut busy = listening.connect().await;
    let poll =
        format!("GET /v1/events?wait=30 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n", listening.app.key);
    busy.write_all(poll.as_bytes()).await.unwrap();
    // What came before this one has been read once this one is answered: the test's runtime has one thread.
    let mut after = listening.connect().await;
    after.write_all(HEALTH.as_bytes()).await.unwrap();
    read_answer(&mut after, ALIVE).await;
    listening.app.stop.cancel();
    tokio::time::timeout(PATIENCE, listening.server.close()).await.expect("closing ends");
    assert_eq!(read_to_end(&mut half).await.0, "");
    assert_eq!(read_to_end(&mut silent).await.0, "");
    let answered = read_to_end(&mut busy).await;
    assert!(answered.0.contains(r#""items":[]"#) && answered.0.contains("connection: close"), "{}", answered.0);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_does_not_keep_a_closing_server() {
    let forever = |router: Router| router.route("/forever", get(async || std::future::pending::<()>().await));
    let listening = Listening::with(ServerLimits { drain: Duration::from_millis(100), ..limits(10) }, forever).await;
    let mut socket = listening.connect().await;
    socket.write_all(b"GET /forever HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut after = listening.connect().await;
    after.write_all(HEALTH.as_bytes()).await.unwrap();
    read_answer(&mut after, ALIVE).await;
    tokio::time::timeout(PATIENCE, listening.server.close()).await.expect("closing ends");
    assert_eq!(read_to_end(&mut socket).await.0, "");
}

#[tokio::test]
async fn a_caller_who_does_not_read_is_dropped() {
    let endless = |router: Router| {
        let stream = || futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024]));
        router.route("/endless", get(async move || Body::from_stream(stream())))
    };
    let listening = Listening::with(soon(), endless).await;
    let mut socket = listening.connect().await;
    socket.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    socket.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    eventually("it is dropped", async || listening.metrics.render().contains("paceline_http_connections 0")).await;
}

#[tokio::test]
async fn requests_of_one_connection_are_answered_in_order_however_they_come() {
    let listening = Listening::start(limits(10)).await;
    let mut socket = listening.connect().await;
    let asking = format!("{HEALTH}{HEALTH}GET /nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    for byte in asking.as_bytes().chunks(7) {
        socket.write_all(byte).await.unwrap();
    }
    let answers = read_to_end(&mut socket).await.0;
    assert_eq!(answers.matches(ALIVE).count(), 2, "{answers}");
    assert!(answers.contains("no-such-route"), "{answers}");
    let whole = listening.exchange(&asking).await.0;
    assert_eq!(whole.matches("HTTP/1.1 ").count(), 3, "{whole}");
}

#[tokio::test]
async fn what_is_not_http_or_can_be_read_in_two_ways_is_refused_by_a_problem() {
    let listening = Listening::start(limits(100)).await;
    let many = ["x: 1\r\n"; 120].concat();
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(9_000));
    let large = format!("GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    let crowded = format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    for (request, status, slug) in [
        ("GET /healthz HTTP/1.1\nhost: a\r\n\r\n", "400", "malformed-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a\n\r\n", "400", "malformed-request"),
        ("GET /healthz HTTP/1.1\r\n\r\n", "400", "malformed-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "400", "malformed-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n", "400", "malformed-request"),
        ("GET /healthz HTTP/1.1\r\nhost : a\r\n\r\n", "400", "malformed-request"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\nx\x01y: 1\r\n\r\n", "400", "malformed-request"),
        ("GET /healthz HTTP/7.1\r\nhost: a\r\n\r\n", "400", "malformed-request"),
        ("nonsense\r\n\r\n", "400", "malformed-request"),
        (
            "POST /v1/senders HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "400",
            "malformed-request",
        ),
        (
            "POST /v1/senders HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "400",
            "malformed-request",
        ),
        (&long, "414", "uri-too-long"),
        (&large, "431", "head-too-long"),
        (&crowded, "431", "head-too-long"),
        ("GET /nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "404", "no-such-route"),
        ("DELETE /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "405", "method-not-allowed"),
    ] {
        let answer = listening.exchange(request).await;
        assert_eq!((answer.status(), answer.slug().as_str()), (status, slug), "{request:.60}");
    }
    assert!(listening.exchange("GET /healthz HTTP/1.0\r\n\r\n").await.0.ends_with(ALIVE), "1.0 knows no Host");
}

#[tokio::test]
async fn a_server_that_starts_answers_with_a_problem() {
    let (metrics, readiness, stop) = (Arc::new(Metrics::new()), Arc::new(Probes::default()), CancellationToken::new());
    let starting = waiting_router(OperationsDeps { metrics, readiness, stop });
    let listening = Listening::with(limits(10), |_| starting).await;
    for request in ["GET /v1/campaigns", "POST /v1/messages", "GET /v1/nothing"] {
        let text = format!("{request} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let answer = listening.exchange(&text).await;
        assert_eq!((answer.status(), answer.slug().as_str()), ("503", "starting"), "{request}");
        assert!(answer.0.to_ascii_lowercase().contains("retry-after: 5"), "{request}");
    }
}
