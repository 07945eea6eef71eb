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
    accepts("+628123456789.00", Some("ID"), "+628123456789");
    accepts("4155552671,000", Some("US"), "+14155552671");
    accepts("0151.23456789", Some("DE"), "+4915123456789");
}

#[test]
fn what_is_no_number_is_refused_with_a_reason_that_does_not_repeat_it() {
    use InvalidPhone::{
        Decimals, Empty, Extension, NoCountryCode, NotANumber, NotValid, ScientificNotation, Several, TooLong,
        TooShort, UnknownCountryCode,
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
        ("+1 415 555 2671, +1 415 555 2672", None, Several),
        ("0151 12345678 / 0170 1234567", Some("DE"), Several),
        ("81234567\n91234567", Some("SG"), Several),
        ("+1 415 555 2671 and +1 415 555 2672", None, NotANumber),
        ("4155552671.5", Some("US"), Decimals),
        ("+628123456789,25", None, Decimals),
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
    let (mut examples, mut ambiguous) = (0, 0);
    for data in phonenumber::metadata::DATABASE.iter() {
        let kinds = data.descriptors();
        for kind in [kinds.mobile(), kinds.fixed_line(), kinds.toll_free(), kinds.voip()].into_iter().flatten() {
            let Some(national) = kind.example() else { continue };
            let written = format!("+{}{national}", data.country_code());
            let e164 =
                written.parse::<paceline_domain::PhoneNumber>().map(|phone| phone.canonical().as_e164().to_owned());
            let e164 = e164.unwrap_or(written);
            let phone = parsed(&e164, None).unwrap_or_else(|refusal| panic!("{} {e164}: {refusal}", data.id()));
            assert_eq!(phone, e164);
            if let Ok(region) = Region::parse(data.id()) {
                let own = parse_phone(national, Some(region)).map(|phone| phone.as_e164().to_owned());
                // With a plus sign before it, it is somebody else's; and a fixed line that begins like the country code may be a mobile
                // number that lacks a digit.
                let others = parsed(&format!("+{national}"), None).is_ok();
                if own == Err(InvalidPhone::Ambiguous)
                    && (others || national.starts_with(&data.country_code().to_string()))
                {
                    ambiguous += 1;
                    continue;
                }
                assert_eq!(own.as_deref(), Ok(e164.as_str()), "{} in its own region", data.id());
            }
            examples += 1;
        }
    }
    assert!(examples > 600 && ambiguous < 10, "{examples}, {ambiguous}");
}

#[test]
fn a_country_code_without_its_plus_sign_is_read_where_nothing_else_can_be_meant() {
    for (raw, region, e164) in [
        ("4915112345678", "DE", "+4915112345678"),
        ("491701234567", "DE", "+491701234567"),
        ("5511987654321", "BR", "+5511987654321"),
        ("447911123456", "GB", "+447911123456"),
        ("447911123456", "US", "+447911123456"),
        ("919876543210", "IN", "+919876543210"),
        ("9198765432", "IN", "+919198765432"),
    ] {
        accepts(raw, Some(region), e164);
    }
    // Wyoming with the code, or a mobile number of China without it.
    assert_eq!(parsed("13072345678", Some("CN")), Err(InvalidPhone::Ambiguous));
    assert_eq!(parsed("15123456789", Some("DE")), Err(InvalidPhone::Ambiguous), "or one of Texas");
    accepts("015123456789", Some("DE"), "+4915123456789");
    assert_eq!(parsed("15512345678", Some("MX")), Err(InvalidPhone::Ambiguous), "or one of New Jersey");
    accepts("+86 130 7234 5678", Some("CN"), "+8613072345678");
    // A mobile number of Germany from which a digit is missing is nobody's fixed line.
    assert!(parsed("49151123456", Some("DE")).is_err());
}

#[test]
fn a_mobile_number_of_any_country_without_its_plus_sign_is_that_number_or_nobodys() {
    let regions: Vec<Region> =
        phonenumber::metadata::DATABASE.iter().filter_map(|data| Region::parse(data.id()).ok()).collect();
    let (mut meant, mut ambiguous, mut own) = (0, 0, 0);
    for data in phonenumber::metadata::DATABASE.iter() {
        let Some(national) = data.descriptors().mobile().and_then(|mobile| mobile.example()) else { continue };
        let written = format!("{}{national}", data.country_code());
        let Ok(right) = parsed(&format!("+{written}"), None) else { continue };
        for region in &regions {
            match parse_phone(&written, Some(*region)) {
                Ok(phone) => {
                    assert_eq!(phone.as_e164(), right, "{} in {region:?}", data.id());
                    meant += 1;
                    own += usize::from(region.as_str() == data.id());
                }
                Err(InvalidPhone::Ambiguous) => ambiguous += 1,
                Err(other) => panic!("{} in {region:?}: {other}", data.id()),
            }
        }
    }
    assert!(own > 200, "{own} of the countries read their own numbers");
    assert!(meant > 20 * ambiguous, "{meant} meant, {ambiguous} ambiguous");
}

#[test]
fn the_two_numbers_of_one_phone_are_read_as_one() {
    for (raw, region, e164) in [
        ("+5215512345678", None, "+525512345678"),
        ("+52 1 55 1234 5678", Some("MX"), "+525512345678"),
        ("5215512345678", Some("MX"), "+525512345678"),
        ("55 1234 5678", Some("MX"), "+525512345678"),
        ("+54 11 2345-6789", None, "+5491123456789"),
        ("11 2345-6789", Some("AR"), "+5491123456789"),
        ("011 15-2345-6789", Some("AR"), "+5491123456789"),
        ("+55 31 9688-3193", None, "+5531996883193"),
        ("(31) 9688-3193", Some("BR"), "+5531996883193"),
        ("+229 62 41 00 00", None, "+2290162410000"),
        ("62410000", Some("BJ"), "+2290162410000"),
        ("+55 11 3765-4321", None, "+551137654321"),
    ] {
        accepts(raw, region, e164);
    }
}
