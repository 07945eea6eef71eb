//! Whatever comes in, nothing panics, and what is read agrees with independent readers.

use paceline_audience::{
    AudienceOptions, AudienceReader, Format, Region, Row, Template, Variables, VariantKey, is_opt_out, parse_phone,
    unguard_cell,
};
use paceline_domain::{AddressHash, CampaignId};
use proptest::prelude::*;

fn drain(bytes: &[u8], format: Format) -> usize {
    let options = AudienceOptions { max_row_bytes: 64, max_rows: 1000, ..AudienceOptions::default() };
    AudienceReader::open(bytes, format, options).map_or(0, |reader| reader.take(5000).count())
}

/// Bytes in which the characters that mean something are frequent.
fn csv_like() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => prop::sample::select(b"\",;\t\r\n{}[]:\\".to_vec()),
        4 => prop::sample::select(b"phone0129 ab".to_vec()),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..300).prop_map(|tail| [b"phone,a\n".to_vec(), tail].concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in csv_like(), raw in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in [Format::Csv, Format::Ndjson, Format::JsonArray] {
            drain(&bytes, format);
            drain(&raw, format);
            drain(&[b"[".as_slice(), &bytes[8..], b"]"].concat(), format);
        }
    }

    #[test]
    fn a_reader_never_yields_more_rows_than_there_are_line_breaks(bytes in csv_like()) {
        let breaks = bytes.iter().filter(|byte| b"\r\n".contains(byte)).count();
        prop_assert!(drain(&bytes, Format::Csv) <= breaks);
    }

    #[test]
    fn what_the_csv_crate_writes_is_read_back(
        rows in prop::collection::vec(("[^\0]{0,12}", "[^\0]{0,12}"), 0..8),
        delimiter in prop::sample::select(b",;\t".to_vec()),
    ) {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(["phone", "note"]).expect("written");
        for (phone, note) in &rows {
            writer.write_record([phone, note]).expect("written");
        }
        let bytes = writer.into_inner().expect("flushed");
        let read: Vec<Row> = AudienceReader::open(bytes.as_slice(), Format::Csv, AudienceOptions::default())
            .expect("a file").collect::<Result<_, _>>().expect("rows");
        prop_assert_eq!(read.len(), rows.len());
        for (row, (phone, note)) in read.iter().zip(&rows) {
            let Row::Read(row) = row else { return Err(TestCaseError::fail(format!("{row:?}"))) };
            prop_assert_eq!(row.phone.as_str(), unguard_cell(phone));
            prop_assert_eq!(row.variables.find("note").unwrap_or(""), if note.trim().is_empty() { "" } else { note });
        }
    }

    #[test]
    fn an_accepted_phone_is_valid_by_the_phonenumber_crate_when_it_reads_the_same_number(
        digits in "[1-9][0-9]{6,13}", text in "\\PC{0,20}",
        region in prop::sample::select(vec!["BR", "US", "DE", "IT", "AR", "MX", "JP", "IN", "KZ", "GB"]),
    ) {
        let region = Region::parse(region).expect("a region");
        let _ = parse_phone(&text, Some(region));
        let _ = parse_phone(&digits, Some(region));
        if let Ok(phone) = parse_phone(&format!("+{digits}"), None) {
            let theirs = phonenumber::parse(None, phone.as_e164()).expect("a number");
            // The crate takes a trunk prefix off numbers that are valid with it, which libphonenumber does not.
            let same = theirs.format().mode(phonenumber::Mode::E164).to_string() == phone.as_e164();
            prop_assert!(theirs.is_valid() || !same);
        }
    }

    #[test]
    fn no_template_and_no_value_make_rendering_panic(
        source in "([a-z{}|\\\\%# \n']|\\{\\{ a|\\{% if a %\\}|\\{% endif %\\}|\\}\\}|\\PC){0,40}", value in "\\PC{0,40}",
    ) {
        let key = VariantKey::new(CampaignId::from_bytes([1; 16]), AddressHash::from_bytes([2; 16]));
        if let Ok(template) = Template::parse(&source) {
            let _ = template.render(&[("a", value)].into_iter().collect::<Variables>(), key);
            let _ = template.render(&Variables::default(), key);
        }
    }

    #[test]
    fn text_without_braces_bars_and_backslashes_is_rendered_as_it_is(source in "[^{}|\\\\\r\n\u{1}]{1,80}") {
        prop_assume!(!source.trim().is_empty());
        let key = VariantKey::new(CampaignId::from_bytes([1; 16]), AddressHash::from_bytes([2; 16]));
        let template = Template::parse(&source).expect("a template");
        prop_assert_eq!(template.render(&Variables::default(), key), Ok(source));
    }

    #[test]
    fn opt_outs_are_decided_for_any_text(text in "\\PC{0,200}") {
        let _ = is_opt_out(&text);
    }

    #[test]
    fn variables_survive_storing(pairs in prop::collection::btree_map("\\PC{1,8}", "\\PC{0,20}", 0..6)) {
        let variables: Variables = pairs.into_iter().collect();
        prop_assert_eq!(Variables::from_json(&variables.to_json()).expect("read back"), variables);
    }
}
