//! Opening sessions.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use futures_util::{SinkExt, StreamExt};
use paceline_channel::{Channel, OpenError, OpenedSession, SessionSetup};
use paceline_domain::ChannelKind;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

use crate::{
    connection::{self, WINDOW},
    wire::{ClientFrame, Hello, Over, OverReason, PROTOCOL, ServerFrame},
};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long connecting, and then the network's first frame, may each take (real time).
const OPENING_LIMIT: Duration = Duration::from_secs(10);
/// Small, because every idle session keeps its own.
const SOCKET_BUFFER: usize = 8 << 10;

/// The channel to a simulated network.
#[derive(Debug, Clone)]
pub struct SimulatorChannel {
    endpoint: String,
}

impl SimulatorChannel {
    /// A channel to the simulator at `url`, the base of its HTTP calls (`http://…`).
    pub fn new(url: &str) -> Self {
        let base = url.trim_end_matches('/');
        let base = base.strip_prefix("http").map_or_else(|| base.to_owned(), |rest| format!("ws{rest}"));
        Self { endpoint: format!("{base}/session") }
    }

    async fn connect(&self) -> Result<Socket, OpenError> {
        let config = WebSocketConfig::default().read_buffer_size(SOCKET_BUFFER).write_buffer_size(SOCKET_BUFFER);
        let connecting = connect_async_with_config(&self.endpoint, Some(config), true);
        let (socket, _) = timeout(OPENING_LIMIT, connecting)
            .await
            .map_err(|_| unavailable("connecting took too long"))?
            .map_err(unavailable)?;
        Ok(socket)
    }
}

#[async_trait]
impl Channel for SimulatorChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Simulator
    }

    async fn open(&self, setup: SessionSetup) -> Result<OpenedSession, OpenError> {
        let credentials = match &setup.credentials {
            // Credentials that are not text were never this network's.
            Some(credentials) => Some(std::str::from_utf8(&credentials.0).map_err(|_| OpenError::LoggedOut)?),
            None => None,
        };
        let mut socket = self.connect().await?;
        let hello = Some(Hello { protocol: PROTOCOL, phone: setup.phone.as_e164(), credentials, window: WINDOW });
        let hello = ClientFrame { hello, ..ClientFrame::default() };
        socket.send(hello.to_message()).await.map_err(unavailable)?;
        let first = timeout(OPENING_LIMIT, first_frame(&mut socket))
            .await
            .map_err(|_| unavailable("the network does not answer"))??;
        match &first.over {
            Some(over) => Err(refusal(over)),
            None => Ok(connection::start(socket, first)),
        }
    }
}

async fn first_frame(socket: &mut Socket) -> Result<ServerFrame, OpenError> {
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message.map_err(unavailable)? {
            return serde_json::from_str(&text).map_err(unavailable);
        }
    }
    Err(unavailable(tungstenite::Error::ConnectionClosed))
}

fn refusal(over: &Over) -> OpenError {
    match (over.reason, over.until) {
        (OverReason::LoggedOut, _) => OpenError::LoggedOut,
        (OverReason::Suspended, Some(until)) => OpenError::Suspended { until },
        (OverReason::Suspended | OverReason::Banned, _) => OpenError::Banned,
        (OverReason::Replaced | OverReason::Stopping | OverReason::Protocol, _) => {
            unavailable("the network ended the session at once")
        }
    }
}

fn unavailable(reason: impl fmt::Display) -> OpenError {
    OpenError::Unavailable { reason: reason.to_string() }
}
