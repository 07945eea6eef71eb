//! One try to connect, bounded in time, that leaves neither a socket nor a thread of the driver behind when it fails.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsFd,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    runtime::default_runtime,
    tcp::OwnedTLSConfig,
    types::{LongString, ShortString},
    uri::AMQPScheme,
};
use tokio::time::timeout;
use tracing::Dispatch;

use crate::{
    address::Address,
    fault::{Fault, TlsError},
};

/// A connection, and the means to end its thread.
pub(crate) struct Dialled {
    pub(crate) connection: Connection,
    pub(crate) hangup: Hangup,
}

/// Connects. `name` is what an operator sees in the broker's list of connections.
pub(crate) async fn dial(address: &Address, name: &str) -> Result<Dialled, Fault> {
    let hangup = Hangup::default();
    let runtime = default_runtime().map_err(Fault::of_connecting)?;
    let config = tls_config(address.authority.as_deref())?;
    let (target, reached) = (address.clone(), hangup.clone());
    // Within the call, which tells the runtime's type, that has no name here.
    let connecting = Connection::connector(
        address.uri.clone(),
        runtime,
        async move |_, runtime| {
            silence_driver();
            let opening = async {
                let stream = AsyncTcpStream::connect(&runtime, resolve(&target).await?).await?;
                if let AsyncTcpStream::Plain(plain) = &stream {
                    reached.hold(plain.get_ref().as_fd().try_clone_to_owned()?.into());
                }
                if target.uri.scheme == AMQPScheme::AMQP {
                    return Ok(stream);
                }
                stream.into_tls(&target.uri.authority.host, config.as_ref()).await.map_err(tls_error)
            };
            let opened = timeout(target.connect_timeout, opening).await;
            opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(lapin::Error::from)
        },
        properties(name),
    );
    // The driver has no timeout of its own between TCP and the end of AMQP's handshake, and its thread outlives a caller who has
    // gone away.
    let unless_done = HangupOnDrop(Some(hangup));
    match timeout(address.connect_timeout, connecting).await {
        Ok(Ok(connection)) => Ok(Dialled { connection, hangup: unless_done.defuse() }),
        Ok(Err(error)) => Err(Fault::of_connecting(error)),
        Err(_) => Err(Fault::away(format!("no answer within {:?}", address.connect_timeout))),
    }
}

fn properties(name: &str) -> ConnectionProperties {
    let named = |value: &str| LongString::from(value);
    ConnectionProperties::default()
        .with_connection_name(named(name))
        .with_client_property(ShortString::from("product"), named("Paceline"))
        .with_client_property(ShortString::from("version"), named(env!("CARGO_PKG_VERSION")))
}

/// The driver's own lines quote whole messages, phone numbers included, and repeat what our lines say better. They come from its
/// thread, where its connection is opened.
fn silence_driver() {
    // Kept until the thread ends: the guard cannot leave it.
    std::mem::forget(tracing::dispatcher::set_default(&Dispatch::none()));
}

pub(crate) fn tls_config(authority: Option<&Path>) -> Result<OwnedTLSConfig, Fault> {
    let Some(path) = authority else { return Ok(OwnedTLSConfig::default()) };
    let pem = std::fs::read_to_string(path).map_err(|error| {
        Fault::refused(
            format!("the cacertfile {} of the broker's URL cannot be read: {error}", path.display()),
            "name a file of certificates in PEM",
        )
    })?;
    Ok(OwnedTLSConfig { identity: None, cert_chain: Some(pem) })
}

pub(crate) async fn resolve(address: &Address) -> io::Result<Vec<SocketAddr>> {
    let authority = &address.uri.authority;
    Ok(tokio::net::lookup_host((authority.host.as_str(), authority.port)).await?.collect())
}

/// A handshake that fails on what it was shown fails again; one that was cut off may not.
pub(crate) fn tls_error(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::TimedOut => error,
        io::ErrorKind::UnexpectedEof => io::Error::other(TlsError("the other side ended the handshake".to_owned())),
        _ => io::Error::other(TlsError(error.to_string())),
    }
}

/// Ends a connection's socket whatever state the driver is in. Its thread sees the end of the stream and ends too.
#[derive(Clone, Default)]
pub(crate) struct Hangup(Arc<Mutex<Line>>);

#[derive(Default)]
enum Line {
    #[default]
    Waiting,
    Open(TcpStream),
    Cut,
}

impl Hangup {
    fn hold(&self, socket: TcpStream) {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*line, Line::Cut) {
            // Whoever wanted it is gone; an error means that the socket is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        } else {
            *line = Line::Open(socket);
        }
    }

    pub(crate) fn cut(&self) {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Line::Open(socket) = std::mem::replace(&mut *line, Line::Cut) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

struct HangupOnDrop(Option<Hangup>);

impl HangupOnDrop {
    fn defuse(mut self) -> Hangup {
        self.0.take().unwrap_or_default()
    }
}

impl Drop for HangupOnDrop {
    fn drop(&mut self) {
        if let Some(hangup) = &self.0 {
            hangup.cut();
        }
    }
}
