//! Phone numbers: their form, and that they hide.

use paceline_domain::PhoneNumber;
use proptest::prelude::*;

use crate::phone;

#[test]
fn only_e164_is_a_phone_number() {
    for lawful in ["+15550100", "+4915112345678", "+1234567", "+123456789012345"] {
        assert_eq!(phone(lawful).as_e164(), lawful);
    }
    for wrong in [
        "",
        "+",
        "15550100",
        "+123456",
        "+1234567890123456",
        "+0123456789",
        "+1555 0100",
        "+1555-0100",
        "++1555010",
        "+１２３４５６７",
        "+١٢٣٤٥٦٧",
        " +15550100",
        "+15550100\n",
    ] {
        assert!(wrong.parse::<PhoneNumber>().is_err(), "{wrong:?}");
    }
}

#[test]
fn printing_a_number_hides_its_middle() {
    let number = phone("+4915112345678");
    assert_eq!((format!("{number}"), format!("{number:?}")), ("+49…78".to_owned(), "+49…78".to_owned()));
}

#[test]
fn json_holds_the_whole_number_and_refuses_what_is_none() {
    let number = phone("+15550100");
    assert_eq!(serde_json::to_string(&number).unwrap(), "\"+15550100\"");
    assert_eq!(serde_json::from_str::<PhoneNumber>("\"+15550100\"").unwrap(), number);
    assert!(serde_json::from_str::<PhoneNumber>("\"5550100\"").is_err());
}

proptest! {
    #[test]
    fn a_printed_number_shows_four_digits_at_most(number in "\\+[1-9][0-9]{6,14}") {
        let shown = phone(&number).to_string();
        prop_assert_eq!(shown.chars().filter(char::is_ascii_digit).count(), 4);
        prop_assert!(!shown.contains(&number[3..number.len() - 2]));
    }

    #[test]
    fn text_never_makes_it_panic(text in "\\PC*") {
        if let Ok(number) = text.parse::<PhoneNumber>() {
            prop_assert_eq!(number.as_e164(), text);
        }
    }
}

#[test]
fn the_two_numbers_of_one_phone_are_one_person() {
    let key = paceline_domain::WorkspaceKey::from_bytes([7; 32]);
    let parse = |text: &str| text.parse::<PhoneNumber>().unwrap();
    for (canonical, other) in [
        ("+525512345678", "+5215512345678"),
        ("+5491123456789", "+541123456789"),
        ("+5493511234567", "+543511234567"),
        ("+5531996883193", "+553196883193"),
        ("+5511987654321", "+551187654321"),
        ("+2290162410000", "+22962410000"),
    ] {
        assert_eq!(parse(other).canonical().as_e164(), canonical);
        assert_eq!(parse(canonical).canonical().as_e164(), canonical);
        assert_eq!(parse(canonical).other_form().unwrap().as_e164(), other);
        assert_eq!(parse(other).other_form(), None, "{other} is the other one itself");
        let address = |text: &str| paceline_domain::Address::phone(parse(text));
        assert_eq!(address(other), address(canonical));
        // As an older version wrote it down.
        let stored: paceline_domain::Address = serde_json::from_value(serde_json::json!({ "phone": other })).unwrap();
        assert_eq!(key.hash_address(&stored), key.hash_address(&address(canonical)));
    }
    for alone in ["+551137654321", "+5511387654321", "+15550100", "+4915112345678", "+525512345", "+5499123456789"] {
        assert_eq!(parse(alone).canonical().as_e164(), alone, "{alone}");
        assert_eq!(parse(alone).other_form(), None, "{alone}");
    }
}
