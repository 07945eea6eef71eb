//! The dashboards as they are read from their files.

use paceline_e2e::Stack;
use serde_json::Value;

use super::folder;

/// A dashboard.
pub(super) struct Dashboard {
    /// The name of its file, without the ending.
    pub(super) name: String,
    /// What stands in it.
    pub(super) body: Value,
}

/// A panel of a dashboard.
pub(super) struct Panel {
    /// The dashboard's name.
    pub(super) dashboard: String,
    /// What stands in it.
    pub(super) body: Value,
}

/// Every dashboard, by name.
pub(super) fn every() -> Vec<Dashboard> {
    let mut dashboards: Vec<_> = std::fs::read_dir(folder().join("dashboards"))
        .expect("there is a folder of dashboards")
        .map(|entry| {
            let path = entry.expect("the folder can be read").path();
            let text = std::fs::read_to_string(&path).expect("a dashboard can be read");
            let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            Dashboard { name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), body }
        })
        .collect();
    dashboards.sort_by(|one, other| one.name.cmp(&other.name));
    dashboards
}

/// Every panel of every dashboard.
pub(super) fn all() -> Vec<Panel> {
    every().iter().flat_map(Dashboard::panels).collect()
}

impl Dashboard {
    /// Its panels.
    pub(super) fn panels(&self) -> Vec<Panel> {
        let panels = self.body["panels"].as_array().cloned().unwrap_or_default();
        panels.into_iter().map(|body| Panel { dashboard: self.name.clone(), body }).collect()
    }
}

impl Panel {
    /// Where it is.
    pub(super) fn place(&self) -> String {
        format!("{}: {}", self.dashboard, self.text("title"))
    }

    /// What it asks.
    pub(super) fn expressions(&self) -> Vec<String> {
        let targets = self.body["targets"].as_array().into_iter().flatten();
        targets.map(|target| target["expr"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A text of it.
    pub(super) fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }

    /// Whether a stack has what it shows: a panel that only one has says so at the end of its description.
    pub(super) fn is_of(&self, stack: Stack) -> bool {
        let other = match stack {
            Stack::Embedded => "(Full stack only.)",
            Stack::Full => "(Embedded stack only.)",
        };
        !self.text("description").ends_with(other)
    }
}
