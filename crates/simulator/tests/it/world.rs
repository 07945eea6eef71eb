//! A simulator of its own for each test, and a client that speaks its frames.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use paceline_simulator::{PeopleOptions, Simulator, SimulatorHandle, SimulatorOptions, StartError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::clock::HandClock;

pub(crate) const SENDER: &str = "+15550100";
pub(crate) const OTHER_SENDER: &str = "+15550101";
pub(crate) const PERSON: &str = "+15550177";
const PATIENCE: Duration = Duration::from_secs(15);

/// Files and a clock that outlive a simulator.
pub(crate) struct Place {
    pub(crate) files: TempDir,
    pub(crate) clock: Arc<HandClock>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { files: tempfile::tempdir().expect("a directory"), clock: Arc::new(HandClock::new()) }
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.files.path().join("journal.ndjson")
    }

    pub(crate) fn options(&self) -> SimulatorOptions {
        let options = SimulatorOptions::new(self.clock.clone(), self.journal());
        SimulatorOptions { people: PeopleOptions::instant(), ..options }
    }

    /// Starts a simulator as soon as the one before it has let go of the files.
    pub(crate) async fn start_again(&self) -> SimulatorHandle {
        until("the files are free", async || match Simulator::start(self.options()).await {
            Ok(simulator) => Some(simulator),
            Err(StartError::File { source, .. }) if source.kind() == std::io::ErrorKind::ResourceBusy => None,
            Err(error) => panic!("the simulator does not start: {error}"),
        })
        .await
    }
}

/// A place with a simulator of instant people.
pub(crate) async fn world() -> (SimulatorHandle, Place) {
    let place = Place::new();
    let simulator = Simulator::start(place.options()).await.expect("the simulator starts");
    (simulator, place)
}

/// A client of the session protocol.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    n: u64,
    /// Events that came while something else was waited for.
    pub(crate) heard: Vec<Value>,
}

impl Client {
    /// Connects and says hello.
    pub(crate) async fn hello(simulator: &SimulatorHandle, phone: &str, credentials: Option<&str>) -> Self {
        let url = format!("{}/session", simulator.url().replacen("http", "ws", 1));
        let (socket, _) = connect_async(url).await.expect("connected");
        let mut client = Self { socket, n: 0, heard: Vec::new() };
        let mut hello = json!({"protocol": 1, "phone": phone, "window": 100});
        if let Some(credentials) = credentials {
            hello["credentials"] = json!(credentials);
        }
        client.say(&json!({"hello": hello})).await;
        client
    }

    /// Connects, is paired by the simulator's own phone, and is welcome. The credentials too.
    pub(crate) async fn pair(simulator: &SimulatorHandle, phone: &str) -> (Self, String) {
        let mut client = Self::hello(simulator, phone, None).await;
        let paired = client.next_with("paired").await;
        client.next_with("welcome").await;
        (client, paired["paired"]["credentials"].as_str().expect("credentials").to_owned())
    }

    pub(crate) async fn say(&mut self, frame: &Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("written");
    }

    /// Sends one message; its number.
    pub(crate) async fn send(&mut self, to: &str, id: &str) -> u64 {
        self.n += 1;
        self.say(&json!({"sends": [{"n": self.n, "id": id, "to": to, "text": format!("text of {id}")}]})).await;
        self.n
    }

    /// Sends one message and waits until it is acknowledged.
    pub(crate) async fn send_acked(&mut self, to: &str, id: &str) {
        let n = self.send(to, id).await;
        loop {
            let frame = self.next_frame().await.expect("an answer");
            assert!(frame.get("nacks").is_none(), "refused: {frame}");
            if frame["acks"].as_array().is_some_and(|acks| acks.contains(&json!(n))) {
                return;
            }
        }
    }

    /// Sends one message; the refusal that it must get.
    pub(crate) async fn send_refused(&mut self, to: &str, id: &str) -> Value {
        let n = self.send(to, id).await;
        let frame = self.next_with("nacks").await;
        assert_eq!(frame["nacks"][0]["n"], json!(n));
        frame["nacks"][0].clone()
    }

    /// The next frame, its events apart; `None` when the connection is over.
    pub(crate) async fn next_frame(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let mut frame: Value = serde_json::from_str(&text).expect("JSON");
                    if let Some(events) = frame.get_mut("events") {
                        self.heard.append(events.as_array_mut().expect("events"));
                    }
                    return Some(frame);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Skips to the next frame with this field.
    pub(crate) async fn next_with(&mut self, field: &str) -> Value {
        loop {
            let frame = self.next_frame().await.unwrap_or_else(|| panic!("the connection ended before {field}"));
            if frame.get(field).is_some() {
                return frame;
            }
        }
    }

    /// The next so many events.
    pub(crate) async fn next_events(&mut self, count: usize) -> Vec<Value> {
        while self.heard.len() < count {
            self.next_frame().await.expect("the connection ended before the events");
        }
        self.heard.drain(..count).collect()
    }

    pub(crate) async fn acknowledge(&mut self, events: &[Value]) {
        let numbers: Vec<_> = events.iter().map(|event| event["e"].clone()).collect();
        self.say(&json!({"event_acks": numbers})).await;
    }
}

/// Asks until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What an event says, in short: `delivered A`, `read A`, `inbound +1… text`.
pub(crate) fn say(event: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    match event.get("receipt") {
        Some(receipt) => format!("{} {}", text(&receipt["kind"]), text(&receipt["id"])),
        None => format!("inbound {} {}", text(&event["inbound"]["from"]), text(&event["inbound"]["text"])),
    }
}

/// The journal's lines, from the file.
pub(crate) fn journal_lines(place: &Place) -> Vec<Value> {
    let text = std::fs::read_to_string(place.journal()).expect("the journal");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}
