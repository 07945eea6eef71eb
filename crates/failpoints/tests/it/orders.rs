//! Orders as they are written.

use std::collections::BTreeSet;

use paceline_failpoints::{End, Failpoint, Order, OrderError};

#[test]
fn every_failpoint_can_be_ordered_by_its_word_and_reads_back_as_it_was_written() {
    for failpoint in Failpoint::ALL {
        for text in [format!("{}:1", failpoint.as_str()), format!("freeze:{}:7", failpoint.as_str())] {
            let order: Order = text.parse().expect("a failpoint's own word is an order");
            assert_eq!((order.failpoint, order.to_string()), (failpoint, text));
        }
    }
    let words: BTreeSet<_> = Failpoint::ALL.map(Failpoint::as_str).into();
    assert_eq!(words.len(), Failpoint::ALL.len(), "no two failpoints share a word");
}

#[test]
fn a_bare_word_is_a_kill_at_the_first_pass() {
    let order: Order = "worker.sent".parse().expect("an order");
    assert_eq!((order.end, order.failpoint, order.pass.get()), (End::Kill, Failpoint::WorkerSent, 1));
}

#[test]
fn what_is_no_failpoint_is_refused_with_the_words_that_are() {
    let refused = "worker.snet".parse::<Order>().expect_err("there is no such failpoint");
    let said = refused.to_string();
    assert!(said.contains("PACELINE_FAILPOINT") && said.contains("\"worker.snet\""), "{said}");
    assert!(Failpoint::ALL.iter().all(|failpoint| said.contains(failpoint.as_str())), "{said}");
}

#[test]
fn a_pass_is_a_whole_number_from_one() {
    for pass in ["0", "-1", "two", ""] {
        let refused = format!("worker.sent:{pass}").parse::<Order>();
        assert_eq!(refused, Err(OrderError::NotAPass { word: pass.to_owned() }));
    }
}
