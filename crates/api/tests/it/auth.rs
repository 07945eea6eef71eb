//! Keys: who gets in, and what they see.

use paceline_api::ApiKeySecret;
use paceline_domain::{Minter, WorkspaceKey};
use paceline_store::workspaces::{ApiKey, Workspace, WorkspaceStore};
use serde_json::json;

use crate::app::{App, noon};

#[tokio::test]
async fn a_call_without_a_key_is_refused_and_told_how() {
    let app = App::start().await;
    let answer = app.show("/v1/campaigns").anonymous().send().await;
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"paceline\"");
    insta::assert_json_snapshot!(answer.problem(), @r#"
    {
      "detail": "The request carries no API key (Authorization: Bearer pl_…).",
      "status": 401,
      "title": "A valid API key is needed",
      "type": "urn:paceline:problem:unauthorized"
    }
    "#);
}

#[tokio::test]
async fn a_key_that_is_mistyped_unknown_or_of_another_scheme_is_refused() {
    let app = App::start().await;
    let unknown = ApiKeySecret::generate(&Minter::new([9; 32]));
    let mut mistyped = app.key.clone();
    mistyped.replace_range(5..6, if &mistyped[5..6] == "x" { "y" } else { "x" });
    for value in [
        format!("Bearer {mistyped}"),
        format!("Bearer {}", unknown.expose()),
        format!("Basic {}", app.key),
        "Bearer".to_owned(),
        "Bearer nonsense".to_owned(),
    ] {
        let answer = app.show("/v1/senders").header("authorization", &value).send().await;
        assert_eq!((answer.status, answer.slug().as_str()), (401, "unauthorized"), "{value}");
        assert!(!answer.text().contains("pl_0") && !answer.text().contains(&mistyped), "{}", answer.text());
    }
    let answer = app.show("/v1/senders").header("authorization", &format!("bearer {}", app.key)).send().await;
    assert_eq!(answer.status, 200, "the scheme is compared without regard to case");
}

#[tokio::test]
async fn everything_belongs_to_the_workspace_of_the_key() {
    let app = App::start().await;
    let campaign = app.draft("Hello").await;
    let sender = app.sender("+15550100").await;
    let stranger = second_workspace(&app).await;
    for path in [
        format!("/v1/campaigns/{campaign}"),
        format!("/v1/campaigns/{campaign}/report"),
        format!("/v1/senders/{sender}"),
    ] {
        let answer = app.show(&path).header("authorization", &stranger).send().await;
        assert_eq!(answer.slug(), "not-found", "{path}");
    }
    for path in ["/v1/campaigns", "/v1/senders", "/v1/messages", "/v1/pools", "/v1/events"] {
        let answer = app.show(path).header("authorization", &stranger).send().await;
        assert_eq!(answer.json()["items"], json!([]), "{path}");
    }
    let answer = app.post(&format!("/v1/campaigns/{campaign}/cancel")).header("authorization", &stranger).send().await;
    assert_eq!(answer.slug(), "not-found");
}

/// The header of a caller from another workspace.
pub(crate) async fn second_workspace(app: &App) -> String {
    let workspace = Workspace {
        id: app.minter.mint(noon()),
        name: "other".into(),
        key: WorkspaceKey::from_bytes(app.minter.bytes()),
        unknown_policy: paceline_domain::UnknownPolicy::Hold,
        created_at: noon(),
    };
    let secret = ApiKeySecret::generate(&app.minter);
    let key = ApiKey {
        id: app.minter.mint(noon()),
        workspace: workspace.id,
        name: "stranger".into(),
        hash: secret.sha256(),
        created_at: noon(),
    };
    app.store.add_api_key(key).await.unwrap();
    format!("Bearer {}", secret.expose())
}
