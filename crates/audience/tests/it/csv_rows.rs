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
    assert_snapshot!(shown_csv("phone,a,b\n1,,  \n,x,y\n2,\u{200B},\u{A0}\n"), @r#"
    1 @2 "1" {}
    2 @3 "" {"a":"x","b":"y"}
    3 @4 "2" {}
    "#);
}

#[test]
fn blank_cells_at_the_end_may_be_missing_or_too_many_and_blank_rows_are_none() {
    assert_snapshot!(shown_csv("phone,name,city,note\n1,Ana,Bonn,x\n2,Bo\n,,,\n \n;\n3,Cy,Rom,,,\n\"\",\u{200B}\n4,Di,,,,x\n"), @r#"
    1 @2 "1" {"name":"Ana","city":"Bonn","note":"x"}
    2 @3 "2" {"name":"Bo"}
    3 @6 ";" {}
    4 @7 "3" {"name":"Cy","city":"Rom"}
    5 @9 malformed: expected 4 values as in the header, found 6
    "#);
}

#[test]
fn a_first_line_names_the_delimiter() {
    assert_snapshot!(shown_csv("\u{FEFF}sep=;\r\nphone;a,b\r\n1;x\r\n"), @r#"1 @3 "1" {"a,b":"x"}"#);
    assert_snapshot!(shown_csv("SEP=|\nphone|name\n1|Ana\n"), @r#"1 @3 "1" {"name":"Ana"}"#);
    assert_snapshot!(shown_csv("\"sep=\t\"\nphone\tname\n1\tAna\n"), @r#"1 @3 "1" {"name":"Ana"}"#);
    for line in ["sep=", "sep=ab", "sep=x", "sep=\"\""] {
        let refused = read(format!("{line}\nphone\n1\n").as_bytes(), Format::Csv, AudienceOptions::default());
        assert!(refused.expect_err(line).to_string().starts_with("the line sep= names"), "{line}");
    }
}

#[test]
fn what_spreadsheets_wrap_around_texts_is_taken_off() {
    assert_snapshot!(shown_csv("=\"phone\",=\"name\",code\n=\"+4915112345678\",\"Anna\",=\"007\"\n\"=\"\"+4915112345679\"\"\",Bob,\"=\"\"a \"\"\"\"b\"\"\"\"\"\"\"\n'+4915112345680,=1+1,=\"a\"&\"b\"\n"), @r#"
    1 @2 "+4915112345678" {"name":"Anna","code":"007"}
    2 @3 "+4915112345679" {"name":"Bob","code":"a \"b\""}
    3 @4 "+4915112345680" {"name":"=1+1","code":"=\"a\"&\"b\""}
    "#);
}

#[test]
fn marks_at_either_end_of_the_file_are_nobodys() {
    assert_snapshot!(shown_csv("\u{FEFF}\u{FEFF}phone,name\n1,Ana\n\u{1A}"), @r#"1 @2 "1" {"name":"Ana"}"#);
    assert_snapshot!(shown_csv("phone,name\n1,A\u{1A}na\n2,Bo\u{1A}\u{1A}"), @r#"
    1 @2 "1" {"name":"A\u001ana"}
    2 @3 "2" {"name":"Bo"}
    "#);
}

#[test]
fn names_are_compared_as_they_are_seen() {
    assert_snapshot!(shown_csv("\u{200B}Phone\u{A0},cafe\u{301}\n1,x\n"), @r#"1 @2 "1" {"café":"x"}"#);
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
fn a_row_with_more_values_than_columns_is_malformed_and_the_rest_is_read() {
    assert_snapshot!(shown_csv("phone,name\n1\n2,Bo\n3,Cy,x\n4,\"a\nb\",c\n5,Di\n"), @r#"
    1 @2 "1" {}
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
fn text_after_a_closing_quote_costs_the_row_that_opens_it() {
    let file = "phone,name\n+4915112345678,\"Anna\n+4915112345679,Bob\n+4915112345680,\"Carl\n+4915112345681,Dora\n";
    assert_snapshot!(shown_csv(file), @r#"
    1 @2 malformed: text follows a closing quote (the value begins on line 2); write a quote within a value twice, and close each quote before the next delimiter
    2 @3 "+4915112345679" {"name":"Bob"}
    3 @4 malformed: a quote that is opened on line 4 is never closed
    4 @5 "+4915112345681" {"name":"Dora"}
    "#);
    assert_snapshot!(shown_csv("phone,name\n1,\"Ana\"x\n2,\"Bo\" \n3,5\" pipe\n"), @r#"
    1 @2 malformed: text follows a closing quote (the value begins on line 2); write a quote within a value twice, and close each quote before the next delimiter
    2 @3 "2" {"name":"Bo "}
    3 @4 "3" {"name":"5\" pipe"}
    "#);
}

#[test]
fn a_quote_that_swallows_rows_costs_the_row_that_opens_it() {
    assert_snapshot!(shown_csv("phone,name,city\n+4915112345678,\"Anna\n+4915112345679,Bob\n+4915112345680,Carl\",Bonn\n+4915112345681,Dora\n"), @r#"
    1 @2 malformed: a quote that is opened on line 2 runs over lines that look like rows; close it on its line, or write it twice
    2 @3 "+4915112345679" {"name":"Bob"}
    3 @4 "+4915112345680" {"name":"Carl\"","city":"Bonn"}
    4 @5 "+4915112345681" {"name":"Dora"}
    "#);
    assert_snapshot!(shown_csv("name;phone\n\"Anna;+4915112345678\nBob\";+4915112345679\n"), @r#"
    1 @2 malformed: a quote that is opened on line 2 runs over lines that look like rows; close it on its line, or write it twice
    2 @3 "+4915112345679" {"name":"Bob\""}
    "#);
    // A name of two lines, and an address with a number in it, are no rows.
    assert_snapshot!(shown_csv("name;phone\n\"Anna\nMaria\";+4915112345678\n"), @r#"1 @2 "+4915112345678" {"name":"Anna\nMaria"}"#);
    assert_snapshot!(shown_csv("phone,name,note\n+4915112345678,Anna,\"Main Street 5\n+49 151 12345679\nBonn\"\n"), @r#"1 @2 "+4915112345678" {"name":"Anna","note":"Main Street 5\n+49 151 12345679\nBonn"}"#);
}

#[test]
fn a_row_that_holds_nul_is_malformed() {
    let mut file = b"phone,name\n1,Ana\n2,Jo\n3,Cy\n4,Di\n".to_vec();
    file.extend(b"5,x\n".repeat(3000));
    file.extend(b"6,a\0b\n");
    let rows = read(&file, Format::Csv, AudienceOptions::default()).expect("a file");
    assert_eq!(rows.len(), 3005);
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
    2 @4 "2" {}
    3 @5 "3" {"note":"x\""}
    "#);
}
