//! Rows of NDJSON files and JSON arrays.

use insta::assert_snapshot;
use paceline_audience::{AudienceOptions, AudienceReader, Format};

use super::{read, shown};

fn shown_ndjson(text: &str) -> String {
    shown(&read(text.as_bytes(), Format::Ndjson, AudienceOptions::default()).expect("the file is not refused"))
}

fn shown_array(text: &str) -> String {
    shown(&read(text.as_bytes(), Format::JsonArray, AudienceOptions::default()).expect("the file is not refused"))
}

const ROWS: &str = r#"{"phone": "+1", "variables": {"name": "Ana", "n": 1.50, "vip": true, "gone": null}}"#;

#[test]
fn numbers_and_booleans_become_their_text_and_null_is_missing() {
    let expected = r#"1 @1 "+1" {"name":"Ana","n":"1.50","vip":"true"}"#;
    assert_eq!(shown_ndjson(ROWS), expected);
    assert_eq!(shown_array(&format!("[{ROWS}]")), expected);
    assert_snapshot!(shown_ndjson("{\"phone\": 5511999998888}"), @r#"1 @1 "5511999998888" {}"#);
    assert_snapshot!(shown_ndjson("{\"phone\": \"1\", \"variables\": null}"), @r#"1 @1 "1" {}"#);
}

#[test]
fn blank_lines_are_no_rows() {
    assert_snapshot!(shown_ndjson("\u{FEFF}\n{\"phone\":\"1\"}\r\n\r\n  \n{\"phone\":\"2\"}"), @r#"
    1 @2 "1" {}
    2 @5 "2" {}
    "#);
}

#[test]
fn a_bad_row_says_what_is_wrong_and_the_rest_is_read() {
    let file = [
        r#"{"phone": "1"}"#,
        r#"{"phone": "2", "#,
        r#"{"variables": {"name": "x"}}"#,
        r#"{"phone": null}"#,
        r#"{"phone": ["3"]}"#,
        r#"{"phone": "3", "name": "x"}"#,
        r#"{"phone": "3", "phone": "4"}"#,
        r#"{"phone": "3", "variables": ["x"]}"#,
        r#"{"phone": "3", "variables": {"a": {"b": 1}}}"#,
        r#"{"phone": "3", "variables": {"a": 1, "a": 2}}"#,
        r#"{"phone": "3", "variables": {"a": "\u0000"}}"#,
        r#"{"phone": "3"} x"#,
        r#"["3"]"#,
        r#"{"+5511999998888": 1}"#,
        r#"{"phone": "9"}"#,
    ];
    assert_snapshot!(shown_ndjson(&file.join("\n")), @r#"
    1 @1 "1" {}
    2 @2 malformed: the row is not JSON: EOF while parsing a value at character 15
    3 @3 malformed: the row has no "phone"
    4 @4 malformed: the row has no "phone"
    5 @5 malformed: phone must be a string, a number or a boolean, not a nested value
    6 @6 malformed: unknown field "name"; a row has phone and variables
    7 @7 malformed: the field "phone" stands twice
    8 @8 malformed: variables must be an object
    9 @9 malformed: variables: "a" must be a string, a number or a boolean, not a nested value
    10 @10 malformed: variables: "a" stands twice
    11 @11 malformed: variables: "a" holds a NUL character
    12 @12 malformed: the row is not JSON: trailing characters at character 16
    13 @13 malformed: expected a JSON object {"phone": …, "variables": {…}}
    14 @14 malformed: unknown field "+551••••••••••"; a row has phone and variables
    15 @15 "9" {}
    "#);
    // The same rows as elements of an array end the same way, but for those that break the array itself.
    let details = |shown: String| -> Vec<String> {
        shown.lines().map(|line| line.splitn(3, ' ').last().unwrap_or_default().to_owned()).collect()
    };
    let rows: Vec<_> = file.into_iter().filter(|row| row.ends_with([']', '}'])).collect();
    assert_eq!(details(shown_array(&format!("[{}]", rows.join(",")))), details(shown_ndjson(&rows.join("\n"))));
}

#[test]
fn an_array_tells_lines_and_passes_over_broken_elements() {
    let file = "[\n  {\"phone\": \"1\", \"variables\": {\"a\": \"x]},{\\\"\"}},\n  nonsense, {\"phone\": }\n, {\"phone\":\n\"2\"}\n {\"phone\":\"3\"}, {\"phone\":\"4\"} ]\n";
    assert_snapshot!(shown_array(file), @r#"
    1 @2 "1" {"a":"x]},{\""}
    2 @3 malformed: expected a JSON object {"phone": …, "variables": {…}}
    3 @3 malformed: the row is not JSON: expected value at character 11
    4 @4 "2" {}
    5 @6 malformed: a comma is missing before this element
    6 @6 "4" {}
    "#);
    assert_eq!(shown_array(" [ ] "), "");
    assert_snapshot!(shown_array("[{\"phone\":\"1\"}] {\"phone\":\"2\"}"), @r#"
    1 @1 "1" {}
    2 @1 malformed: text follows the end of the array and is not read
    "#);
}

#[test]
fn a_row_over_the_limit_is_malformed_and_the_rest_is_read() {
    let long = format!(r#"{{"phone": "1", "variables": {{"a": "{}"}}}}"#, "x".repeat(300_000));
    let options = AudienceOptions { max_row_bytes: 100, ..AudienceOptions::default() };
    let lines = format!("{long}\n{{\"phone\":\"2\"}}");
    let rows = read(lines.as_bytes(), Format::Ndjson, options.clone()).expect("a file");
    assert_snapshot!(shown(&rows), @r#"
    1 @1 malformed: the line is longer than 100 bytes
    2 @2 "2" {}
    "#);
    let array = format!("[{long},{{\"phone\":\"2\"}}]");
    let rows = read(array.as_bytes(), Format::JsonArray, options).expect("a file");
    assert_snapshot!(shown(&rows), @r#"
    1 @1 malformed: the element is longer than 100 bytes
    2 @1 "2" {}
    "#);
}

#[test]
fn columns_are_those_seen_so_far_and_at_most_256() {
    let row = |number| format!("{{\"phone\":\"1\",\"variables\":{{\"v{number}\":1}}}}");
    let file: Vec<String> = (0..300).map(row).collect();
    let file = file.join("\n");
    let mut reader = AudienceReader::open(file.as_bytes(), Format::Ndjson, AudienceOptions::default()).expect("a file");
    assert!(reader.columns().is_empty());
    let rows: Vec<_> = reader.by_ref().collect::<Result<_, _>>().expect("rows");
    assert_eq!(reader.columns().len(), 256);
    assert_eq!(reader.columns()[..2].iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["v0", "v1"]);
    assert_snapshot!(shown(&rows[256..257]), @"257 @257 malformed: with this row the file would have more than 256 different variables");
}

#[test]
fn the_format_is_found_by_type_name_or_first_bytes() {
    assert_eq!(Format::detect(Some("text/csv; charset=utf-8"), b"[1"), Format::Csv);
    assert_eq!(Format::detect(Some("application/x-ndjson"), b""), Format::Ndjson);
    assert_eq!(Format::detect(Some("application/json"), b" [{}]"), Format::JsonArray);
    assert_eq!(Format::detect(Some("application/json"), b"{\"phone\""), Format::Ndjson);
    assert_eq!(Format::detect(Some("application/octet-stream"), b"\xEF\xBB\xBF\n{"), Format::Ndjson);
    assert_eq!(Format::detect(None, b"phone,name"), Format::Csv);
    assert_eq!(Format::from_file_name("people.CSV"), Some(Format::Csv));
    assert_eq!(Format::from_file_name("people.jsonl"), Some(Format::Ndjson));
    assert_eq!(Format::from_file_name("people"), None);
}
