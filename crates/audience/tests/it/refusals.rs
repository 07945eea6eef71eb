//! Files that are refused as a whole: each message says what was found and what to do.

use insta::assert_snapshot;
use paceline_audience::{AudienceOptions, AudienceReader, AudienceRefusal, Format};

use super::read;

fn refusal(bytes: &[u8], format: Format) -> String {
    match read(bytes, format, AudienceOptions::default()) {
        Ok(rows) => panic!("not refused: {rows:?}"),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn an_empty_file_is_refused() {
    for file in ["", "\u{FEFF}", " \r\n\n"] {
        for format in [Format::Csv, Format::Ndjson, Format::JsonArray] {
            assert_eq!(
                refusal(file.as_bytes(), format),
                "the file is empty; it needs a header with a phone column and one row per recipient"
            );
        }
    }
}

#[test]
fn files_of_other_kinds_are_refused_by_name() {
    assert_snapshot!(refusal(b"PK\x03\x04\x14\x00\x06\x00", Format::Csv), @"the file is a spreadsheet or another ZIP archive, not text; export it as CSV (UTF-8) and send that");
    assert_snapshot!(refusal(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", Format::JsonArray), @"the file is a PNG picture, not text; send CSV, NDJSON or a JSON array");
    assert_snapshot!(refusal(b"phone,name\n1,\x00\n", Format::Csv), @"the file is binary (it holds NUL bytes), not text; send CSV, NDJSON or a JSON array");
}

#[test]
fn text_whose_characters_straddle_the_probe_is_text() {
    let file = format!("phone,name\n1,{}\n", "é".repeat(8 * 1024));
    for shift in 0..2 {
        let file = file.replace("phone,name", &format!("phone,name{}", "x".repeat(shift)));
        assert_eq!(read(file.as_bytes(), Format::Csv, AudienceOptions::default()).expect("a file").len(), 1);
    }
}

#[test]
fn a_csv_file_without_a_phone_column_names_what_it_has() {
    assert_snapshot!(refusal(b"name;mobile\nAna;1\n", Format::Csv), @r#"no column is called "phone"; the first row has the columns "name", "mobile"; name the phone column with --phone-column (phone_column in the API)"#);
    assert_snapshot!(refusal(b"+5511999998888,Ana\n", Format::Csv), @r#"no column is called "phone"; the first row has the columns "+551••••••••••", "Ana", which looks like data rather than names; name the phone column with --phone-column (phone_column in the API), or put a row of column names first"#);
    let many: Vec<_> = (0..30).map(|number| format!("column{number}")).collect();
    let message = refusal(many.join(",").as_bytes(), Format::Csv);
    assert!(message.contains("\"column19\" and 10 more;"), "{message}");
    let long = "x".repeat(500);
    let message = refusal(format!("{long},y\n").as_bytes(), Format::Csv);
    assert!(message.contains(&format!("\"{}…\", \"y\"", "x".repeat(40))), "{message}");
}

#[test]
fn headers_that_cannot_be_told_apart_are_refused() {
    assert_snapshot!(refusal(b"phone,name, name \n", Format::Csv), @r#"columns 2 and 3 are both called "name"; rename one, so that a template can say which it means"#);
    assert_snapshot!(refusal(b"phone,PHONE\n", Format::Csv), @r#"columns 1 and 2 are both called "PHONE"; rename one, so that a template can say which it means"#);
    let many: Vec<_> = (0..256).map(|number| format!("c{number}")).collect();
    assert_snapshot!(refusal(format!("phone,{}\n", many.join(",")).as_bytes(), Format::Csv), @"the header has 257 columns; the limit is 256: leave out those that the template does not use");
    let long = format!("phone,{}\n", "x".repeat(70_000));
    assert_snapshot!(refusal(long.as_bytes(), Format::Csv), @"the header row does not end within 65536 bytes; check that the first line is a row of column names and that its quotes are closed");
}

#[test]
fn a_file_over_the_limit_of_rows_is_refused_when_the_limit_is_passed() {
    let options = AudienceOptions { max_rows: 2, ..AudienceOptions::default() };
    assert_eq!(read(b"phone\n1\n2\n", Format::Csv, options.clone()).expect("two rows").len(), 2);
    let mut reader = AudienceReader::open(&b"phone\n1\n2\n3\n4\n"[..], Format::Csv, options).expect("a file");
    assert!(reader.by_ref().take(2).all(|row| row.is_ok()));
    let refusal = reader.next().expect("an item").expect_err("a refusal");
    assert_snapshot!(refusal, @"the file has more than 2 rows; split it and send the parts one after the other");
    assert!(reader.next().is_none());
}

#[test]
fn json_that_is_no_array_or_is_cut_off_is_refused() {
    assert_snapshot!(refusal(b"{\"recipients\": []}", Format::JsonArray), @r#"expected a JSON array of {"phone": …, "variables": {…}}, but the file begins with '{'; begin with "[", or send one object a line as application/x-ndjson"#);
    assert_snapshot!(refusal(b"[{\"phone\":\"1\"},\n{\"phone\":\"2\"", Format::JsonArray), @"the JSON array ends inside the element that begins on line 2; check that the file is complete");
    assert_snapshot!(refusal(b"[{\"phone\":\"1\"},\n", Format::JsonArray), @"the JSON array ends inside the element that begins on line 2; check that the file is complete");
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_is_refused() {
    struct Broken(bool);
    impl std::io::Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("connection lost"));
            }
            buffer[..12].copy_from_slice(b"phone\n1\n2\n3,");
            Ok(12)
        }
    }
    let opened = AudienceReader::open(Broken(false), Format::Csv, AudienceOptions::default());
    assert!(matches!(opened, Err(AudienceRefusal::Unreadable(_))));
}
