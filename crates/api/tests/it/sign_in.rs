//! A browser signs in, is known by its cookie, and is out again.

use chrono::TimeDelta;
use paceline_store::{sign_ins::SignInStore as _, workspaces::WorkspaceStore as _};
use serde_json::{Value, json};

use crate::app::{Answer, App};

/// A browser that is signed in.
struct Browser {
    cookie: String,
    csrf: String,
    id: String,
}

fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

impl Browser {
    async fn sign_in(app: &App) -> Self {
        let answer = app.post("/v1/session").anonymous().json(&json!({ "api_key": app.key })).send().await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Self::of(&answer)
    }

    fn of(answer: &Answer) -> Self {
        let word = |body: &Value, name: &str| body[name].as_str().unwrap().to_owned();
        let body = answer.json();
        Self { cookie: cookie_of(answer), csrf: word(&body, "csrf_token"), id: word(&body, "id") }
    }

    async fn show(&self, app: &App, path: &str) -> Answer {
        app.show(path).anonymous().header("cookie", &self.cookie).send().await
    }

    async fn post(&self, app: &App, path: &str, body: &Value) -> Answer {
        let call = app.post(path).anonymous().header("cookie", &self.cookie).header("x-csrf-token", &self.csrf);
        call.json(body).send().await
    }
}

#[tokio::test]
async fn a_key_is_exchanged_for_a_cookie_that_scripts_and_other_sites_cannot_use() {
    let app = App::start().await;
    let answer = app.post("/v1/session").anonymous().json(&json!({ "api_key": app.key })).send().await;
    let cookie = answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(part), "{part}");
    }
    assert!(
        !cookie.contains(&app.key) && !answer.text().contains(&cookie_of(&answer)[17..]),
        "the token stays in the cookie"
    );
    let browser = Browser::of(&answer);
    assert_eq!(browser.show(&app, "/v1/campaigns").await.status, 200);
    let session = browser.show(&app, "/v1/session").await.json();
    assert_eq!(
        (session["id"].as_str().unwrap(), session["csrf_token"].as_str().unwrap()),
        (&*browser.id, &*browser.csrf)
    );
}

#[tokio::test]
async fn behind_a_proxy_with_tls_the_cookie_is_secure() {
    let app = App::start().await;
    let call = app.post("/v1/session").anonymous().header("x-forwarded-proto", "https");
    let answer = call.json(&json!({ "api_key": app.key })).send().await;
    assert!(answer.header("set-cookie").contains("; Secure"));
}

#[tokio::test]
async fn installations_on_one_host_do_not_sign_each_other_out() {
    let app = App::start().await;
    let call = app.post("/v1/session").anonymous().header("host", "127.0.0.1:8480");
    let cookie = cookie_of(&call.json(&json!({ "api_key": app.key })).send().await);
    assert!(cookie.starts_with("paceline_session_8480="));
    let with = |host: &'static str| {
        app.show("/v1/campaigns").anonymous().header("host", host).header("cookie", &cookie).send()
    };
    assert_eq!(with("127.0.0.1:8480").await.status, 200);
    assert_eq!(with("127.0.0.1:8481").await.status, 401);
}

#[tokio::test]
async fn a_change_by_cookie_needs_the_token_of_the_page() {
    let app = App::start().await;
    let browser = Browser::sign_in(&app).await;
    let body = json!({ "template": "Hello" });
    for forged in [None, Some(""), Some("0"), Some(&*browser.cookie)] {
        let mut call = app.post("/v1/campaigns").anonymous().header("cookie", &browser.cookie);
        if let Some(forged) = forged {
            call = call.header("x-csrf-token", forged);
        }
        let answer = call.json(&body).send().await;
        assert_eq!((answer.status, answer.slug().as_str()), (403, "csrf-token"), "{forged:?}");
    }
    assert_eq!(browser.post(&app, "/v1/campaigns", &body).await.status, 201);
}

#[tokio::test]
async fn what_is_not_known_signs_nobody_in() {
    let app = App::start().await;
    let of = async |body: Value| app.post("/v1/session").anonymous().json(&body).send().await;
    let mut mistyped = app.key.clone();
    mistyped.replace_range(5..6, if &mistyped[5..6] == "x" { "y" } else { "x" });
    assert_eq!(of(json!({ "api_key": mistyped })).await.status, 422);
    assert_eq!(of(json!({})).await.status, 422);
    assert_eq!(of(json!({ "api_key": app.key, "link": "x" })).await.status, 422);
    assert_eq!(of(json!({ "link": "x" })).await.status, 401);
    assert_eq!(of(json!({ "link": "0".repeat(64) })).await.status, 401);
    let none = app.show("/v1/campaigns").anonymous().header("cookie", &format!("paceline_session={}", "0".repeat(64)));
    assert_eq!(none.send().await.status, 401);
}

#[tokio::test]
async fn a_link_signs_in_once_and_its_token_makes_no_requests() {
    let app = App::start().await;
    let key = app.store.list_api_keys(app.workspace).await.unwrap().remove(0);
    let (link, place) = paceline_api::sign_in_link(&app.minter, &key, crate::app::noon());
    app.store.add_sign_in(link).await.unwrap();
    let token = place.strip_prefix("/sign-in#link=").unwrap().to_owned();
    let direct = app.show("/v1/campaigns").anonymous().header("cookie", &format!("paceline_session={token}"));
    assert_eq!(direct.send().await.status, 401, "a link is no session");
    let exchange = async || app.post("/v1/session").anonymous().json(&json!({ "link": token })).send().await;
    let answer = exchange().await;
    assert_eq!(answer.status, 201);
    assert_eq!(Browser::of(&answer).show(&app, "/v1/senders").await.status, 200);
    assert_eq!(exchange().await.status, 401, "it was used");
}

#[tokio::test]
async fn a_link_of_long_ago_signs_nobody_in() {
    let app = App::start().await;
    let key = app.store.list_api_keys(app.workspace).await.unwrap().remove(0);
    let (link, place) = paceline_api::sign_in_link(&app.minter, &key, crate::app::noon());
    app.store.add_sign_in(link).await.unwrap();
    app.clock.advance(paceline_api::SIGN_IN_LINK_LIFE);
    let token = place.strip_prefix("/sign-in#link=").unwrap();
    let answer = app.post("/v1/session").anonymous().json(&json!({ "link": token })).send().await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn who_signs_out_is_out_and_the_cookie_is_taken_back() {
    let app = App::start().await;
    let browser = Browser::sign_in(&app).await;
    let call = app.delete("/v1/session").anonymous().header("cookie", &browser.cookie);
    let answer = call.header("x-csrf-token", &browser.csrf).send().await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(browser.show(&app, "/v1/campaigns").await.status, 401);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_under_their_key() {
    let app = App::start().await;
    let (first, second) = (Browser::sign_in(&app).await, Browser::sign_in(&app).await);
    let listed = first.show(&app, "/v1/sessions").await.json();
    let current: Vec<bool> = listed["items"].as_array().unwrap().iter().map(|one| one["is_current"] == true).collect();
    assert_eq!(current.iter().filter(|is_current| **is_current).count(), 1);
    assert_eq!(current.len(), 2);
    let ended = app.delete(&format!("/v1/sessions/{}", second.id)).send().await;
    assert_eq!(ended.status, 204, "the key itself may end them");
    assert_eq!(second.show(&app, "/v1/campaigns").await.status, 401);
    assert_eq!(first.show(&app, "/v1/campaigns").await.status, 200);
    assert_eq!(app.delete(&format!("/v1/sessions/{}", second.id)).send().await.status, 404);
    assert_eq!(app.show("/v1/session").send().await.status, 404, "a key has no session");
}

#[tokio::test]
async fn a_session_is_over_after_a_week() {
    let app = App::start().await;
    let browser = Browser::sign_in(&app).await;
    app.clock.advance(TimeDelta::days(7));
    let answer = browser.show(&app, "/v1/campaigns").await;
    assert_eq!((answer.status, answer.slug().as_str()), (401, "unauthorized"));
}

#[tokio::test]
async fn browsers_get_pages_and_programs_get_problems() {
    let app = App::start().await;
    let page = app.show("/campaigns/cmp_1").anonymous().header("accept", "text/html,*/*").send().await;
    assert_eq!((page.status, page.text().as_str()), (200, "the page"));
    assert_eq!(app.show("/").anonymous().send().await.text(), "the page");
    assert_eq!(app.show("/campaigns").anonymous().send().await.slug(), "no-such-route");
    let unknown = app.show("/v1/nothing").header("accept", "text/html").send().await;
    assert_eq!(unknown.slug(), "no-such-route", "the API answers for its own paths");
    let posted = app.post("/campaigns").header("accept", "text/html").send().await;
    assert_eq!(posted.slug(), "no-such-route");
}
