//! A network between client and broker that can be cut, stalled, and closed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{broadcast, watch},
    task::AbortHandle,
    time::timeout,
};
use url::Url;

use crate::broker::url;

/// What the network does with bytes and connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Carries them.
    Fair,
    /// Takes connections and carries nothing.
    Stalled,
    /// Ends connections, old and new.
    Cut,
}

/// A way to the broker of the tests.
pub(crate) struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    words: broadcast::Sender<Vec<u8>>,
    connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Proxy {
    pub(crate) async fn start(weather: Weather) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, sky) = watch::channel(weather);
        let words = broadcast::Sender::new(8);
        let connections = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(accept(listener, sky, words.clone(), Arc::clone(&connections))).abort_handle();
        Self { address, weather, words, connections, task }
    }

    /// The broker's URL by way of this.
    pub(crate) fn url(&self) -> String {
        let mut url = Url::parse(&url()).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.to_string()
    }

    pub(crate) fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Lets every connection hear from the broker that it blocks publishers.
    pub(crate) fn say_blocked(&self, reason: &str) {
        let length = u8::try_from(reason.len()).unwrap();
        self.say(60, &[&[length], reason.as_bytes()].concat());
    }

    /// Lets every connection hear from the broker that it takes publishes again.
    pub(crate) fn say_unblocked(&self) {
        self.say(61, &[]);
    }

    /// A method of class `connection`. It may be said between two frames only, so while nothing is on its way.
    fn say(&self, method: u8, arguments: &[u8]) {
        let length = u8::try_from(4 + arguments.len()).unwrap();
        let head = [1, 0, 0, 0, 0, 0, length, 0, 10, 0, method];
        self.words.send([&head, arguments, &[0xCE]].concat()).expect("somebody is connected");
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.weather.send_replace(Weather::Cut);
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    sky: watch::Receiver<Weather>,
    words: broadcast::Sender<Vec<u8>>,
    connections: Arc<AtomicUsize>,
) {
    loop {
        let (near, _) = listener.accept().await.unwrap();
        connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(carry(near, sky.clone(), words.clone()));
    }
}

async fn carry(near: TcpStream, mut sky: watch::Receiver<Weather>, words: broadcast::Sender<Vec<u8>>) {
    let broker = Url::parse(&url()).unwrap();
    let target = (broker.host_str().unwrap().to_owned(), broker.port().unwrap_or(5672));
    let Ok(Ok(far)) = timeout(Duration::from_secs(5), TcpStream::connect(target)).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let down = pump(far_in, near_out, sky.clone(), words.subscribe());
    // Nobody speaks for the client.
    let silence = broadcast::Sender::new(1);
    let up = pump(near_in, far_out, sky.clone(), silence.subscribe());
    tokio::select! {
        _ = sky.wait_for(|weather| *weather == Weather::Cut) => {}
        () = async { tokio::join!(up, down); } => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut sky: watch::Receiver<Weather>,
    mut words: broadcast::Receiver<Vec<u8>>,
) {
    let mut buffer = vec![0; 16 * 1_024];
    loop {
        let bytes = tokio::select! {
            Ok(word) = words.recv() => word,
            Ok(count @ 1..) = from.read(&mut buffer) => buffer[..count].to_vec(),
            else => break,
        };
        if sky.wait_for(|weather| *weather == Weather::Fair).await.is_err() || to.write_all(&bytes).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
