//! Rows, phones and renderings per second on one core.
//!
//! `cargo run --release -p paceline-audience --example audience_throughput`

#![expect(clippy::print_stdout, reason = "a measurement is for reading")]
#![expect(clippy::disallowed_methods, reason = "a measurement takes the real time")]

use std::{fmt::Write as _, hint::black_box, time::Instant};

use paceline_audience::{AudienceOptions, AudienceReader, Format, Row, Template, Variables, VariantKey, parse_phone};
use paceline_domain::{AddressHash, CampaignId};

const ROWS: u32 = 200_000;

/// Beginnings of mobile numbers of many countries; seven digits follow.
const COUNTRIES: &[&str] = &[
    "+55119", "+1415", "+447911", "+49151", "+91987", "+62812", "+5255", "+234803", "+336", "+39347", "+346", "+9053",
    "+20100", "+9665", "+7912", "+8190", "+8210", "+6591", "+614", "+2782", "+573", "+569", "+549114", "+486", "+316",
];

fn main() {
    measure("phones, one country", || count_phones(&["+55119"]));
    measure("phones, 25 countries", || count_phones(COUNTRIES));
    measure("phones, 25 countries, by the phonenumber crate", || count_phones_by_crate(2_000));
    let csv = csv_file();
    measure("CSV rows with their phones", || count_rows(csv.as_bytes(), Format::Csv));
    let ndjson = ndjson_file();
    measure("NDJSON rows with their phones", || count_rows(ndjson.as_bytes(), Format::Ndjson));
    measure("renderings", count_renderings);
}

fn measure(what: &str, work: impl Fn() -> u32) {
    work();
    let start = Instant::now();
    let count = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.0} a second", f64::from(count) / seconds);
}

fn number(countries: &[&str], row: u32) -> String {
    let country = countries[row as usize % countries.len()];
    format!("{country}{:07}", (u64::from(row) * 7_919 + 2_345_678) % 10_000_000)
}

fn count_phones(countries: &[&str]) -> u32 {
    for row in 0..ROWS {
        let _ = black_box(parse_phone(&number(countries, row), None));
    }
    ROWS
}

fn count_phones_by_crate(rows: u32) -> u32 {
    for row in 0..rows {
        let _ = black_box(phonenumber::parse(None, number(COUNTRIES, row)).map(|phone| phone.is_valid()));
    }
    rows
}

fn csv_file() -> String {
    let mut file = "phone,name,city,order\n".to_owned();
    for row in 0..ROWS {
        let _ = writeln!(file, "{},Ana Souza,\"São Paulo, SP\",A-{row}", number(COUNTRIES, row));
    }
    file
}

fn ndjson_file() -> String {
    let mut file = String::new();
    for row in 0..ROWS {
        let phone = number(COUNTRIES, row);
        let _ = writeln!(
            file,
            r#"{{"phone":"{phone}","variables":{{"name":"Ana Souza","city":"São Paulo","order":{row}}}}}"#
        );
    }
    file
}

fn count_rows(file: &[u8], format: Format) -> u32 {
    let reader = AudienceReader::open(file, format, AudienceOptions::default()).expect("an audience");
    for row in reader {
        if let Row::Read(row) = row.expect("no refusal") {
            let _ = black_box((parse_phone(&row.phone, None), row.variables.to_json()));
        }
    }
    ROWS
}

fn count_renderings() -> u32 {
    let source = "{Hi|Hello|Hey} {{ name }}, your order {{ order }} is ready in {{ city | default(\"our shop\") }}.";
    let template = Template::parse(source).expect("a template");
    let stored = r#"{"name":"Ana Souza","city":"São Paulo","order":"A-1234"}"#;
    for row in 0..ROWS {
        let mut address = [0; 16];
        address[..4].copy_from_slice(&row.to_be_bytes());
        let key = VariantKey::new(CampaignId::from_bytes([1; 16]), AddressHash::from_bytes(address));
        let variables = Variables::from_json(stored).expect("variables");
        let _ = black_box(template.render(&variables, key));
    }
    ROWS
}
