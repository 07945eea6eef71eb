//! A seed is a run: the same one again gives the same trace, to the last line.

use paceline_simulation::{Keep, run};

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..40 {
        let (first, second) = (run(seed, None, Keep::Text), run(seed, None, Keep::Text));
        let differs = first.lines.iter().zip(&second.lines).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.hash, second.hash, "seed {seed}");
        assert_eq!(first.figures, second.figures, "seed {seed}");
    }
}

#[test]
fn keeping_the_text_changes_nothing() {
    assert_eq!(run(3, None, Keep::Text).hash, run(3, None, Keep::Hash).hash);
}

#[test]
fn another_seed_gives_another_run() {
    let mut hashes: Vec<u64> = (0..40).map(|seed| run(seed, None, Keep::Hash).hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 40);
}
