//! A judge from outside: schemathesis makes requests from the document, lawful and not, follows its links, and holds every answer
//! against it. The program is named by `SCHEMATHESIS`, or found on the path; `SCHEMATHESIS=none` leaves these tests out by choice.

use std::{path::PathBuf, process::Stdio};

use paceline_e2e::{Installation, People, ScenarioError, ScenarioResult, Stack, World};
use tokio::process::Command;

use crate::stacks::on_both_stacks;

on_both_stacks![the_api_is_what_its_document_says];

/// The least number of requests that count as a look.
const LEAST_CASES: u64 = 2_600;

/// Checks that are left out, each for its reason. `positive_data_acceptance` takes every text that a schema allows for a lawful one: a
/// template has a syntax of its own, a phone number a numbering plan, and a URL an egress policy, which no JSON schema says.
/// `negative_data_rejection` takes the name of a header or a parameter that nobody asked for, and a number written as text in a query,
/// for a fault.
const LEFT_OUT: &str = "positive_data_acceptance,negative_data_rejection";

/// The program, unless it is left out.
fn program() -> Option<PathBuf> {
    let named = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    if named == "none" {
        return None;
    }
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join(&named)).find(|path| path.is_file());
    let program = found.or_else(|| Some(PathBuf::from(&named)).filter(|path| path.is_file()));
    assert!(program.is_some(), "install schemathesis, name it by SCHEMATHESIS, or leave it out with SCHEMATHESIS=none");
    program
}

async fn the_api_is_what_its_document_says(stack: Stack) -> ScenarioResult<()> {
    let Some(program) = program() else { return Ok(()) };
    let world = World::start(Installation::on(stack).await?, People::Inside).await?;
    let folder = tempfile::tempdir()?;
    let output = Command::new(program)
        .current_dir(folder.path())
        .env("SCHEMATHESIS_HOOKS", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/schemathesis/hooks.py"))
        .arg("run")
        .arg(format!("{}/openapi.json", world.api.url()))
        .args(["--header", &format!("Authorization: Bearer {}", world.key())])
        .args(["--checks", "all", "--exclude-checks", LEFT_OUT])
        // A stream has no end to wait for.
        .args(["--exclude-path", "/v1/events/stream"])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "25", "--seed", "1"])
        // Whoever reads events may ask to wait for 30 seconds. Its own threads disturb each other when they print what they make.
        .args(["--workers", "1", "--request-timeout", "60", "--max-response-time", "40", "--warnings", "off"])
        .args(["--suppress-health-check", "all", "--no-color"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let told = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(ScenarioError::new(format!("schemathesis objects:\n{told}\n{error}")));
    }
    let cases = cases(&told);
    assert!(cases >= LEAST_CASES, "only {cases} requests were made:\n{told}");
    assert!(told.contains("Stateful"), "no links were followed:\n{told}");
    let health = world.api.get("/readyz").await?;
    assert_eq!(health.status, 200, "{}", health.body);
    world.finish().await
}

/// How many cases the summary tells of.
fn cases(told: &str) -> u64 {
    let line = told.lines().find(|line| line.contains("generated")).unwrap_or_default();
    let digits: String =
        line.split("generated").next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
