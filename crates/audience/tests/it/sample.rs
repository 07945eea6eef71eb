//! The sample audience of the demo, row by row as the control plane would decide about it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use paceline_audience::{
    AudienceOptions, AudienceReader, ColumnNames, Format, RenderError, Row, Template, VariantKey, parse_phone,
};
use paceline_domain::{AddressHash, CampaignId, PhoneNumber};

const RECIPIENTS: &[u8] = include_bytes!("../../../cli/samples/recipients.csv");
const TEMPLATE: &str = include_str!("../../../cli/samples/template.txt");

/// Everyone's fate: a bucket by row, and the numbers that would be sent to.
fn decide() -> (BTreeMap<&'static str, u32>, Vec<PhoneNumber>) {
    let template = Template::parse(TEMPLATE).expect("the template");
    let reader = AudienceReader::open(RECIPIENTS, Format::Csv, AudienceOptions::default()).expect("the sample");
    assert_eq!(template.missing_columns(&ColumnNames::new(reader.columns())), BTreeSet::new());
    let key = VariantKey::new(CampaignId::from_bytes([1; 16]), AddressHash::from_bytes([2; 16]));
    let mut buckets = BTreeMap::new();
    let mut first_rows: HashMap<PhoneNumber, u64> = HashMap::new();
    let mut planned = Vec::new();
    for row in reader {
        let bucket = match row.expect("no refusal") {
            Row::Malformed(_) => "malformed_row",
            Row::Read(row) => match parse_phone(&row.phone, None) {
                Err(_) => "invalid_phone",
                Ok(phone) if first_rows.contains_key(&phone) => "duplicate",
                Ok(phone) => {
                    first_rows.insert(phone.clone(), row.number_in_file);
                    match template.render(&row.variables, key) {
                        Ok(_) => {
                            planned.push(phone);
                            "planned"
                        }
                        Err(RenderError::MissingVariable(name)) if name == "name" => "missing_variable",
                        Err(other) => panic!("row {}: {other}", row.number_in_file),
                    }
                }
            },
        };
        *buckets.entry(bucket).or_default() += 1;
    }
    (buckets, planned)
}

#[test]
fn the_sample_holds_exactly_the_rows_that_its_readme_promises() {
    let (buckets, planned) = decide();
    let expected =
        [("duplicate", 12), ("invalid_phone", 10), ("malformed_row", 10), ("missing_variable", 10), ("planned", 258)];
    assert_eq!(buckets, BTreeMap::from(expected));
    assert_eq!(buckets.values().sum::<u32>(), 300);

    let mut people: BTreeMap<&str, u32> = BTreeMap::new();
    let mut codes = BTreeSet::new();
    for phone in &planned {
        let e164 = phone.as_e164();
        let last: u32 = e164[e164.len() - 2..].parse().expect("two digits");
        let person = match last {
            0..=4 => "not on WhatsApp",
            5..=14 => "answers STOP",
            15..=34 => "replies",
            _ => "drawn",
        };
        *people.entry(person).or_default() += 1;
        codes.insert(phonenumber::parse(None, e164).expect("a number").code().value());
    }
    let expected = [("answers STOP", 12), ("drawn", 196), ("not on WhatsApp", 10), ("replies", 40)];
    assert_eq!(people, BTreeMap::from(expected));
    assert_eq!(codes.len(), 36);
}
