//! The picture in `crates/README.md` and the code cannot differ.

use std::{collections::BTreeMap, collections::BTreeSet, path::PathBuf, process::Command};

use serde_json::Value;

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    metadata["packages"].as_array().expect("packages is a list").clone()
}

/// What each crate depends on by code, development dependencies apart.
fn arrows_of_the_code() -> Arrows {
    packages()
        .iter()
        .map(|package| {
            let arrows = dependencies(package)
                .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
                .filter_map(|dependency| short_name(dependency).map(str::to_owned))
                .collect();
            (short_name(package).expect("every package is named paceline-*").to_owned(), arrows)
        })
        .collect()
}

/// The rows of the table under "## Arrows".
fn arrows_of_the_picture() -> Arrows {
    let text = std::fs::read_to_string(repository().join("crates/README.md")).expect("crates/README.md is there");
    let section = text.split("\n## ").find(|section| section.starts_with("Arrows")).expect("it has a section Arrows");
    section
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let targets = cells[3].split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "–");
            (cells[1].trim_matches('`').to_owned(), targets.map(str::to_owned).collect())
        })
        .collect()
}

fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().into_iter().flatten()
}

fn short_name(item: &Value) -> Option<&str> {
    item["name"].as_str()?.strip_prefix("paceline-")
}

#[test]
fn the_arrow_table_is_what_cargo_says() {
    assert_eq!(arrows_of_the_picture(), arrows_of_the_code(), "crates/README.md on the left, the code on the right");
}

#[test]
fn development_dependencies_are_the_testkit_the_ledger_the_own_port_or_an_embedded_adapter() {
    for package in packages() {
        let name = short_name(&package).expect("every package is named paceline-*");
        for dependency in dependencies(&package).filter(|dependency| dependency["kind"].as_str() == Some("dev")) {
            let Some(target) = short_name(dependency) else { continue };
            let embedded = ["store-sqlite", "queue-embedded", "channel-simulator", "simulator"].contains(&target);
            let own_port = name.strip_prefix(target).is_some_and(|rest| rest.starts_with('-'));
            let lower = arrows_of_the_code()[name].contains(target);
            assert!(
                ["testkit", "ledger"].contains(&target)
                    || target == name
                    || embedded
                    || own_port
                    || lower
                    || target == "domain",
                "{name} must not use {target} in its tests"
            );
        }
    }
}

#[test]
fn sqlx_lives_in_the_store_adapters_and_the_command_line_in_the_binary() {
    type Home<'a> = (&'a str, &'a dyn Fn(&str) -> bool);
    let homes: &[Home<'_>] = &[
        ("sqlx", &|name| name.starts_with("store-")),
        ("lapin", &|name| name == "queue-rabbitmq"),
        ("clap", &|name| name == "cli"),
        ("anyhow", &|name| name == "cli"),
        ("indicatif", &|name| name == "cli"),
    ];
    for package in packages() {
        let name = short_name(&package).expect("every package is named paceline-*");
        for dependency in dependencies(&package) {
            for (library, may_use) in homes {
                assert!(dependency["name"].as_str() != Some(library) || may_use(name), "{name} must not use {library}");
            }
        }
    }
}

#[test]
fn no_second_tls_stack_is_built() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).expect("Cargo.lock is there");
    for unwanted in ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl", "openssl-sys"] {
        assert!(!lock.contains(&format!("name = \"{unwanted}\"")), "{unwanted} doubles the build time");
    }
}

#[test]
fn the_top_level_holds_what_the_design_lists_and_each_folder_explains_itself() {
    let lawful = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "crates",
        "migrations",
        "deploy",
        "grafana",
        "scripts",
        "target",
    ];
    let listed = Command::new("git").args(["ls-files"]).current_dir(repository()).output().expect("git runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for entry in listed.lines().filter_map(|path| path.split('/').next()) {
        assert!(entry.starts_with('.') || lawful.contains(&entry), "{entry} does not belong at the top level");
    }
    for folder in ["crates", "migrations", "deploy", "grafana", "scripts"] {
        assert!(repository().join(folder).join("README.md").is_file(), "{folder} has no README.md");
    }
}
