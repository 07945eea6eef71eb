//! The client side of the HTTP API, for the marketer's and the operator's commands.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// Talks to one server with one key.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    key: SecretString,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No answer.
    #[error(
        "cannot reach {base}: {reason}; is `paceline up` running there? (PACELINE_API__URL or --api-url names the server)"
    )]
    Unreachable {
        /// The server's address.
        base: String,
        /// What the network said.
        reason: String,
    },
    /// The API refused.
    #[error("{}", describe(problem))]
    Refused {
        /// The status.
        status: StatusCode,
        /// The problem, as RFC 9457 has it.
        problem: Value,
    },
    /// What came back is not what this API answers.
    #[error("{base} answered something that is not Paceline's API: {reason}")]
    Foreign {
        /// The server's address.
        base: String,
        /// What was wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// A refusal of the client's own, for what the API was not even asked.
    pub(crate) fn absent(title: &str) -> Self {
        Self::Refused { status: StatusCode::NOT_FOUND, problem: serde_json::json!({ "title": title }) }
    }
}

/// One line for a person: title, detail, and each error with its place.
fn describe(problem: &Value) -> String {
    let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    let mut line = text("title");
    if !text("detail").is_empty() {
        line = if line.is_empty() { text("detail") } else { format!("{line}: {}", text("detail")) };
    }
    for error in problem["errors"].as_array().into_iter().flatten() {
        let place = ["pointer", "parameter", "header"].iter().find_map(|key| error[*key].as_str()).unwrap_or("");
        line = format!("{line}\n  {place} {}", error["detail"].as_str().unwrap_or_default());
    }
    line
}

impl Client {
    /// A client of the server at `base`.
    pub(crate) fn new(base: Url, key: SecretString) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("paceline/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .no_proxy()
            .build()?;
        Ok(Self { http, base, key })
    }

    /// Reads a resource.
    pub(crate) async fn read(&self, path: &str) -> Result<Value, ClientError> {
        self.call(self.request(Method::GET, path).timeout(Duration::from_secs(30))).await
    }

    /// Reads a whole list, page by page. The path may end in a query.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, ClientError> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        let next = if path.contains('?') { '&' } else { '?' };
        loop {
            let query = cursor.as_deref().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let mut page = self.read(&format!("{path}{next}limit=1000{query}")).await?;
            if let Some(found) = page["items"].as_array_mut() {
                items.append(found);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }

    /// Posts a JSON body. With `once`, the request may be repeated under that key without being done twice.
    pub(crate) async fn post(&self, path: &str, body: &Value, once: Option<&str>) -> Result<Value, ClientError> {
        let mut request = self.request(Method::POST, path).json(body).timeout(Duration::from_mins(1));
        if let Some(key) = once {
            request = request.header("idempotency-key", key);
        }
        self.call(request).await
    }

    /// Posts to an action without a body.
    pub(crate) async fn act(&self, path: &str) -> Result<Value, ClientError> {
        self.call(self.request(Method::POST, path).timeout(Duration::from_mins(1))).await
    }

    /// Changes a resource.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.call(self.request(Method::PATCH, path).json(body).timeout(Duration::from_secs(30))).await
    }

    /// Removes a resource.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.call(self.request(Method::DELETE, path).timeout(Duration::from_secs(30))).await
    }

    /// Streams a body up; as long as it takes.
    pub(crate) async fn upload(
        &self,
        path: &str,
        content_type: &str,
        body: reqwest::Body,
    ) -> Result<Value, ClientError> {
        self.call(self.request(Method::POST, path).header("content-type", content_type).body(body)).await
    }

    /// Reads a resource that is not JSON, as a stream.
    pub(crate) async fn download(&self, path: &str) -> Result<Response, ClientError> {
        let response = self.request(Method::GET, path).send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        self.http.request(method, url).bearer_auth(self.key.expose_secret())
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Value, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| self.foreign(&error))
    }

    async fn refusal(&self, response: Response) -> ClientError {
        let status = response.status();
        match response.json::<Value>().await {
            Ok(problem) if problem["title"].is_string() => ClientError::Refused { status, problem },
            Ok(_) => self.foreign(&format!("status {status} without a problem")),
            Err(_) => self.foreign(&format!("status {status}")),
        }
    }

    /// Without the request's address, whose query may name a person.
    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let mut reason = if error.is_timeout() { "no answer in time".to_owned() } else { "no connection".to_owned() };
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        ClientError::Unreachable { base: self.base.to_string(), reason }
    }

    fn foreign(&self, reason: &impl ToString) -> ClientError {
        ClientError::Foreign { base: self.base.to_string(), reason: reason.to_string() }
    }
}
