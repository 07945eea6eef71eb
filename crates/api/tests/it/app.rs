//! A whole API in a test: router, store in a temporary folder, a clock that stands still until it is moved.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, StatusCode},
    routing::get,
};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use futures_util::StreamExt;
use paceline_api::{ApiDeps, ApiKeySecret, ApiOptions, ProbeResult, ReadinessProbe, router};
use paceline_audience::{ColumnNames, Template, Variables, VariantKey};
use paceline_domain::{
    AttemptNumber, ChannelKind, Clock, Content, Epoch, Exclusion, MessageId, Minter, Outcome, ResultBody, SenderId,
    SessionChange, SessionState, SleepFuture, UnknownPolicy, WorkerId, WorkerResult, WorkspaceId, WorkspaceKey,
};
use paceline_pacing::{Profile, Profiles};
use paceline_store::{
    intents::{AttemptOutcome, IntentBatch, IntentStore, IntentVerdict},
    leases::{Fenced, LeaseStore, LeaseWish},
    plan::{PlanStore, PlannedBatch, PlannedMessage},
    release::{ReleaseStore, ReleasedMessage, Room},
    results::{OptOut, ResultStore, ResultToApply},
    workspaces::{ApiKey, Workspace, WorkspaceStore},
};
use paceline_store_sqlite::{SqliteOptions, SqliteStore};
use paceline_telemetry::Metrics;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that is moved by hand.
pub(crate) struct HandClock(Mutex<DateTime<Utc>>);

impl HandClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
    fn real_now(&self) -> DateTime<Utc> {
        self.now()
    }
    fn sleep_until(&self, _: DateTime<Utc>) -> SleepFuture {
        Box::pin(std::future::pending())
    }
}

/// Probes whose results a test sets.
#[derive(Default)]
pub(crate) struct Probes(pub(crate) Mutex<Vec<ProbeResult>>);

#[async_trait::async_trait]
impl ReadinessProbe for Probes {
    async fn probes(&self) -> Vec<ProbeResult> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) minter: Arc<Minter>,
    pub(crate) probes: Arc<Probes>,
    pub(crate) stop: CancellationToken,
    pub(crate) workspace: WorkspaceId,
    pub(crate) key: String,
    _folder: tempfile::TempDir,
}

/// Noon of a day, as every test begins.
pub(crate) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap()
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(ApiOptions::default()).await
    }

    pub(crate) async fn with(options: ApiOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let minter = Arc::new(Minter::new([42; 32]));
        let file = folder.path().join("paceline.db");
        let store = Arc::new(paceline_store_sqlite::open(SqliteOptions::new(file), Arc::clone(&minter)).await.unwrap());
        let clock = Arc::new(HandClock(Mutex::new(noon())));
        let workspace_key = WorkspaceKey::from_bytes(minter.bytes());
        let workspace = minter.mint(noon());
        let secret = ApiKeySecret::generate(&minter);
        let tenant = Workspace {
            id: workspace,
            name: "test".into(),
            key: workspace_key,
            unknown_policy: UnknownPolicy::Hold,
            created_at: noon(),
        };
        let key = ApiKey {
            id: minter.mint(noon()),
            workspace,
            name: "admin".into(),
            hash: secret.sha256(),
            created_at: noon(),
        };
        store.bootstrap(tenant, key).await.unwrap();
        let (stop, probes) = (CancellationToken::new(), Arc::new(Probes::default()));
        let router = router(ApiDeps {
            store: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as _,
            minter: Arc::clone(&minter),
            profiles: Arc::new(Profiles::default()),
            metrics: Arc::new(Metrics::new()),
            readiness: Arc::clone(&probes) as _,
            options,
            pages: Some(Router::new().route("/", get("the page")).fallback("the page")),
            stop: stop.clone(),
        });
        let key = secret.expose().to_owned();
        Self { router, store, clock, minter, probes, stop, workspace, key, _folder: folder }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let (path, headers) = (path.to_owned(), Vec::new());
        let call = Call { app: self, method, path, headers, body: Body::empty(), patience: PATIENCE };
        call.header("authorization", &format!("Bearer {}", self.key))
    }
    pub(crate) fn show(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }
    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }
    pub(crate) fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::PATCH, path)
    }
    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    /// A draft with this template.
    pub(crate) async fn draft(&self, template: &str) -> String {
        let answer = self.post("/v1/campaigns").json(&serde_json::json!({ "template": template })).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// An active sender with the fastest profile.
    pub(crate) async fn sender(&self, phone: &str) -> String {
        let body = serde_json::json!({ "phone": phone, "profile": "unlimited" });
        let answer = self.post("/v1/senders").json(&body).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn upload(&self, campaign: &str, csv: &str) -> Answer {
        let path = format!("/v1/campaigns/{campaign}/recipients");
        self.post(&path).header("content-type", "text/csv").body(csv.to_owned()).send().await
    }

    /// Does the planner's work, by the contract of the store and of the templates.
    pub(crate) async fn plan(&self) {
        for planning in self.store.list_planning(10).await.unwrap() {
            let campaign = &planning.campaign;
            let template = Template::parse(&campaign.definition.template).unwrap();
            let rows = self.store.list_unplanned(campaign, campaign.planned_through, 100_000).await.unwrap();
            let (mut messages, mut exclusions) = (Vec::new(), Vec::new());
            let mut ids: Vec<MessageId> = rows.iter().map(|_| self.minter.mint(self.clock.now())).collect();
            ids.sort_unstable();
            for (row, id) in rows.into_iter().zip(ids) {
                if let Some(found) = row.suppression {
                    exclusions.push((row.recipient, Exclusion::Suppressed { since: found.since, why: found.reason }));
                    continue;
                }
                let variables =
                    Variables::from_stored(&row.recipient.variables, &ColumnNames::new(&campaign.columns)).unwrap();
                match template.render(&variables, VariantKey::new(campaign.id, row.recipient.hash)) {
                    Ok(body) => messages.push(PlannedMessage {
                        id,
                        wa_id: planning.key.wa_id(id),
                        content: Content::Text { body },
                        recipient: row.recipient,
                        sticky: row.sticky,
                    }),
                    Err(error) => exclusions.push((row.recipient, error.into())),
                }
            }
            let batch = PlannedBatch {
                campaign: campaign.id,
                after_row: campaign.planned_through,
                through_row: campaign.rows,
                messages,
                exclusions,
                now: self.clock.now(),
            };
            self.store.record_plan(batch).await.unwrap();
        }
    }

    /// Leases a sender and reports it as connected, as a worker would.
    pub(crate) async fn connect(&self, sender: &str) -> (SenderId, WorkerId, Epoch) {
        let (sender, worker) = (sender.parse().unwrap(), self.minter.mint(self.clock.now()));
        let wish = LeaseWish {
            worker,
            slots: 1,
            pinned: Some(sender),
            channels: ChannelKind::ALL.to_vec(),
            ttl: Duration::from_mins(10),
        };
        let leases = self.store.claim_leases(wish).await.unwrap();
        let change = SessionChange { state: SessionState::Connected, pairing_code: None, until: None, detail: None };
        self.apply(sender, ResultBody::Session(change)).await;
        (sender, worker, leases[0].epoch)
    }

    /// Applies a result as the results role would.
    pub(crate) async fn apply(&self, sender: SenderId, body: ResultBody) {
        let result = WorkerResult { sender, at: self.clock.now(), body };
        let results = [ResultToApply { result, opt_out: OptOut::No }];
        self.store.apply_results(&results, self.clock.now()).await.unwrap();
    }

    /// Releases everything that is due to one connected sender.
    pub(crate) async fn release_due(&self, sender: SenderId) -> Vec<ReleasedMessage> {
        let rooms = [Room { sender, room: 64, free: 64 }];
        let round = self.store.list_windows().await.unwrap().round;
        self.store.claim_due(round, &rooms, self.clock.now(), Duration::from_mins(2)).await.unwrap()
    }

    /// Sends everything that is due from one connected sender, with this outcome.
    pub(crate) async fn send_due(&self, holder: (SenderId, WorkerId, Epoch), outcome: &Outcome) -> Vec<MessageId> {
        let (sender, worker, epoch) = holder;
        let now = self.clock.now();
        let released = self.release_due(sender).await;
        let batch = IntentBatch {
            sender,
            epoch,
            worker,
            now,
            profile: Profile::unlimited(),
            items: released.iter().map(|message| (message.message, message.generation)).collect(),
            pace_inputs: serde_json::json!({ "rule": "free" }),
        };
        let Fenced::Done(answer) = self.store.record_intents(batch).await.unwrap() else { panic!("the lease is lost") };
        let mut sent = Vec::new();
        for (message, verdict) in answer.items {
            let IntentVerdict::Granted(grant) = verdict else { continue };
            let attempt: AttemptNumber = grant.attempt;
            let ended = AttemptOutcome { message, attempt, epoch, outcome: outcome.clone(), at: now };
            self.store.record_outcomes(&[ended]).await.unwrap();
            self.apply(sender, ResultBody::Attempt { message, attempt, epoch, outcome: outcome.clone() }).await;
            sent.push(message);
        }
        sent
    }
}

/// A request to make.
pub(crate) struct Call<'a> {
    app: &'a App,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Body,
    patience: Duration,
}

impl Call<'_> {
    /// Sets a header, in place of what it was.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    pub(crate) fn anonymous(mut self) -> Self {
        self.headers.retain(|(name, _)| name != "authorization");
        self
    }
    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }
    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// How long it may take.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends it and reads the answer whole.
    pub(crate) async fn send(self) -> Answer {
        let patience = self.patience;
        let (status, headers, body) = self.open().await;
        let body = tokio::time::timeout(patience, axum::body::to_bytes(body, usize::MAX)).await.unwrap().unwrap();
        Answer { status, headers, body }
    }

    /// Sends it and leaves the answer's body to be read.
    pub(crate) async fn open(self) -> (u16, HeaderMap, Body) {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body).unwrap();
        let answering = self.app.router.clone().oneshot(request);
        let response = tokio::time::timeout(self.patience, answering).await.expect("no answer in time").unwrap();
        let (parts, body) = response.into_parts();
        (parts.status.as_u16(), parts.headers, body)
    }
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a refusal, after checking what holds for every refusal; without its `instance`.
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text());
        let mut problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:paceline:problem:"), "{problem}");
        let instance = problem.as_object_mut().unwrap().remove("instance").unwrap();
        assert!(instance.as_str().unwrap().starts_with("req_"), "{instance}");
        problem
    }
    /// The slug of a refusal.
    pub(crate) fn slug(&self) -> String {
        let problem = self.problem();
        problem["type"].as_str().unwrap().trim_start_matches("urn:paceline:problem:").to_owned()
    }
}

/// Reads a body until `wanted` is in it.
pub(crate) async fn read_until(body: &mut axum::body::BodyDataStream, wanted: &str) -> String {
    let mut read = String::new();
    let reading = async {
        while !read.contains(wanted) {
            let chunk = body.next().await.expect("the stream ended").unwrap();
            read.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no {wanted:?} in time"));
    read
}

/// Waits for a condition.
pub(crate) async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// A phone number that numbering plans know, one for each index.
pub(crate) fn phone(index: usize) -> String {
    format!("+4915112{index:06}")
}

/// A body that hands out these chunks, then breaks off.
pub(crate) fn broken_body(chunks: Vec<&'static str>) -> Body {
    let mut parts: Vec<Result<Bytes, std::io::Error>> = chunks.into_iter().map(|text| Ok(text.into())).collect();
    parts.push(Err(std::io::ErrorKind::ConnectionReset.into()));
    Body::from_stream(futures_util::stream::iter(parts))
}

pub(crate) fn counts(value: &Value) -> BTreeMap<String, i64> {
    serde_json::from_value(value.clone()).unwrap()
}

pub(crate) const OK: u16 = StatusCode::OK.as_u16();
