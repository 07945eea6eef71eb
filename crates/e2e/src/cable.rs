//! A cable between our processes and a service, which a scenario can cut, hold still, slow down and mend. It is told from outside: the service
//! notices no more than a service does whose clients lose their network.

use std::{net::SocketAddr, time::Duration};

use reqwest::Url;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use crate::{ScenarioError, ScenarioResult};

/// Nobody's outgoing connection takes a port of this address, so that a port which was let go is free when it is wanted again.
pub(crate) const INTERFACE: &str = "127.0.0.2";

/// What a cable does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Carries them.
    Carries,
    /// Keeps them: connections stay, and new ones are taken, but nothing arrives.
    Still,
}

/// How a cable is.
#[derive(Debug, Clone, Copy)]
struct Line {
    flow: Flow,
    /// How long each piece of a stream is under way.
    delay: Duration,
    /// How often it was cut: a connection of before is seen to be one, however soon the cable is mended.
    cuts: u32,
}

/// A cable to one service.
#[derive(Debug)]
pub struct Cable {
    /// The service by way of this cable.
    url: Url,
    /// Where our end is.
    address: SocketAddr,
    /// Where the service is.
    service: (String, u16),
    line: watch::Sender<Line>,
    /// Takes connections; nothing while the cable is cut.
    accepting: Option<JoinHandle<()>>,
}

impl Cable {
    /// A cable to the service at `url`, which is at `default_port` unless it says otherwise.
    ///
    /// # Errors
    /// The URL names no host, or there is no free port.
    pub async fn lay(url: &str, default_port: u16) -> ScenarioResult<Self> {
        // The error would not quote the URL, but a password does not belong even near it.
        let unusable = || ScenarioError::new("the URL of a service names no host");
        let mut url = Url::parse(url).map_err(|_| unusable())?;
        let service = (url.host_str().ok_or_else(unusable)?.to_owned(), url.port().unwrap_or(default_port));
        let listener = TcpListener::bind((INTERFACE, 0)).await?;
        let address = listener.local_addr()?;
        url.set_host(Some(INTERFACE)).map_err(|_| unusable())?;
        url.set_port(Some(address.port())).map_err(|()| unusable())?;
        let line = watch::Sender::new(Line { flow: Flow::Carries, delay: Duration::ZERO, cuts: 0 });
        let mut cable = Self { url, address, service, line, accepting: None };
        cable.accept(listener);
        Ok(cable)
    }

    /// The service by way of this cable.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Where our end is, as `host:port`: what an operator reads about a service that is away.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Ends every connection and refuses new ones, as a service that was killed.
    pub async fn cut(&mut self) {
        self.line.send_modify(|line| line.cuts += 1);
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // The port refuses once the task has let go of it.
            let _ = accepting.await;
        }
    }

    /// Lets every connection be, and carries nothing any more, as a network that swallows.
    pub fn hold_still(&self) {
        self.line.send_modify(|line| line.flow = Flow::Still);
    }

    /// Lets every piece of a stream be so long under way.
    pub fn slow_down(&self, delay: Duration) {
        self.line.send_modify(|line| line.delay = delay);
    }

    /// Carries again without delay, for new connections and for those that were held still.
    ///
    /// # Errors
    /// Somebody has taken the port.
    pub async fn mend(&mut self) -> ScenarioResult<()> {
        self.line.send_modify(|line| (line.flow, line.delay) = (Flow::Carries, Duration::ZERO));
        if self.accepting.is_none() {
            let listener = TcpListener::bind(self.address).await?;
            self.accept(listener);
        }
        Ok(())
    }

    fn accept(&mut self, listener: TcpListener) {
        let (service, line) = (self.service.clone(), self.line.clone());
        self.accepting = Some(tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, service.clone(), line.subscribe()));
            }
        }));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.line.send_modify(|line| line.cuts += 1);
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

/// One connection, until either side ends it or the cable is cut.
async fn carry(near: TcpStream, service: (String, u16), mut line: watch::Receiver<Line>) {
    let cuts = line.borrow().cuts;
    let Ok(far) = TcpStream::connect(service).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let (up, down) = (pump(near_in, far_out, line.clone()), pump(far_in, near_out, line.clone()));
    tokio::select! {
        _ = line.wait_for(|line| line.cuts != cuts) => {}
        () = async { tokio::join!(up, down); } => {}
    }
}

/// One direction of a connection.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut buffer = vec![0; 16 * 1_024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let delay = line.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let carries = line.wait_for(|line| line.flow == Flow::Carries).await.is_ok();
        if !carries || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    // What ends the stream waits as its bytes do.
    if line.wait_for(|line| line.flow == Flow::Carries).await.is_ok() {
        let _ = to.shutdown().await;
    }
}
