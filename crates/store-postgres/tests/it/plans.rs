//! The plan of every statement that the conformance suite runs: none walks through a large table.
//!
//! The fixture listens to the statements of its process, and when a case has ended asks PostgreSQL how it would go about each, under
//! the store's own settings, in a database whose tables are large and that is kept for the next run. A walk is allowed over
//! tables that grow with the installation and not with its traffic, and over partial indexes that hold only what is in someone's
//! hands.

use std::{
    collections::BTreeSet,
    sync::{Mutex, OnceLock, PoisonError},
};

use paceline_store_postgres::testing::TestDatabase;
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};
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

/// Indexes that hold what is released, being sent, claimed, without a number or without an answer.
const SMALL: [&str; 6] = [
    "messages_released",
    "messages_sending",
    "webhook_deliveries_due",
    "webhook_deliveries_claimed",
    "events_unnumbered",
    "idempotency_keys_unanswered",
];

/// Statements that walk from the old end of a table and stop at their limit.
const STOPS: [&str; 1] = ["FROM inbox ORDER BY seq LIMIT $2"];

/// What makes the tables large, and what is in hand a small part of them.
const FILL: &str = include_str!("plans.sql");

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
            if is_planned(&text) && !statements.judged.contains(&text) {
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
pub(crate) fn check(database: &str) {
    let heard = {
        let mut statements = STATEMENTS.get().unwrap().lock().unwrap_or_else(PoisonError::into_inner);
        let heard = std::mem::take(&mut statements.heard);
        statements.judged.extend(heard.iter().cloned());
        assert!(statements.judged.iter().any(|text| text.contains("workspaces")), "the statements are heard");
        heard
    };
    if heard.is_empty() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let problems = runtime.block_on(find_walks(database, &heard));
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

fn is_planned(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    // The driver and the guard of the database ask the catalogue in words of their own.
    let ours =
        !text.contains("_sqlx_migrations") && !text.contains("pg_database") && !text.contains("pg_stat_activity");
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&word) && ours
}

async fn find_walks(database: &str, statements: &BTreeSet<String>) -> Vec<String> {
    let mut conn = large_database(database).await;
    let settings = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
        SET plan_cache_mode = force_generic_plan";
    conn.execute(settings).await.unwrap();
    let mut problems = Vec::new();
    for statement in statements {
        let plan = plan_of(&mut conn, statement).await;
        let mut walks = Vec::new();
        find_walks_of(&plan[0]["Plan"], &mut walks);
        if !walks.is_empty() && !STOPS.iter().any(|text| statement.contains(text)) {
            problems.push(format!("{}\nin {statement}\n{plan:#}", walks.join(", ")));
        }
    }
    conn.close().await.unwrap();
    problems
}

/// The plan that does not know the values.
async fn plan_of(conn: &mut PgConnection, statement: &str) -> Value {
    prepare(conn, statement).await;
    let values: i32 = sqlx::query_scalar(
        "SELECT coalesce(array_length(parameter_types, 1), 0) FROM pg_prepared_statements WHERE name = 'judged'",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let values = vec!["NULL"; usize::try_from(values).unwrap()].join(", ");
    let values = if values.is_empty() { values } else { format!("({values})") };
    let explain = AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) EXECUTE judged{values}"));
    // A simple query, whose answer is text whatever its type.
    let row = conn.fetch_one(sqlx::raw_sql(explain)).await.unwrap();
    conn.execute("DEALLOCATE judged").await.unwrap();
    serde_json::from_str(row.try_get_unchecked(0).unwrap()).unwrap()
}

/// Prepares a statement. A value that it does not use has no type by itself; the store says which when it binds it.
async fn prepare(conn: &mut PgConnection, statement: &str) {
    let mut types: Vec<&str> = Vec::new();
    loop {
        let list = if types.is_empty() { String::new() } else { format!("({})", types.join(", ")) };
        let prepared = conn.execute(AssertSqlSafe(format!("PREPARE judged {list} AS {statement}"))).await;
        let Err(sqlx::Error::Database(error)) = prepared else { return };
        let place = error.message().strip_prefix("could not determine data type of parameter $");
        let place: usize = place.unwrap_or_else(|| panic!("{error} in {statement}")).parse().unwrap();
        types.resize(place.max(types.len()), "unknown");
        types[place - 1] = "text";
    }
}

/// The steps of a plan that go through a large table from end to end.
fn find_walks_of(step: &Value, walks: &mut Vec<String>) {
    let text = |name: &str| step[name].as_str().unwrap_or_default();
    let kind = text("Node Type");
    let bounded = step.get("Index Cond").is_some() || SMALL.contains(&text("Index Name"));
    // The relation of a bitmap's index is named by the step above it.
    let large = LARGE.iter().any(|table| text("Relation Name") == *table || text("Index Name").starts_with(table));
    if large && (kind == "Seq Scan" || kind.contains("Index") && !bounded) {
        walks.push(format!("{kind} {} {}", text("Relation Name"), text("Index Name")));
    }
    for below in step["Plans"].as_array().into_iter().flatten() {
        find_walks_of(below, walks);
    }
}

/// A database with large tables, of the same schema as another. It is made once for each form of the migrations and kept.
async fn large_database(like: &str) -> PgConnection {
    let mut conn = PgConnection::connect(like).await.unwrap();
    let sum =
        "SELECT 'paceline_plans_' || md5(string_agg(checksum::text, ' ' ORDER BY version) || $1) FROM _sqlx_migrations";
    let name: String = sqlx::query_scalar(sum).bind(FILL).fetch_one(&mut conn).await.unwrap();
    let exists = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)");
    if !exists.bind(&name).fetch_one(&mut conn).await.unwrap() {
        let fresh = TestDatabase::from_environment().await.unwrap();
        let mut filling = PgConnection::connect(fresh.url()).await.unwrap();
        filling.execute(FILL).await.unwrap();
        filling.close().await.unwrap();
        // Of several that fill one at once, one gives it its name.
        let _ = conn.execute(AssertSqlSafe(format!("ALTER DATABASE {} RENAME TO {name}", fresh.name()))).await;
    }
    conn.close().await.unwrap();
    let large: PgConnectOptions = like.parse().unwrap();
    large.database(&name).connect().await.unwrap()
}

#[test]
fn a_walk_through_a_large_table_is_noticed() {
    let walks = |plan: &str| {
        let mut walks = Vec::new();
        find_walks_of(&serde_json::from_str(plan).unwrap(), &mut walks);
        walks.len()
    };
    assert_eq!(walks(r#"{"Node Type": "Seq Scan", "Relation Name": "messages"}"#), 1);
    assert_eq!(walks(r#"{"Node Type": "Sort", "Plans": [{"Node Type": "Seq Scan", "Relation Name": "messages"}]}"#), 1);
    assert_eq!(walks(r#"{"Node Type": "Index Scan", "Relation Name": "messages", "Index Name": "messages_pkey"}"#), 1);
    assert_eq!(walks(r#"{"Node Type": "Bitmap Index Scan", "Index Name": "messages_due"}"#), 1);
    let looks_up =
        r#"{"Node Type": "Index Scan", "Relation Name": "messages", "Index Name": "messages_pkey", "Index Cond": "x"}"#;
    assert_eq!(walks(looks_up), 0);
    assert_eq!(
        walks(r#"{"Node Type": "Index Scan", "Relation Name": "messages", "Index Name": "messages_sending"}"#),
        0
    );
    assert_eq!(walks(r#"{"Node Type": "Seq Scan", "Relation Name": "senders"}"#), 0);
}
