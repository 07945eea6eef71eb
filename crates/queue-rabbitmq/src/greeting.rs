//! What the broker says of itself before anybody has logged in. The driver drops it, so this asks on a connection of its own.

use std::io;

use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use lapin::{
    AsyncTcpStream,
    runtime::default_runtime,
    types::{AMQPValue, FieldTable, parsing::parse_field_table},
    uri::AMQPScheme,
};
use tokio::time::timeout;

use crate::{
    address::Address,
    dial::{resolve, tls_config, tls_error},
    fault::Fault,
};

/// The protocol's header, version 0-9-1.
const HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
/// Type, channel and length of a frame.
const FRAME_HEAD: usize = 7;
/// Class, method and protocol version, in front of the properties.
const START_HEAD: usize = 6;
/// Far more than any broker says.
const LONGEST: usize = 64 * 1_024;

/// What the broker says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) product: String,
    pub(crate) version: String,
}

impl Greeting {
    /// Asks, within the time that one try to connect may take.
    pub(crate) async fn ask(address: &Address) -> Result<Self, Fault> {
        let asking = async { Ok(read(&exchange(address).await?)) };
        let answered = timeout(address.connect_timeout, asking).await.unwrap_or_else(|_| Err(late(address)));
        answered?.ok_or_else(Fault::other_protocol)
    }

    /// The version's first two numbers.
    pub(crate) fn release(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.split('.').map_while(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    }
}

fn late(address: &Address) -> Fault {
    Fault::away(format!("no answer within {:?}", address.connect_timeout))
}

async fn exchange(address: &Address) -> Result<Vec<u8>, Fault> {
    let config = tls_config(address.authority.as_deref())?;
    let runtime = default_runtime().map_err(Fault::of_connecting)?;
    let talking = async {
        let stream = AsyncTcpStream::connect(&runtime, resolve(address).await?).await?;
        if address.uri.scheme == AMQPScheme::AMQP {
            return talk(stream).await;
        }
        let host = &address.uri.authority.host;
        talk(stream.into_tls(host, config.as_ref()).await.map_err(tls_error)?).await
    };
    talking.await.map_err(|error: io::Error| Fault::of_connecting(error.into()))
}

/// The broker's first frame, without its head; empty when it is none.
async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    stream.write_all(HEADER).await?;
    let mut head = [0; FRAME_HEAD];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if head[..3] != [1, 0, 0] || length > LONGEST {
        return Ok(Vec::new());
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// Reads `connection.start`.
fn read(body: &[u8]) -> Option<Greeting> {
    let rest = body.strip_prefix(&[0, 10, 0, 10])?;
    let (_, properties) = parse_field_table(rest.get(START_HEAD - 4..)?).ok()?;
    Some(Greeting { product: text(&properties, "product")?, version: text(&properties, "version")? })
}

fn text(properties: &FieldTable, key: &str) -> Option<String> {
    match properties.inner().get(key)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_of_a_version_is_its_first_two_numbers() {
        let release = |version: &str| Greeting { product: String::new(), version: version.to_owned() }.release();
        assert_eq!(release("3.10.8"), Some((3, 10)));
        assert_eq!(release("4.1.0-rc.1"), Some((4, 1)));
        assert_eq!(release("next"), None);
    }

    #[test]
    fn what_is_no_greeting_is_not_read() {
        for body in [&b""[..], b"\x00\x0a\x00\x0a", b"\x00\x0a\x00\x0b\x00\x09\x00\x00\x00\x00", b"HTTP/1.1 400"] {
            assert_eq!(read(body), None);
        }
    }
}
