//! A way to the server that a test can break.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It arrives.
    Open,
    /// Connections break, and new ones are refused.
    Cut,
    /// Connections stay, and nothing arrives any more.
    Silent,
    /// The next commit arrives and its answer does not: the connection breaks. Then all is well again.
    LosesAnswer,
    /// The next commit does not arrive: the connection breaks. Then all is well again.
    LosesCommit,
}

/// The way.
pub(crate) struct Proxy {
    way: watch::Sender<Way>,
    /// Whether the next commit has met its fate.
    struck: Arc<AtomicBool>,
    url: String,
}

impl Proxy {
    /// A way to the database of an address, open at first.
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (user, server) = authority.rsplit_once('@').unwrap_or(("paceline", authority));
        let (way, looks) = watch::channel(Way::Open);
        let struck = Arc::new(AtomicBool::new(false));
        let proxied = format!("{scheme}://{user}@127.0.0.1:{port}/{path}");
        tokio::spawn(serve(listener, server.to_owned(), looks, Arc::clone(&struck)));
        Self { way, struck, url: proxied }
    }

    /// The address of the database by this way.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Breaks or mends the way.
    pub(crate) fn set(&self, way: Way) {
        self.struck.store(false, Ordering::SeqCst);
        self.way.send_replace(way);
    }

    /// Whether a commit has met its fate.
    pub(crate) fn has_struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, server: String, way: watch::Receiver<Way>, struck: Arc<AtomicBool>) {
    while let Ok((client, _)) = listener.accept().await {
        if *way.borrow() == Way::Cut {
            continue;
        }
        let Ok(upstream) = TcpStream::connect(&server).await else { continue };
        let line = Line { client, upstream, way: way.clone(), struck: Arc::clone(&struck) };
        let mut cut = way.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = line.carry() => {}
                _ = cut.wait_for(|way| *way == Way::Cut) => {}
            }
        });
    }
}

/// One connection.
struct Line {
    client: TcpStream,
    upstream: TcpStream,
    way: watch::Receiver<Way>,
    struck: Arc<AtomicBool>,
}

impl Line {
    /// Carries bytes both ways until either end closes or a commit meets its fate.
    async fn carry(mut self) -> std::io::Result<()> {
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            tokio::select! {
                length = self.client.read(&mut asked) => {
                    let sent = &asked[..length?];
                    if sent.is_empty() {
                        return Ok(());
                    }
                    let way = *self.way.borrow();
                    let strikes = matches!(way, Way::LosesAnswer | Way::LosesCommit)
                        && sent.windows(6).any(|bytes| bytes == b"COMMIT")
                        && !self.struck.swap(true, Ordering::SeqCst);
                    if strikes && way == Way::LosesAnswer {
                        self.upstream.write_all(sent).await?;
                        // A commit that is answered is made; the answer goes no further.
                        let length = self.upstream.read(&mut answered).await?;
                        assert!(length > 0, "the server answers a commit");
                    }
                    if strikes {
                        return Ok(());
                    }
                    if way != Way::Silent {
                        self.upstream.write_all(sent).await?;
                    }
                }
                length = self.upstream.read(&mut answered) => {
                    let sent = &answered[..length?];
                    if sent.is_empty() {
                        return Ok(());
                    }
                    if *self.way.borrow() != Way::Silent {
                        self.client.write_all(sent).await?;
                    }
                }
            }
        }
    }
}
