//! Configurations as people write them.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod defaults;
mod explain;
mod layers;
mod refusals;
mod secrets;

use paceline_config::{Config, ConfigSources};

/// Sources of nothing but these variables.
fn env(pairs: &[(&str, &str)]) -> ConfigSources {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    ConfigSources { env: pairs.iter().map(owned).collect(), ..ConfigSources::default() }
}

/// Sources of a file with this text. The folder must outlive the reading.
fn file(text: &str) -> (ConfigSources, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.toml");
    std::fs::write(&path, text).unwrap();
    (ConfigSources { file: Some(path), ..ConfigSources::default() }, folder)
}

fn load(pairs: &[(&str, &str)]) -> Config {
    Config::load(&env(pairs)).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The lines of the refusal.
fn refusals(sources: &ConfigSources) -> Vec<String> {
    let problems = Config::load(sources).expect_err("it is refused");
    problems.to_string().lines().map(str::to_owned).collect()
}

/// The one line of the refusal.
fn refusal(pairs: &[(&str, &str)]) -> String {
    let lines = refusals(&env(pairs));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}
