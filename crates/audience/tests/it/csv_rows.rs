//! Rows of CSV files as people export them.

use insta::assert_snapshot;
use paceline_audience::{AudienceOptions, AudienceReader, Format, Row};

use super::{read, shown, shown_csv};

#[test]
fn columns_beside_the_phone_are_variables() {
    assert_snapshot!(shown_csv("name,phone,city\nAna,+5511999998888,São Paulo\n"), @r#"1 @2 "+5511999998888" {"name":"Ana","city":"São Paulo"}"#);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_make_no_difference() {
    assert_snapshot!(shown_csv("\u{FEFF}phone,name\r\n1,Ana\r\n\r\n2,Bo\r\n"), @r#"
    1 @2 "1" {"name":"Ana"}
    2 @4 "2" {"name":"Bo"}
    "#);
}

#[test]
fn the_delimiter_is_found_in_the_header_and_quotes_are_respected() {
    let expected = shown_csv("phone,\"last, first\"\n1,x\n");
    assert_eq!(shown_csv("phone;\"last, first\"\n1;x\n"), expected);
    assert_eq!(shown_csv("phone\t\"last, first\"\n1\tx\n"), expected);
    // The delimiter under which there is a phone column wins over the one that occurs more often.
    assert_snapshot!(shown_csv("phone;a,b,c,d\n1;x\n"), @r#"1 @2 "1" {"a,b,c,d":"x"}"#);
    assert_snapshot!(shown_csv("phone\n1\n"), @r#"1 @2 "1" {}"#);
}

#[test]
fn values_keep_quotes_commas_and_line_breaks() {
    assert_snapshot!(shown_csv("phone,note\n1,\"a \"\"b\"\", c\nd\"\n2,x\n"), @r#"
    1 @2 "1" {"note":"a \"b\", c\nd"}
    2 @4 "2" {"note":"x"}
    "#);
}

#[test]
fn a_blank_cell_is_a_variable_that_the_row_does_not_have() {
    assert_snapshot!(shown_csv("phone,a,b\n1,,  \n,x,y\n"), @r#"
    1 @2 "1" {}
    2 @3 "" {"a":"x","b":"y"}
    "#);
}

#[test]
fn the_phone_column_is_found_without_regard_to_case_or_named() {
    assert_snapshot!(shown_csv(" Phone ,name\n1,Ana\n"), @r#"1 @2 "1" {"name":"Ana"}"#);
    let options = AudienceOptions { phone_column: Some("celular".to_owned()), ..AudienceOptions::default() };
    let rows = read("phone;Celular\nx;2\n".as_bytes(), Format::Csv, options).expect("a file");
    assert_snapshot!(shown(&rows), @r#"1 @2 "2" {"phone":"x"}"#);
}

#[test]
fn columns_are_known_at_once_and_those_without_a_name_are_left_out() {
    let reader = AudienceReader::open("phone, b ,,a,\n".as_bytes(), Format::Csv, AudienceOptions::default());
    let mut reader = reader.expect("a file");
    assert_eq!(reader.columns().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["b", "a"]);
    assert!(reader.next().is_none(), "a header alone is a file without rows");
}

#[test]
fn a_row_with_another_number_of_values_is_malformed_and_the_rest_is_read() {
    assert_snapshot!(shown_csv("phone,name\n1\n2,Bo\n3,Cy,x\n4,\"a\nb\",c\n5,Di\n"), @r#"
    1 @2 malformed: expected 2 values as in the header, found 1
    2 @3 "2" {"name":"Bo"}
    3 @4 malformed: expected 2 values as in the header, found 3
    4 @5 malformed: expected 2 values as in the header, found 3 on lines 5 to 6
    5 @7 "5" {"name":"Di"}
    "#);
}

#[test]
fn a_quote_that_is_never_closed_costs_one_row() {
    assert_snapshot!(shown_csv("phone,name\n1,\"Ana\n2,Bo\n3,Cy\n"), @r#"
    1 @2 malformed: a quote that is opened on line 2 is never closed
    2 @3 "2" {"name":"Bo"}
    3 @4 "3" {"name":"Cy"}
    "#);
}

#[test]
fn a_row_that_is_not_utf_8_or_holds_nul_is_malformed() {
    let mut file = b"phone,name\n1,Ana\n2,Jos\xE9\n3,Cy\n4,Di\n".to_vec();
    file.extend(b"5,x\n".repeat(3000));
    file.extend(b"6,a\0b\n");
    let rows = read(&file, Format::Csv, AudienceOptions::default()).expect("a file");
    assert_eq!(rows.len(), 3005);
    assert_snapshot!(shown(&rows[..3]), @r#"
    1 @2 "1" {"name":"Ana"}
    2 @3 malformed: column "name" is not UTF-8; save the file as UTF-8
    3 @4 "3" {"name":"Cy"}
    "#);
    assert_snapshot!(shown(&rows[3004..]), @"3005 @3006 malformed: the row holds a NUL character");
}

#[test]
fn a_row_over_the_limit_is_malformed_and_the_rest_is_read() {
    let options = AudienceOptions { max_row_bytes: 40, ..AudienceOptions::default() };
    let long = "x".repeat(200_000);
    let file = format!("phone,name\n1,{long}\n2,Bo\n3,\"{long}\n4,Di\n5,\"{long}\"\n6,Ed\n");
    let rows = read(file.as_bytes(), Format::Csv, options).expect("a file");
    assert_snapshot!(shown(&rows), @r#"
    1 @2 malformed: the row is longer than 40 bytes
    2 @3 "2" {"name":"Bo"}
    3 @4 malformed: a quote that is opened on line 4 is never closed
    4 @5 "4" {"name":"Di"}
    5 @6 malformed: a quote that is opened on line 6 is never closed
    6 @7 "6" {"name":"Ed"}
    "#);
}

#[test]
fn a_reader_that_hands_out_single_bytes_reads_the_same() {
    struct Drip<'b>(&'b [u8]);
    impl std::io::Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }
    let text = "phone,note\r\n1,\"a\r\nb\"\r\n2\r\n3,\"x\"\"\"\r\n";
    let reader = AudienceReader::open(Drip(text.as_bytes()), Format::Csv, AudienceOptions::default());
    let rows: Vec<Row> = reader.expect("a file").collect::<Result<_, _>>().expect("rows");
    assert_eq!(shown(&rows), shown_csv(text));
    assert_snapshot!(shown(&rows), @r#"
    1 @2 "1" {"note":"a\r\nb"}
    2 @4 malformed: expected 2 values as in the header, found 1
    3 @5 "3" {"note":"x\""}
    "#);
}
