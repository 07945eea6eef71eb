//! Ids: their form, their order, and what is refused.

use std::collections::HashSet;

use paceline_domain::{CampaignId, MessageId, Minter};
use proptest::prelude::*;

use crate::at;

#[test]
fn an_id_prints_with_its_prefix_and_comes_back() {
    let id = MessageId::from_parts(at("2026-03-01T12:00:00Z"), [7; 10]);
    assert_eq!(id.to_string(), "msg_019ca9450a0077078707070707070707");
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(serde_json::from_value::<MessageId>(serde_json::to_value(id).unwrap()).unwrap(), id);
    assert_eq!((MessageId::from_bytes(id.to_bytes()), MessageId::from_slice(&id.to_bytes())), (id, Some(id)));
}

#[test]
fn what_is_no_id_of_the_kind_is_refused_with_its_form() {
    let id = MessageId::from_parts(at("2026-03-01T12:00:00Z"), [7; 10]).to_string();
    let hex = &id[4..];
    for wrong in [
        "",
        "msg",
        "msg_",
        hex,
        &format!("cmp_{hex}"),
        &format!("msg-{hex}"),
        &format!("msg_{}", &hex[1..]),
        &format!("msg_{hex}0"),
        &format!("msg_{{{}}}", &hex[2..]),
        &format!("msg_{}é", &hex[2..]),
        &format!("MSG_{hex}"),
    ] {
        assert!(wrong.parse::<MessageId>().is_err(), "{wrong:?}");
    }
    let refused = "cmp_1".parse::<CampaignId>().expect_err("too short");
    assert_eq!(refused.to_string(), "expected an id of the form cmp_ followed by 32 hexadecimal digits");
    assert_eq!(MessageId::from_slice(&[1; 15]), None);
}

#[test]
fn a_minter_repeats_itself_for_its_seed_and_never_an_id() {
    let now = at("2026-03-01T12:00:00Z");
    let mint = |seed| {
        let minter = Minter::new([seed; 32]);
        (0..1_000).map(|_| minter.mint(now)).collect::<Vec<MessageId>>()
    };
    assert_eq!(mint(1), mint(1));
    let all: HashSet<_> = mint(1).into_iter().chain(mint(2)).collect();
    assert_eq!(all.len(), 2_000);
}

proptest! {
    #[test]
    fn any_id_round_trips_and_later_ones_sort_behind(
        seconds in 0..4_000_000_000_i64, later_ms in 1..1_000_000_i64, entropy: [u8; 10], other: [u8; 10],
    ) {
        let created = chrono::DateTime::from_timestamp(seconds, 0).expect("in range");
        let id = CampaignId::from_parts(created, entropy);
        prop_assert_eq!(id.to_string().parse::<CampaignId>().ok(), Some(id));
        prop_assert!(id < CampaignId::from_parts(created + chrono::TimeDelta::milliseconds(later_ms), other));
    }

    #[test]
    fn text_never_makes_it_panic(text in "\\PC*", tail in "[0-9a-fA-F{}é-]{0,40}") {
        let _ = text.parse::<MessageId>();
        let _ = format!("msg_{tail}").parse::<MessageId>();
    }
}
