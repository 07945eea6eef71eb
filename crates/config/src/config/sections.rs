//! How each section is read and checked.

use std::{net::SocketAddr, time::Duration};

use chrono::DateTime;
use paceline_domain::{EgressPolicy, Network};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Amqp, ClockSettings, DAY, Database, Log, LogFormat, Pacing, QueueKind, Server, Simulator, SimulatorPlace,
    Statements, Webhooks, Worker,
};
use crate::reader::Reader;

pub(super) fn server(reader: &mut Reader<'_>) -> Option<Server> {
    let listen = reader.parsed("server.listen", "write an address and a port, for example 127.0.0.1:8480");
    let metrics_listen = metrics_listen(reader);
    let max_upload_bytes = reader.whole("server.max_upload_bytes", 1_024..=1_u64 << 40);
    let max_connections = reader.whole("server.max_connections", 8..=1_000_000);
    let max_connections_per_address = reader.whole("server.max_connections_per_address", 1..=1_000_000);
    let max_streams_per_key = reader.whole("server.max_streams_per_key", 1..=100_000);
    let header_timeout = reader.seconds("server.header_timeout_seconds", 0.5..=300.0);
    let idle_timeout = reader.seconds("server.idle_timeout_seconds", 1.0..=3_600.0);
    let pause_timeout = reader.seconds("server.pause_timeout_seconds", 1.0..=3_600.0);
    let drain_delay = reader.seconds("server.drain_delay_seconds", 0.0..=300.0);
    let drain_timeout = reader.seconds("server.drain_timeout_seconds", 0.0..=3_600.0);
    let sender_metrics = reader.whole("server.sender_metrics", 0..=10_000);
    let server = Server {
        listen: listen?,
        metrics_listen,
        max_upload_bytes: max_upload_bytes?,
        max_connections: max_connections?,
        max_connections_per_address: max_connections_per_address?,
        max_streams_per_key: max_streams_per_key?,
        header_timeout: header_timeout?,
        idle_timeout: idle_timeout?,
        pause_timeout: pause_timeout?,
        drain_delay: drain_delay?,
        drain_timeout: drain_timeout?,
        sender_metrics: sender_metrics?,
    };
    if server.metrics_listen.is_some_and(|metrics| metrics == server.listen && metrics.port() != 0) {
        let cure = "choose another port, or leave it out to have metrics there";
        reader.refuse("server.metrics_listen", "is server.listen", cure);
    }
    Some(server)
}

fn metrics_listen(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.text("server.metrics_listen")?;
    reader.parsed("server.metrics_listen", "write an address and a port, for example 127.0.0.1:8481")
}

pub(super) fn pacing(reader: &mut Reader<'_>) -> Option<Pacing> {
    let default_profile = reader.some_text("pacing.default_profile");
    let profiles = reader.profiles();
    let (default_profile, profiles) = (default_profile?, profiles?);
    if profiles.find(&default_profile).is_none() {
        let known: Vec<_> = profiles.names().collect();
        let cure = format!("choose one of {}", known.join(", "));
        reader.refuse("pacing.default_profile", format!("there is no profile {default_profile:?}"), cure);
    }
    Some(Pacing { default_profile, profiles })
}

pub(super) fn worker(reader: &mut Reader<'_>) -> Option<Worker> {
    let slots = reader.whole("worker.slots", 1..=100_000);
    let lease = reader.seconds("worker.lease_seconds", 1.0..=3_600.0);
    let renew = reader.seconds("worker.renew_seconds", 0.1..=3_600.0);
    let send_timeout = reader.seconds("worker.send_timeout_seconds", 0.1..=3_600.0);
    let worker = Worker { slots: slots?, lease: lease?, renew: renew?, send_timeout: send_timeout? };
    if worker.renew * 2 >= worker.lease {
        reader.refuse("worker.renew_seconds", "is not less than half of worker.lease_seconds", "renew more often");
    }
    if worker.renew + worker.send_timeout >= worker.lease {
        let what =
            "with worker.renew_seconds is not less than worker.lease_seconds, so that a send could outlive its lease";
        reader.refuse("worker.send_timeout_seconds", what, "lengthen the lease or shorten the other two");
    }
    Some(worker)
}

pub(super) fn simulator(reader: &mut Reader<'_>) -> Option<Simulator> {
    let url = reader.http_url("simulator.url");
    let place =
        if reader.flag("simulator.in_process")? { SimulatorPlace::InProcess } else { SimulatorPlace::Elsewhere };
    let token = reader.secret("simulator.token");
    Some(Simulator { url: url?, place, token })
}

pub(super) fn webhooks(reader: &mut Reader<'_>) -> Option<Webhooks> {
    let egress = egress(reader);
    let timeout = reader.seconds("webhooks.timeout_seconds", 0.1..=300.0);
    let concurrency = reader.whole("webhooks.concurrency", 1..=10_000);
    let per_endpoint = reader.whole("webhooks.per_endpoint", 1..=10_000);
    let max_endpoints = reader.whole("webhooks.max_endpoints", 1..=1_000);
    let hold = reader.seconds("webhooks.hold_seconds", 0.2..=DAY);
    let schedule = schedule(reader);
    let disable_after = reader.seconds("webhooks.disable_after_seconds", 1.0..=365.0 * DAY);
    let (timeout, hold) = (timeout?, hold?);
    if hold <= timeout {
        reader.refuse("webhooks.hold_seconds", "is not longer than webhooks.timeout_seconds", "lengthen it");
    }
    Some(Webhooks {
        egress: egress?,
        timeout,
        concurrency: concurrency?,
        per_endpoint: per_endpoint?,
        max_endpoints: max_endpoints?,
        hold,
        schedule: schedule?,
        disable_after: disable_after?,
    })
}

fn egress(reader: &mut Reader<'_>) -> Option<EgressPolicy> {
    const KEY: &str = "webhooks.allow_private";
    match reader.flag(KEY) {
        Some(true) => return Some(EgressPolicy::Any),
        Some(false) => return Some(EgressPolicy::PublicOnly),
        None => {}
    }
    let list = reader.merged().find(KEY)?.into_array()?;
    let mut networks = Vec::new();
    for text in list.into_iter().filter_map(figment::value::Value::into_string) {
        match text.trim().parse::<Network>() {
            Ok(network) => networks.push(network),
            Err(error) => reader.refuse(KEY, error.to_string(), "or write true for all"),
        }
    }
    Some(if networks.is_empty() { EgressPolicy::PublicOnly } else { EgressPolicy::PublicAnd(networks) })
}

fn schedule(reader: &mut Reader<'_>) -> Option<Vec<Duration>> {
    const KEY: &str = "webhooks.schedule_seconds";
    const MOST: u64 = 30 * 86_400;
    let list = reader.merged().find(KEY)?.into_array()?;
    let delays: Option<Vec<u64>> =
        list.iter().map(|value| value.to_i128()?.try_into().ok().filter(|&seconds| seconds <= MOST)).collect();
    let Some(delays) = delays else {
        reader.refuse(KEY, "holds a delay that is out of bounds", format!("choose each from 0 to {MOST}"));
        return None;
    };
    if delays.first() != Some(&0) {
        reader.refuse(KEY, "does not begin with 0", "the first try is made at once");
    }
    Some(delays.into_iter().map(Duration::from_secs).collect())
}

pub(super) fn clock(reader: &mut Reader<'_>) -> Option<ClockSettings> {
    const ORIGIN: &str = "clock.origin";
    let speed = reader.number("clock.speed", 1.0..=1_000_000.0);
    let origin = reader.text(ORIGIN).and_then(|text| {
        let read = DateTime::parse_from_rfc3339(text.trim());
        let cure = "write a time with its zone, for example 2026-01-05T08:00:00Z";
        read.map_err(|error| reader.refuse(ORIGIN, format!("{text:?}: {error}"), cure)).ok()
    });
    let speed = speed?;
    if reader.source(ORIGIN).is_some() && speed <= 1.0 {
        reader.refuse(ORIGIN, "has no effect while clock.speed is 1", "leave it out, or raise clock.speed");
    }
    Some(ClockSettings { speed, origin: origin.map(|origin| origin.to_utc()) })
}

pub(super) fn log(reader: &mut Reader<'_>) -> Option<Log> {
    let filter = reader.some_text("log.filter");
    let format = match reader.text("log.format")?.as_str() {
        "auto" => Some(LogFormat::Auto),
        "json" => Some(LogFormat::Json),
        "text" => Some(LogFormat::Text),
        other => {
            reader.refuse("log.format", format!("{other:?} is no format"), "choose auto, json or text");
            None
        }
    };
    Some(Log { format: format?, filter: filter? })
}

pub(super) fn database(reader: &mut Reader<'_>) -> Option<Database> {
    let url = service_url(reader, "database.url", &["postgres://", "postgresql://"]);
    let connections = reader.whole("database.connections", 2..=10_000);
    let statement_timeout = reader.seconds("database.statement_timeout_seconds", 0.1..=3_600.0);
    let statements =
        if reader.flag("database.prepare_statements")? { Statements::Prepared } else { Statements::Unnamed };
    Some(Database { url, connections: connections?, statement_timeout: statement_timeout?, statements })
}

pub(super) fn amqp(reader: &mut Reader<'_>) -> Option<Amqp> {
    const NAMESPACE: &str = "amqp.namespace";
    let url = service_url(reader, "amqp.url", &["amqp://", "amqps://"]);
    let namespace = reader.text(NAMESPACE).unwrap_or_default();
    if namespace.len() > 60 || !namespace.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        let cure = "write at most 60 letters, digits, - and _";
        reader.refuse(NAMESPACE, format!("{namespace:?} cannot stand in a queue's name"), cure);
    }
    let queues = match reader.text("amqp.queues")?.as_str() {
        "quorum" => Some(QueueKind::Quorum),
        "classic" => Some(QueueKind::Classic),
        other => {
            reader.refuse("amqp.queues", format!("{other:?} is no kind of queue"), "choose quorum or classic");
            None
        }
    };
    Some(Amqp { url, queues: queues?, namespace })
}

fn service_url(reader: &mut Reader<'_>, key: &str, schemes: &[&str]) -> Option<SecretString> {
    let url = reader.secret(key)?;
    if schemes.iter().any(|scheme| url.expose_secret().starts_with(scheme)) {
        return Some(url);
    }
    let twin = format!("{key}_file");
    let named = if reader.source(key).is_some() { key } else { &twin };
    reader.refuse(named, "is a URL of another kind", format!("begin it with {}", schemes[0]));
    None
}
