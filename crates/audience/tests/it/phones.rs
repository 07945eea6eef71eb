//! Phones as people write them.

use paceline_audience::{InvalidPhone, Region, parse_phone};

fn parsed(raw: &str, region: Option<&str>) -> Result<String, InvalidPhone> {
    let region = region.map(|name| Region::parse(name).expect("a region"));
    parse_phone(raw, region).map(|phone| phone.as_e164().to_owned())
}

fn accepts(raw: &str, region: Option<&str>, e164: &str) {
    assert_eq!(parsed(raw, region).as_deref(), Ok(e164), "{raw:?} in {region:?}");
}

#[test]
fn international_numbers_are_read_however_they_are_written() {
    for raw in [
        "+5511987654321",
        "+55 11 98765-4321",
        "+55 (11) 98765-4321",
        " +55.11.98765.4321 ",
        "0055 11 98765 4321",
        "tel:+55-11-98765-4321",
        "TEL:+5511987654321",
        "whatsapp:+5511987654321",
        "'+5511987654321",
        "＋５５１１９８７６５４３２１",
        "+٥٥١١٩٨٧٦٥٤٣٢١",
        "+۵۵۱۱۹۸۷۶۵۴۳۲۱",
        "+५५११९८७६५४३२१",
        "\u{202A}+55 11 98765‑4321\u{202C}",
        "+55\u{00A0}11\u{202F}98765–4321",
        "(+55) 11 98765 4321",
        "+00 55 11 98765 4321",
        "+55 011 98765 4321",
    ] {
        accepts(raw, None, "+5511987654321");
        accepts(raw, Some("DE"), "+5511987654321");
    }
}

#[test]
fn national_numbers_are_of_the_default_region() {
    accepts("(11) 98765-4321", Some("BR"), "+5511987654321");
    accepts("011 98765-4321", Some("br"), "+5511987654321");
    accepts("5511987654321", Some("BR"), "+5511987654321");
    accepts("07911 123456", Some("GB"), "+447911123456");
    accepts("0151 23456789", Some("DE"), "+4915123456789");
    accepts("(415) 555-2671", Some("US"), "+14155552671");
    accepts("1 415 555 2671", Some("US"), "+14155552671");
    accepts("011 55 11 98765 4321", Some("US"), "+5511987654321");
    accepts("0055 11 98765 4321", Some("US"), "+5511987654321");
    accepts("9876543210", Some("IN"), "+919876543210");
    accepts("8 (912) 345-67-89", Some("RU"), "+79123456789");
    // A leading zero that belongs to the number stays.
    accepts("06 12345678", Some("IT"), "+390612345678");
    // The mobile token of Argentina moves, as its plan says.
    accepts("011 15-2345-6789", Some("AR"), "+5491123456789");
    accepts("5512345678", Some("MX"), "+525512345678");
    accepts("4155552671.0", Some("US"), "+14155552671");
}

#[test]
fn what_is_no_number_is_refused_with_a_reason_that_does_not_repeat_it() {
    use InvalidPhone::{
        Empty, Extension, NoCountryCode, NotANumber, NotValid, ScientificNotation, TooLong, TooShort,
        UnknownCountryCode,
    };
    for (raw, region, reason) in [
        ("", None, Empty),
        (" \u{200E} ", None, Empty),
        ("n/a", None, NotANumber),
        ("+", None, NotANumber),
        ("--", None, NotANumber),
        ("+1 415 555 267O", None, NotANumber),
        ("1+4155552671", Some("US"), NotANumber),
        ("ana@example.com", None, NotANumber),
        ("+1 415 555 2671, +1 415 555 2672", None, NotANumber),
        ("5.5119E+12", None, ScientificNotation),
        ("5,5119e12", Some("BR"), ScientificNotation),
        ("+1 415 555 2671 x123", None, Extension),
        ("+14155552671;ext=123", None, Extension),
        ("+1 415 555 2671 ext. 12", None, Extension),
        ("11987654321", None, NoCountryCode),
        ("+0", None, TooShort),
        ("+999 123 456 789", None, UnknownCountryCode),
        ("+210 123 4567", None, UnknownCountryCode),
        ("+55", None, TooShort),
        ("+55 11 9876", None, TooShort),
        ("12", Some("BR"), TooShort),
        ("+55 11 98765 4321 98765", None, TooLong),
        ("+5511987654321551198765432155", None, TooLong),
        ("+1 555 0100", None, TooShort),
        ("+15550100", None, TooShort),
        ("+1 415 155 2671", None, NotValid),
        ("+44 7911 12345", None, NotValid),
        ("+49 0000 000000", None, NotValid),
    ] {
        let refusal = parsed(raw, region).expect_err(raw);
        assert_eq!(refusal, reason, "{raw:?} in {region:?}");
        assert!(!refusal.to_string().contains(|letter: char| letter.is_numeric()), "{refusal}");
    }
}

#[test]
fn regions_are_two_letters_that_have_numbers() {
    assert_eq!(Region::parse(" br ").expect("Brazil").as_str(), "BR");
    for unknown in ["", "B", "UK", "XX", "001", "BRA", "ÄÖ"] {
        assert!(Region::parse(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn every_example_of_the_data_is_accepted_and_agrees_with_the_phonenumber_crate() {
    let mut examples = 0;
    for data in phonenumber::metadata::DATABASE.iter() {
        let kinds = data.descriptors();
        for kind in [kinds.mobile(), kinds.fixed_line(), kinds.toll_free(), kinds.voip()].into_iter().flatten() {
            let Some(national) = kind.example() else { continue };
            let e164 = format!("+{}{national}", data.country_code());
            let phone = parsed(&e164, None).unwrap_or_else(|refusal| panic!("{} {e164}: {refusal}", data.id()));
            assert_eq!(phone, e164);
            if let Ok(region) = Region::parse(data.id()) {
                let own = parse_phone(national, Some(region)).map(|phone| phone.as_e164().to_owned());
                assert_eq!(own.as_deref(), Ok(e164.as_str()), "{} in its own region", data.id());
            }
            examples += 1;
        }
    }
    assert!(examples > 600, "{examples}");
}
