//! A client of the HTTP API that shows what came back, refusals included.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use crate::{ScenarioError, ScenarioResult};

/// One server and one key.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when it is empty or no JSON.
    pub body: Value,
}

impl Answer {
    /// The slug of a refusal: the end of its problem type.
    pub fn slug(&self) -> &str {
        self.body["type"].as_str().and_then(|kind| kind.strip_prefix("urn:paceline:problem:")).unwrap_or_default()
    }

    /// What a refusal says.
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// The body of a 2xx answer.
    ///
    /// # Errors
    /// Any other answer, with its status and body.
    pub fn ok(self) -> ScenarioResult<Value> {
        if (200..300).contains(&self.status) {
            Ok(self.body)
        } else {
            Err(ScenarioError::new(format!("{}: {}", self.status, self.body)))
        }
    }
}

impl Api {
    /// A client of the server at `base` (`http://127.0.0.1:…`).
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(base: &str, key: &str) -> ScenarioResult<Self> {
        Self::waiting(base, key, Duration::from_mins(2))
    }

    /// A client that waits so long for an answer.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn waiting(base: &str, key: &str, within: Duration) -> ScenarioResult<Self> {
        // Loopback HTTP only, but the client library wants a TLS provider to exist.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(within).build()?;
        Ok(Self { http, base: base.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Asks with GET.
    ///
    /// # Errors
    /// No answer.
    pub async fn get(&self, path: &str) -> ScenarioResult<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Reads a whole list, page by page.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn list(&self, path: &str) -> ScenarioResult<Vec<Value>> {
        let mut items = Vec::new();
        self.each(path, |item| items.push(item)).await?;
        Ok(items)
    }

    /// Reads a whole list, page by page, of which no more than a page is kept.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn each(&self, path: &str, mut take: impl FnMut(Value)) -> ScenarioResult<()> {
        let mut cursor = String::new();
        loop {
            let mut page = self.get(&format!("{path}?limit=1000{cursor}")).await?.ok()?;
            page["items"].as_array_mut().into_iter().flatten().map(Value::take).for_each(&mut take);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(()),
            }
        }
    }

    /// The events after a sequence number (empty: all), as far as there are any now.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn events_after(&self, after: &str) -> ScenarioResult<Vec<Value>> {
        let mut events = Vec::new();
        self.each_event_after(after, |event| events.push(event)).await?;
        Ok(events)
    }

    /// Reads the events after a sequence number, of which no more than a page is kept; answers with the last one's.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn each_event_after(&self, after: &str, mut take: impl FnMut(Value)) -> ScenarioResult<String> {
        let mut after = after.to_owned();
        loop {
            let mut page = self.get(&format!("/v1/events?limit=1000&after={after}")).await?.ok()?;
            page["items"].as_array_mut().into_iter().flatten().map(Value::take).for_each(&mut take);
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return Ok(after),
            }
        }
    }

    /// Removes a resource.
    ///
    /// # Errors
    /// No answer.
    pub async fn delete(&self, path: &str) -> ScenarioResult<Answer> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Reads a text that is not JSON.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn text(&self, path: &str) -> ScenarioResult<String> {
        Ok(self.request(Method::GET, path).send().await?.error_for_status()?.text().await?)
    }

    /// Posts a JSON body.
    ///
    /// # Errors
    /// No answer.
    pub async fn post(&self, path: &str, body: &Value) -> ScenarioResult<Answer> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Posts to an action without a body.
    ///
    /// # Errors
    /// No answer.
    pub async fn act(&self, path: &str) -> ScenarioResult<Answer> {
        self.send(self.request(Method::POST, path)).await
    }

    /// Posts a body of another type.
    ///
    /// # Errors
    /// No answer.
    pub async fn upload(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> ScenarioResult<Answer> {
        self.send(self.request(Method::POST, path).header("content-type", content_type).body(body)).await
    }

    /// Posts a body that is written while it is sent, chunk by chunk, until the writer is dropped.
    ///
    /// # Errors
    /// No answer.
    pub async fn upload_stream(
        &self,
        path: &str,
        content_type: &str,
        body: impl AsyncRead + Send + 'static,
    ) -> ScenarioResult<Answer> {
        let body = reqwest::Body::wrap_stream(ReaderStream::new(body));
        self.send(self.request(Method::POST, path).header("content-type", content_type).body(body)).await
    }

    /// A request with the key, to be completed by the caller.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    /// Sends a request made by [`Self::request`].
    ///
    /// # Errors
    /// No answer.
    pub async fn send(&self, request: RequestBuilder) -> ScenarioResult<Answer> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }
}
