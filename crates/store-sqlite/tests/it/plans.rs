//! The plan of every statement that the conformance suite runs: none walks through a large table.
//!
//! The fixture listens to the statements of its process, and when a case has ended asks SQLite how it goes about each. A walk
//! is allowed over tables that grow with the installation and not with its traffic, and over partial indexes that
//! hold only what is in someone's hands.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use tracing::{Event, Id, Metadata, Subscriber, field::Field, span};

/// Tables that grow with traffic.
const LARGE: [&str; 11] = [
    "messages",
    "message_contents",
    "attempts",
    "inbox",
    "events",
    "recipients",
    "exclusions",
    "webhook_deliveries",
    "campaign_counts",
    "suppressions",
    "idempotency_keys",
];

/// Indexes that hold what is released, being sent, claimed or waiting for an endpoint.
const SMALL: [&str; 3] = ["messages_released", "messages_sending", "webhook_deliveries_due"];

/// Statements that walk from the old end of a table and stop at their limit.
const STOPS: [&str; 2] =
    ["(SELECT seq, recorded_at FROM inbox ORDER BY seq LIMIT ?2)", "SELECT seq, id FROM inbox ORDER BY seq DESC"];

/// What the process has run, and of that what is judged already.
static STATEMENTS: OnceLock<Mutex<Statements>> = OnceLock::new();

#[derive(Default)]
struct Statements {
    heard: BTreeSet<String>,
    judged: BTreeSet<String>,
}

/// Hears the statements that the driver logs.
struct Listener;

/// Finds the statement among the fields of a log line.
#[derive(Default)]
struct Line {
    summary: String,
    statement: String,
}

impl tracing::field::Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.trim().clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if matches!(field.name(), "summary" | "db.statement") {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let text = if line.statement.is_empty() { line.summary } else { line.statement };
        if let Some(statements) = STATEMENTS.get() {
            let mut statements = statements.lock().unwrap_or_else(PoisonError::into_inner);
            if !statements.judged.contains(&text) {
                statements.heard.insert(text);
            }
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Begins to listen, once per process.
pub(crate) fn listen() {
    STATEMENTS.get_or_init(|| {
        tracing::subscriber::set_global_default(Listener).unwrap();
        Mutex::default()
    });
}

/// Asks for the plan of each statement that was run since the last call, and panics about those that walk through a large
/// table.
pub(crate) fn check(database: &Path) {
    let heard = {
        let mut statements = STATEMENTS.get().unwrap().lock().unwrap_or_else(PoisonError::into_inner);
        let heard = std::mem::take(&mut statements.heard);
        statements.judged.extend(heard.iter().cloned());
        assert!(statements.judged.iter().any(|text| text.contains("senders")), "the statements are heard");
        heard
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let problems = runtime.block_on(find_walks(database, &heard));
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

async fn find_walks(database: &Path, statements: &BTreeSet<String>) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(database).pragma("automatic_index", "off");
    let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
    let mut problems = Vec::new();
    let full: BTreeSet<String> =
        statements.iter().filter(|text| is_planned(text)).map(|text| at_full_size(text)).collect();
    for statement in &full {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let steps = sqlx::query(explain).fetch_all(&mut conn).await.unwrap();
        let steps: Vec<String> = steps.iter().map(|step| step.get("detail")).collect();
        for step in steps.iter().filter(|step| walks(statement, step)) {
            problems.push(format!("{step}\nin {statement}\n{steps:#?}"));
        }
    }
    conn.close().await.unwrap();
    problems
}

/// A bulk statement with as many rows as it ever has, because the planner counts them.
fn at_full_size(text: &str) -> String {
    let Some((head, rest)) = text.split_once("(VALUES ") else { return text.to_owned() };
    let (Some(row), Some((_, tail))) = (rest.split_inclusive(')').next(), rest.split_once(") ) ")) else {
        return text.to_owned();
    };
    format!("{head}(VALUES {}) {tail}", vec![row; 512].join(","))
}

fn is_planned(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&word) && !text.contains("_sqlx_migrations")
}

/// Whether a step of a plan goes through a large table from end to end.
fn walks(statement: &str, step: &str) -> bool {
    let Some(rest) = step.strip_prefix("SCAN ") else { return false };
    let name = rest.split_whitespace().next().unwrap_or_default();
    let large = LARGE.contains(&name) || LARGE.iter().any(|table| names(statement, table).contains(&name));
    large && !SMALL.iter().any(|index| rest.ends_with(index)) && !STOPS.iter().any(|text| statement.contains(text))
}

/// The names that a statement gives to a table.
fn names<'s>(statement: &'s str, table: &str) -> Vec<&'s str> {
    let words: Vec<&str> = statement.split(|char: char| !char.is_alphanumeric() && char != '_').collect();
    let mut names = Vec::new();
    for pair in words.windows(2) {
        let keyword = pair[1].chars().all(|char| char.is_ascii_uppercase()) || pair[1].is_empty();
        if pair[0] == table && !keyword {
            names.push(pair[1]);
        }
    }
    names
}

#[test]
fn a_bulk_statement_is_judged_at_its_full_size() {
    let text = at_full_size("WITH v (a, b) AS (VALUES (?, ?),(?, ?) ) UPDATE messages SET b = v.b FROM v");
    assert_eq!(text.matches("(?, ?)").count(), 512);
    assert!(text.ends_with("(?, ?)) UPDATE messages SET b = v.b FROM v"), "{text}");
}

#[test]
fn a_walk_through_a_large_table_is_noticed() {
    assert!(walks("SELECT id FROM messages m WHERE m.state = 'sent'", "SCAN m"));
    assert!(walks("SELECT id FROM messages WHERE state = 'sent'", "SCAN messages"));
    assert!(!walks("SELECT id FROM messages m, json_each(?1) j", "SCAN j VIRTUAL TABLE INDEX 1:"));
    assert!(!walks("SELECT 1 FROM messages m", "SCAN m USING COVERING INDEX messages_released"));
    assert!(!walks("SELECT 1 FROM senders s", "SCAN s"));
}
