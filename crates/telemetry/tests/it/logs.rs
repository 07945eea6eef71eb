//! Log lines as a collector of logs sees them.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use paceline_telemetry::{LogError, LogFormat, LogOptions, init_logs, log_subscriber};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn lines(format: LogFormat, filter: &str, log: impl FnOnce()) -> Vec<String> {
    let sink = Sink::default();
    let options = LogOptions { format, filter: filter.to_owned() };
    tracing::subscriber::with_default(log_subscriber(&options, sink.clone()).unwrap(), log);
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

fn only_object(log: impl FnOnce()) -> Value {
    let lines = lines(LogFormat::Json, "info", log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    serde_json::from_str(&lines[0]).unwrap()
}

#[test]
fn a_json_line_is_flat_with_dotted_fields() {
    let line =
        only_object(|| tracing::info!(campaign.id = "cmp_1", duration_ms = 12_u64, ok = true, "a \"send\"\nended"));
    assert_eq!(line["message"], "a \"send\"\nended");
    assert_eq!(line["campaign.id"], "cmp_1");
    assert_eq!(line["duration_ms"], 12);
    assert_eq!(line["ok"], true);
    assert_eq!(line["level"], "INFO");
    assert!(line["target"].as_str().unwrap().starts_with("it::"));
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_json_line_begins_with_time_level_target_and_message() {
    let lines = lines(LogFormat::Json, "info", || tracing::warn!(a = 1, "said"));
    let places: Vec<_> = ["\"timestamp\"", "\"level\"", "\"target\"", "\"message\"", "\"a\""]
        .iter()
        .map(|name| lines[0].find(name).unwrap())
        .collect();
    assert!(places.is_sorted(), "{}", lines[0]);
}

#[test]
fn a_line_carries_the_fields_of_the_spans_around_it_and_the_inner_wins() {
    let line = only_object(|| {
        let outer = tracing::info_span!("worker", sender.id = "snd_1", step = "outer");
        let _outer = outer.enter();
        let inner = tracing::info_span!("send", message.id = "msg_1", step = "inner", late = tracing::field::Empty);
        let _inner = inner.enter();
        inner.record("late", 3);
        tracing::info!(attempt = 2, "sent");
    });
    assert_eq!(line["sender.id"], "snd_1");
    assert_eq!(line["message.id"], "msg_1");
    assert_eq!(line["step"], "inner");
    assert_eq!(line["late"], 3);
    assert_eq!(line["attempt"], 2);
}

#[test]
fn a_field_cannot_overwrite_what_every_line_has() {
    let line = only_object(|| tracing::info!(level = "none", target = "elsewhere", "said"));
    assert_eq!(line["level"], "INFO");
    assert!(line["target"].as_str().unwrap().starts_with("it::"));
}

#[test]
fn an_error_is_told_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);
    let line = only_object(|| {
        let error = Outer(io::Error::other("inner"));
        tracing::error!(error = &error as &(dyn std::error::Error + 'static), "failed");
    });
    assert_eq!(line["error"], "outer: inner");
}

#[test]
fn the_filter_chooses_by_level_and_target() {
    let say = || {
        tracing::debug!("one");
        tracing::info!("two");
        tracing::debug!(target: "paceline_worker", "three");
    };
    assert_eq!(lines(LogFormat::Json, "info,paceline_worker=debug", say).len(), 2);
    assert_eq!(lines(LogFormat::Json, "off", say).len(), 0);
}

#[test]
fn a_readable_line_has_no_colours_where_nobody_sees_them() {
    let lines = lines(LogFormat::Text, "info", || tracing::info!(campaign.id = "cmp_1", "started"));
    assert!(lines[0].contains("started") && lines[0].contains("campaign.id=\"cmp_1\""), "{}", lines[0]);
    assert!(!lines[0].contains('\u{1b}'));
}

#[test]
fn a_filter_that_cannot_be_read_is_refused_by_its_text() {
    let options = LogOptions { filter: "paceline=loud".to_owned(), ..LogOptions::default() };
    let error = init_logs(&options).unwrap_err();
    assert!(matches!(&error, LogError::Filter { filter, .. } if filter == "paceline=loud"), "{error}");
}

#[test]
fn beginning_twice_is_refused_and_does_not_panic() {
    // In a process of its own under nextest; under cargo test the first may meet a subscriber that is set already.
    let options = LogOptions { filter: "off".to_owned(), ..LogOptions::default() };
    let _ = init_logs(&options);
    assert!(matches!(init_logs(&options), Err(LogError::Begun(_))));
}
