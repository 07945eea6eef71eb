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

/// White space only. The texts here have no letters without width.
fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
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

/// What may be wrong with a line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    None,
    /// Without its last cells.
    Short,
    /// With blank cells after its last one.
    Padded,
    /// With a cell too many.
    Long,
    /// With no text in any cell.
    Blank,
    /// A quote is opened, and not closed on this line.
    OpenQuote,
    /// A quote stands at the end of the last cell.
    StrayQuote,
    TextAfterQuote,
}

fn damage() -> impl Strategy<Value = Damage> {
    use Damage::{Blank, Long, None, OpenQuote, Padded, Short, StrayQuote, TextAfterQuote};
    prop_oneof![
        4 => Just(None),
        4 => prop::sample::select(vec![Short, Padded, Long, Blank, OpenQuote, StrayQuote, TextAfterQuote]),
    ]
}

impl Damage {
    /// A line of three cells, of one person that no other line has, damaged.
    fn line(self, place: usize, delimiter: char) -> String {
        let (phone, name) = (format!("+49151{:07}", place + 2_345_678), format!("Name{place}"));
        let d = delimiter;
        match self {
            Self::None => format!("{phone}{d}{name}{d}\"Bonn{d} Mitte\""),
            Self::Short => format!("{phone}{d}{name}"),
            Self::Padded => format!("{phone}{d}{name}{d}Bonn{d}{d}"),
            Self::Long => format!("{phone}{d}{name}{d}Bonn{d}x"),
            Self::Blank => format!("{d} {d}"),
            Self::OpenQuote => format!("{phone}{d}\"{name}{d}Bonn"),
            Self::StrayQuote => format!("{phone}{d}{name}{d}Bonn\""),
            Self::TextAfterQuote => format!("{phone}{d}\"{name}\"x{d}Bonn"),
        }
    }
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
        rows in prop::collection::vec(("[^\0\\p{Cf}\\p{Mn}\\p{Cn}]{0,12}", "[^\0\\p{Cf}\\p{Mn}\\p{Cn}]{0,12}"), 0..8),
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
        let written: Vec<_> = rows.iter().filter(|(phone, note)| !(is_blank(phone) && is_blank(note))).collect();
        prop_assert_eq!(read.len(), written.len());
        for (row, (phone, note)) in read.iter().zip(written) {
            let Row::Read(row) = row else { return Err(TestCaseError::fail(format!("{row:?}"))) };
            prop_assert_eq!(row.phone.as_str(), unguard_cell(phone));
            prop_assert_eq!(row.variables.find("note").unwrap_or(""), if is_blank(note) { "" } else { note });
        }
    }

    #[test]
    fn whatever_is_damaged_every_line_is_a_row_of_its_own_or_answered_for(
        damages in prop::collection::vec(damage(), 1..40), delimiter in prop::sample::select(b",;\t|".to_vec()),
    ) {
        let lines: Vec<String> =
            damages.iter().enumerate().map(|(place, damage)| damage.line(place, char::from(delimiter))).collect();
        let header = ["phone", "name", "city"].join(&char::from(delimiter).to_string());
        let file = format!("{header}\n{}\n", lines.join("\n"));
        let rows: Vec<Row> = AudienceReader::open(file.as_bytes(), Format::Csv, AudienceOptions::default())
            .expect("a file").collect::<Result<_, _>>().expect("rows");
        // Each line is what the csv crate reads of it alone, or a malformed row; no line is part of another one's row.
        let kept: Vec<_> = damages.iter().zip(&lines).enumerate().filter(|(_, (damage, _))| **damage != Damage::Blank).collect();
        prop_assert_eq!(rows.len(), kept.len(), "{}", file);
        for (row, (place, (damage, line))) in rows.iter().zip(kept) {
            match row {
                Row::Malformed(row) => {
                    prop_assert_eq!(row.line, place as u64 + 2);
                    prop_assert!(!matches!(damage, Damage::None | Damage::Short | Damage::Padded), "{}", row.detail);
                }
                Row::Read(row) => {
                    prop_assert_eq!(row.line, place as u64 + 2);
                    prop_assert!(!matches!(damage, Damage::Long | Damage::TextAfterQuote), "{}", line);
                    let mut alone = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(line.as_bytes());
                    let cells = alone.records().next().expect("a record").expect("text");
                    prop_assert_eq!(row.phone.as_str(), &cells[0]);
                    for (name, column) in [("name", 1), ("city", 2)] {
                        prop_assert_eq!(row.variables.find(name).unwrap_or(""), cells.get(column).unwrap_or(""));
                    }
                }
            }
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
