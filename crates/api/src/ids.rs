//! Where a handler's new ids come from. With an `Idempotency-Key` they are a function of the key and the request, so that a
//! second execution after a crash finds what the first one made; without one they are fresh.

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, Utc};
use paceline_domain::{Id, IdKind, WorkspaceId};
use sha2::{Digest, Sha256};

use crate::{api::Api, problem::Problem, tee::Tee};

/// The key of the request, as [`crate::idempotency`] puts it into the request's extensions.
#[derive(Clone)]
pub(crate) struct KeyedRequest {
    pub(crate) workspace: WorkspaceId,
    pub(crate) key: String,
    pub(crate) body: Tee,
}

/// Mints a handler's ids.
pub(crate) struct IdSource {
    api: Api,
    keyed: Option<KeyedRequest>,
}

impl IdSource {
    /// A new id. Ask once for each kind: a keyed request has one id of a kind.
    ///
    /// The hash of the request goes in as far as the body was read: whole for JSON, none of it for an upload. So a key that
    /// is used again after its answer was purged, with another body, names another resource.
    pub(crate) fn mint<K: IdKind>(&self, now: DateTime<Utc>) -> Id<K> {
        self.keyed.as_ref().map_or_else(|| self.api.minter().mint(now), KeyedRequest::derive)
    }

    /// The key of the request, when it has one.
    pub(crate) const fn keyed(&self) -> Option<&KeyedRequest> {
        self.keyed.as_ref()
    }
}

impl KeyedRequest {
    fn derive<K: IdKind>(&self) -> Id<K> {
        let mut hash = Sha256::new();
        hash.update(b"paceline id");
        hash.update(K::PREFIX);
        hash.update(self.workspace.to_bytes());
        hash.update(self.body.hash());
        hash.update(self.key.as_bytes());
        let digest = hash.finalize();
        let mut bytes: [u8; 16] = std::array::from_fn(|index| digest[index]);
        // Version 7 and the RFC 9562 variant, so that it reads like every other id. The time in it means nothing.
        bytes[6] = (bytes[6] & 0x0f) | 0x70;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Id::from_bytes(bytes)
    }
}

impl FromRequestParts<Api> for IdSource {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Ok(Self { api: api.clone(), keyed: parts.extensions.get::<KeyedRequest>().cloned() })
    }
}
