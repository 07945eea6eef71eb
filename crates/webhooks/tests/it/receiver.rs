//! A receiver on loopback that remembers what it was sent.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    inbox: Arc<Inbox>,
    server: JoinHandle<()>,
}

type Reply = Box<dyn Fn(&Received) -> Option<Response> + Send + Sync>;

struct Inbox {
    received: Mutex<Vec<Received>>,
    arrived: Notify,
    released: Notify,
    reply: Reply,
}

impl Receiver {
    /// `reply` answers a request; `None` hangs until [`Receiver::release`].
    pub(crate) async fn start(reply: impl Fn(&Received) -> Option<Response> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inbox = Arc::new(Inbox {
            received: Mutex::default(),
            arrived: Notify::new(),
            released: Notify::new(),
            reply: Box::new(reply),
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&inbox));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inbox, server }
    }

    /// One that answers everything with this status.
    pub(crate) async fn answering(status: u16) -> Self {
        Self::start(move |_| Some(answer(status, &[]))).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inbox.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this many requests have arrived.
    pub(crate) async fn requests(&self, count: usize) -> Vec<Received> {
        let reached = async {
            loop {
                let arrived = self.inbox.arrived.notified();
                if self.received().len() >= count {
                    return self.received();
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the requests arrive in time")
    }

    /// Answers the requests that hang with 200.
    pub(crate) fn release(&self) {
        self.inbox.released.notify_waiters();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
    let response = Response::builder().status(status);
    let response = headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
    response.body(axum::body::Body::empty()).unwrap()
}

async fn receive(State(inbox): State<Arc<Inbox>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let received = Received { path: parts.uri.path().to_owned(), headers: parts.headers, body };
    let released = inbox.released.notified();
    inbox.received.lock().unwrap_or_else(PoisonError::into_inner).push(received.clone());
    inbox.arrived.notify_waiters();
    if let Some(response) = (inbox.reply)(&received) {
        return response;
    }
    released.await;
    answer(200, &[])
}
