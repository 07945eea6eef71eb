//! People's phone numbers in requests and answers, and the workspace's key that hashes them.

use paceline_audience::{Region, parse_phone};
use paceline_domain::{Address, PhoneNumber, WorkspaceId, WorkspaceKey};

use crate::{api::Api, problem::Problem, validate::Checks};

/// A person's number as written in the field that `(pointer, text)` names, with a region for numbers without a country code
/// (the field `/default_region`).
///
/// A number in E.164 that no numbering plan knows is taken as it is: people write from such numbers too.
pub(crate) fn check(checks: &mut Checks, field: (&str, &str), region: Option<&str>) -> Option<PhoneNumber> {
    let (pointer, text) = field;
    let region = match region {
        None => None,
        Some(region) => Some(checks.accept("/default_region", Region::parse(region))?),
    };
    let parsed = parse_phone(text, region).or_else(|refused| text.parse().map_err(|_| refused));
    checks.accept(pointer, parsed.map_err(|refused| format!("is not a phone number: {refused}")))
}

/// A phone number in a query string, where a plus sign that was not escaped has become a space.
pub(crate) fn from_query(text: &str) -> String {
    text.strip_prefix(' ').map_or_else(|| text.to_owned(), |digits| format!("+{digits}"))
}

/// The number of an address, where it has one.
pub(crate) fn shown(address: &Address) -> Option<String> {
    address.phone.as_ref().map(|phone| phone.as_e164().to_owned())
}

/// The key of a workspace.
pub(crate) async fn workspace_key(api: &Api, workspace: WorkspaceId) -> Result<WorkspaceKey, Problem> {
    if let Some(key) = api.known().secret(workspace) {
        return Ok(key);
    }
    let found = api.store().find_workspace(workspace).await?;
    // A key without its workspace: somebody deleted rows by hand.
    let key = found.ok_or(Problem::NotFound("workspace"))?.key;
    api.known().keep_secret(workspace, key.clone());
    Ok(key)
}
