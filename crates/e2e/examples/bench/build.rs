//! A clean release build of the binary, as somebody with a fresh clone has it; the crates are downloaded already.

use std::{path::PathBuf, process::Command};

use paceline_e2e::{ScenarioError, ScenarioResult};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

pub(crate) fn measure() -> ScenarioResult<Map<String, Value>> {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = tempfile::Builder::new().prefix("paceline-build-").tempdir()?;
    let arguments = ["build", "--release", "-p", "paceline-cli", "--locked", "--message-format", "json"];
    let began = Instant::now();
    let output = Command::new("cargo")
        .args(arguments)
        .env("CARGO_TARGET_DIR", target.path())
        .current_dir(repository)
        .output()?;
    let seconds = began.elapsed().as_secs();
    if !output.status.success() {
        return Err(ScenarioError::new(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let told = String::from_utf8_lossy(&output.stdout);
    let mut crates: Vec<_> = told
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["reason"] == "compiler-artifact")
        .filter_map(|line| line["package_id"].as_str().map(str::to_owned))
        .collect();
    crates.sort();
    crates.dedup();
    let binary = std::fs::metadata(target.path().join("release/paceline"))?.len();
    Ok(Map::from_iter([
        ("clean_build_seconds".to_owned(), json!(seconds)),
        ("crates_built".to_owned(), json!(crates.len())),
        ("binary_bytes".to_owned(), json!(binary)),
    ]))
}
