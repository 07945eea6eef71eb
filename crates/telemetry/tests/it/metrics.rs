//! The registry and its page.

use std::collections::{BTreeMap, BTreeSet};

use paceline_telemetry::{Describe, Metrics};

const SENDS: Describe = Describe {
    name: "paceline_test_sends_total",
    help: "Sends.",
    when_it_rises: "More is sent; \"quotes\" and\nnewlines are told too.",
};
const HELD: Describe =
    Describe { name: "paceline_test_held", help: "Leases held.", when_it_rises: "More senders are active." };
const WAIT: Describe =
    Describe { name: "paceline_test_wait_seconds", help: "Waits.", when_it_rises: "The backlog grows." };

#[test]
fn registering_twice_finds_the_same() {
    let metrics = Metrics::new();
    metrics.counter(SENDS, &["outcome"]).with_label_values(&["sent"]).inc();
    metrics.counter(SENDS, &["outcome"]).with_label_values(&["sent"]).inc();
    assert_eq!(metrics.counter(SENDS, &["outcome"]).with_label_values(&["sent"]).get(), 2);
    assert_eq!(metrics.inventory().len(), 1);
}

#[test]
fn two_registries_stand_side_by_side() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.gauge(HELD, &[]).with_label_values::<&str>(&[]).set(3);
    other.gauge(HELD, &[]).with_label_values::<&str>(&[]).set(5);
    assert!(one.render().contains("paceline_test_held 3"));
    assert!(other.render().contains("paceline_test_held 5"));
}

#[test]
#[should_panic(expected = "taken by another kind")]
fn one_name_is_one_kind() {
    let metrics = Metrics::new();
    metrics.counter(SENDS, &[]);
    metrics.gauge(SENDS, &[]);
}

#[test]
#[should_panic(expected = "has the labels")]
fn one_name_has_one_set_of_labels() {
    let metrics = Metrics::new();
    metrics.counter(SENDS, &["outcome"]);
    metrics.counter(SENDS, &["reason"]);
}

#[test]
#[should_panic(expected = "has no meaning")]
fn a_metric_without_a_meaning_is_refused() {
    Metrics::new().counter(Describe { when_it_rises: "", ..SENDS }, &[]);
}

fn full() -> Metrics {
    let metrics = Metrics::new();
    metrics.counter(SENDS, &["outcome"]).with_label_values(&["with \"quotes\" and \\"]).inc();
    metrics.gauge(HELD, &[]).with_label_values::<&str>(&[]).set(-1);
    metrics.histogram(WAIT, &["lane"], &[1.0, 60.0]).with_label_values(&["campaign"]).observe(2.5);
    metrics.add_process_figures();
    metrics.add_process_figures();
    metrics.add_build("1.2.3");
    // A folder that is not made yet lies on the disk of the one above it.
    let folder = std::env::temp_dir().join("not").join("made");
    metrics.add_disk_figures(&folder);
    metrics.add_disk_figures(&folder);
    metrics
}

#[test]
fn the_page_is_lawful() {
    let page = full().render();
    let mut kinds = BTreeMap::new();
    let mut helped = BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name), "{name} is told once");
            assert!(help.contains("When it rises: "), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            kinds.insert(name, kind);
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap();
            let name = series.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(kinds.contains_key(family) && helped.contains(family), "{line} has neither type nor help");
        }
    }
    assert_eq!(kinds["paceline_test_wait_seconds"], "histogram");
    assert!(page.contains("paceline_test_wait_seconds_bucket{lane=\"campaign\",le=\"60\"} 1"), "{page}");
    assert!(page.contains(r#"outcome="with \"quotes\" and \\""#), "{page}");
}

#[test]
fn every_entry_of_the_inventory_has_a_meaning() {
    let inventory = full().inventory();
    assert_eq!(inventory.len(), 12);
    for entry in inventory {
        assert!(!entry.describe.help.is_empty() && !entry.describe.when_it_rises.is_empty(), "{entry:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_its_memory_descriptors_threads_and_times() {
    let page = full().render();
    let value = |name: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(&format!("{name} "))).expect(name);
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!((1e6..1e9).contains(&value("process_resident_memory_bytes")));
    assert!((3.0..10_000.0).contains(&value("process_open_fds")));
    // Absent where the limit is "unlimited".
    if page.contains("process_max_fds ") {
        assert!(value("process_max_fds") >= value("process_open_fds"));
    }
    assert!(value("process_threads") >= 1.0);
    assert!((0.0..600.0).contains(&value("process_cpu_seconds_total")));
    assert!(value("process_start_time_seconds") > 1.7e9);
}

#[cfg(target_os = "linux")]
#[test]
fn processor_time_is_counted_once_however_often_the_page_is_read() {
    let metrics = full();
    let read = || -> f64 {
        let page = metrics.render();
        let line = page.lines().find(|line| line.starts_with("process_cpu_seconds_total ")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let first = read();
    read();
    read();
    let last = read();
    assert!(last < first + 1.0, "{first} and then {last}");
}

#[test]
fn the_build_and_the_disk_are_told() {
    let page = full().render();
    assert!(page.contains("paceline_build_info{version=\"1.2.3\"} 1\n"), "{page}");
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)).expect("the figure is told");
        line.trim().parse::<f64>().expect("it is a number")
    };
    let (free, size) = (value("paceline_disk_free_bytes "), value("paceline_disk_size_bytes "));
    assert!(0.0 < free && free <= size, "{free} of {size}");
}
