//! Orders as they are written.

use std::collections::BTreeSet;

use paceline_steps::{End, Order, OrderError, Step};

#[test]
fn every_step_can_be_ordered_by_its_word_and_reads_back_as_it_was_written() {
    for step in Step::ALL {
        for text in [format!("{}:1", step.as_str()), format!("freeze:{}:7", step.as_str())] {
            let order: Order = text.parse().expect("a step's own word is an order");
            assert_eq!((order.step, order.to_string()), (step, text));
        }
    }
    let words: BTreeSet<_> = Step::ALL.map(Step::as_str).into();
    assert_eq!(words.len(), Step::ALL.len(), "no two steps share a word");
}

#[test]
fn a_bare_word_is_a_kill_at_the_first_pass() {
    let order: Order = "worker.sent".parse().expect("an order");
    assert_eq!((order.end, order.step, order.pass.get()), (End::Kill, Step::WorkerSent, 1));
}

#[test]
fn what_is_no_step_is_refused_with_the_words_that_are() {
    let refused = "worker.snet".parse::<Order>().expect_err("there is no such step");
    let said = refused.to_string();
    assert!(said.contains("PACELINE_KILL_AT") && said.contains("\"worker.snet\""), "{said}");
    assert!(Step::ALL.iter().all(|step| said.contains(step.as_str())), "{said}");
}

#[test]
fn a_pass_is_a_whole_number_from_one() {
    for pass in ["0", "-1", "two", ""] {
        let refused = format!("worker.sent:{pass}").parse::<Order>();
        assert_eq!(refused, Err(OrderError::NotAPass { word: pass.to_owned() }));
    }
}
