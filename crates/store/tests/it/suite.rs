//! A case that is written but not listed in the macro would never run.

use std::{collections::BTreeSet, path::Path};

#[test]
fn every_case_of_every_area_is_in_the_macro() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let suite = std::fs::read_to_string(source.join("conformance.rs")).unwrap();
    let (_, list) = suite.split_once("@areas $fixture;").unwrap();
    let mut listed = BTreeSet::new();
    let mut area = String::new();
    for line in list.lines().map(str::trim).skip(1).take_while(|line| !line.starts_with("(@areas")) {
        match line.strip_suffix(" {") {
            Some(name) => name.clone_into(&mut area),
            None if line.starts_with('}') => {}
            None => assert!(listed.insert((area.clone(), line.to_owned())), "{area}::{line} is listed twice"),
        }
    }
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(source.join("conformance")).unwrap() {
        let path = file.unwrap().path();
        let area = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // What is read is measured by each adapter in its own way, and so is no case of the macro.
        if path.is_dir() || ["builders", "reads"].contains(&area.as_str()) {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            if let Some(case) = line.strip_prefix("pub async fn ") {
                written.insert((area.clone(), case.split('(').next().unwrap().to_owned()));
            }
        }
    }
    assert_eq!(listed, written);
    assert!(written.len() > 150, "the suite was read");
}
