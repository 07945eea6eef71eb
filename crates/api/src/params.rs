//! Reading paths and query strings: a malformed id is an unknown resource, a wrong parameter is named.

use std::collections::BTreeSet;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use paceline_domain::{Id, IdKind, kind};
use serde::de::DeserializeOwned;

use crate::{
    api::Api,
    problem::{FieldError, Problem},
};

/// What an id in a path stands for, in the words of a refusal.
pub(crate) trait Resource: IdKind {
    /// For example `campaign`.
    const WORD: &'static str;
}

macro_rules! resources {
    ($($kind:ident $word:literal;)+) => {
        $(impl Resource for kind::$kind {
            const WORD: &'static str = $word;
        })+
    };
}

resources! {
    Campaign "campaign";
    DeadLetter "dead letter";
    Delivery "delivery";
    Endpoint "webhook endpoint";
    Message "message";
    Sender "sender";
    SignIn "session";
    Suppression "suppression";
    Workspace "workspace";
}

/// The id in a path with one.
pub(crate) struct PathId<K: Resource>(pub(crate) Id<K>);

/// The ids in a path with two.
pub(crate) struct PathIds<A: Resource, B: Resource>(pub(crate) Id<A>, pub(crate) Id<B>);

/// The parameters of a query string.
pub(crate) struct Params<T>(pub(crate) T);

impl<K: Resource> FromRequestParts<Api> for PathId<K> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| not_found::<K>())?;
        parse_id(&text).map(Self)
    }
}

impl<A: Resource, B: Resource> FromRequestParts<Api> for PathIds<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Path((first, second)) =
            Path::<(String, String)>::from_request_parts(parts, api).await.map_err(|_| not_found::<B>())?;
        Ok(Self(parse_id(&first)?, parse_id(&second)?))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Api> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        refuse_ambiguous(query)?;
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let name = error.path().to_string();
            FieldError::parameter(name, error.into_inner().to_string()).into()
        })
    }
}

/// A parameter that is given twice, or that no text can be read from, would be read in two ways by two readers.
fn refuse_ambiguous(query: &str) -> Result<(), Problem> {
    let mut seen = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        // What cannot be decoded has become the replacement character.
        if [&name, &value].into_iter().any(|text| text.contains(['\0', char::REPLACEMENT_CHARACTER])) {
            return Err(FieldError::parameter(name, "must be text in UTF-8 without the character U+0000").into());
        }
        if !seen.insert(name.clone()) {
            return Err(FieldError::parameter(name, "must be given once").into());
        }
    }
    Ok(())
}

/// The refusal of an id that names nothing.
pub(crate) const fn not_found<K: Resource>() -> Problem {
    Problem::NotFound(K::WORD)
}

fn parse_id<K: Resource>(text: &str) -> Result<Id<K>, Problem> {
    text.parse().map_err(|_| not_found::<K>())
}
