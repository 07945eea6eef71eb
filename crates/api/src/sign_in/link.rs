//! Links that sign a browser in, once.

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{Minter, SignInKind};
use paceline_store::{sign_ins::SignIn, workspaces::ApiKey};

use super::token::SessionToken;

/// How long a link can be used: long enough to be copied from a terminal that was started a while ago, short enough to be of no use to
/// who finds it in a log of yesterday.
pub const SIGN_IN_LINK_LIFE: TimeDelta = TimeDelta::minutes(30);

/// A link under this key: what is to be stored, and the path and fragment to be added to the API's address. A fragment is never sent to
/// a server, so that no log of a proxy has it.
pub fn sign_in_link(minter: &Minter, key: &ApiKey, real_now: DateTime<Utc>) -> (SignIn, String) {
    let token = SessionToken::generate(minter);
    let link = SignIn {
        id: minter.mint(real_now),
        workspace: key.workspace,
        key: key.id,
        kind: SignInKind::Link,
        hash: token.sha256(),
        created_at: real_now,
        expires_at: real_now + SIGN_IN_LINK_LIFE,
    };
    (link, format!("/sign-in#link={}", token.expose()))
}
