//! Where the broker is, from its URL. Read here and not by the driver, whose errors quote the password.

use std::{path::PathBuf, time::Duration};

use lapin::uri::{AMQPQueryString, AMQPScheme, AMQPUri};
use paceline_queue::QueueError;
use secrecy::ExposeSecret;
use url::Url;

use crate::options::RabbitOptions;

/// The smallest frames that every release of the broker takes; the driver allocates 64 of them for each connection.
const FRAME_MAX: u32 = 8_192;
/// The broker's default since 3.x.
const CHANNEL_MAX: u16 = 2_047;

/// Where the broker is, and how to speak with it.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) uri: AMQPUri,
    /// For people: without password and query.
    pub(crate) shown: String,
    /// The certificates of a private authority, in PEM.
    pub(crate) authority: Option<PathBuf>,
    pub(crate) connect_timeout: Duration,
}

impl Address {
    pub(crate) fn parse(options: &RabbitOptions) -> Result<Self, QueueError> {
        let url = Url::parse(options.url.expose_secret()).map_err(|error| unreadable(&error.to_string()))?;
        let scheme = match url.scheme() {
            "amqp" => AMQPScheme::AMQP,
            "amqps" => AMQPScheme::AMQPS,
            _ => return Err(unreadable("it begins with neither amqp:// nor amqps://")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| unreadable("it names no host"))?;
        let mut uri = AMQPUri::default();
        uri.authority.port = url.port().unwrap_or_else(|| scheme.default_port());
        uri.scheme = scheme;
        host.trim_start_matches('[').trim_end_matches(']').clone_into(&mut uri.authority.host);
        if !url.username().is_empty() {
            uri.authority.userinfo.username = decoded(url.username(), "user")?;
        }
        if let Some(password) = url.password() {
            uri.authority.userinfo.password = decoded(password, "password")?;
        }
        if let Some(path) = url.path().strip_prefix('/') {
            uri.vhost = decoded(path, "virtual host")?;
        }
        let shown = format!(
            "{}://{}@{host}:{}/{}",
            url.scheme(),
            uri.authority.userinfo.username,
            uri.authority.port,
            if uri.vhost == "/" { "" } else { &uri.vhost }
        );
        let connect_timeout = options.connect_timeout;
        let mut address = Self { uri, shown, authority: None, connect_timeout };
        address.read_query(&url, options)?;
        Ok(address)
    }

    fn read_query(&mut self, url: &Url, options: &RabbitOptions) -> Result<(), QueueError> {
        let heartbeat = u16::try_from(options.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1);
        let mut query = AMQPQueryString {
            frame_max: Some(FRAME_MAX),
            channel_max: Some(CHANNEL_MAX),
            heartbeat: Some(heartbeat),
            ..AMQPQueryString::default()
        };
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "frame_max" => query.frame_max = Some(number(&key, &value)?),
                "channel_max" => query.channel_max = Some(number(&key, &value)?),
                "heartbeat" => query.heartbeat = Some(number(&key, &value)?),
                "connection_timeout" => self.connect_timeout = Duration::from_millis(number(&key, &value)?),
                "auth_mechanism" => {
                    let mechanism = value.parse().map_err(|_| unreadable("its auth_mechanism is not known"))?;
                    query.auth_mechanism = Some(mechanism);
                }
                "cacertfile" => self.authority = Some(PathBuf::from(value.as_ref())),
                _ => return Err(unreadable(&format!("its query has a key that is not known: {key}"))),
            }
        }
        self.uri.query = query;
        Ok(())
    }

    /// How many channels one connection has, unless the broker grants fewer.
    pub(crate) fn channel_max(&self) -> u16 {
        self.uri.query.channel_max.filter(|&most| most > 0).unwrap_or(CHANNEL_MAX)
    }
}

fn decoded(text: &str, part: &str) -> Result<String, QueueError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.next().zip(rest.next()).and_then(|(high, low)| {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            Some(digit(high)? * 16 + digit(low)?)
        });
        bytes.push(digits.ok_or_else(|| unreadable(&format!("its {part} has a % without two digits")))?);
    }
    String::from_utf8(bytes).map_err(|_| unreadable(&format!("its {part} is not text")))
}

fn number<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, QueueError> {
    value.parse().map_err(|_| unreadable(&format!("its {key} is not a number in range")))
}

fn unreadable(problem: &str) -> QueueError {
    QueueError::Refused {
        reason: format!("the broker's URL cannot be used: {problem}"),
        cure: "write it as amqp://user:password@host:5672/vhost, with reserved characters as %XX".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, QueueError> {
        Address::parse(&RabbitOptions::new(url.into()))
    }

    #[test]
    fn what_is_shown_has_no_password_and_no_query() {
        let address = parse("amqps://ann:s3cr%2Fet@mq.example:5555/team%2Fa?heartbeat=3").unwrap();
        assert_eq!(address.shown, "amqps://ann@mq.example:5555/team/a");
        assert_eq!(address.uri.authority.userinfo.password, "s3cr/et");
        assert_eq!(address.uri.vhost, "team/a");
        assert_eq!(address.uri.query.heartbeat, Some(3));
    }

    #[test]
    fn without_a_path_the_virtual_host_is_the_default_one_and_frames_are_small() {
        let address = parse("amqp://mq.example").unwrap();
        assert_eq!((address.uri.vhost.as_str(), address.uri.authority.port), ("/", 5672));
        assert_eq!(address.uri.query.frame_max, Some(8_192));
        assert_eq!(address.uri.query.heartbeat, Some(10));
    }

    #[test]
    fn an_address_of_version_6_is_kept() {
        assert_eq!(parse("amqp://u:p@[::1]:5672").unwrap().uri.authority.host, "::1");
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_the_password() {
        for url in [
            "amqp://ann:s3cret@mq:99999",
            "http://ann:s3cret@mq",
            "amqp://ann:s3cret@mq/?heartbeat=often",
            "amqp://ann:s3cret@mq/?verify=none",
            "amqp://ann:s3cret%4@mq",
            "s3cret",
        ] {
            let error = parse(url).err().unwrap().to_string();
            assert!(!error.contains("s3cret"), "{error}");
            assert!(error.contains("amqp://user:password@host"), "{error}");
        }
    }
}
