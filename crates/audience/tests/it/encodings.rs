//! Files in the encodings that programs save in.

use insta::assert_snapshot;
use paceline_audience::{AudienceOptions, AudienceReader, AudienceRefusal, Format, Region, Row};

use super::shown;

/// The rows and the encoding of a file.
fn read(bytes: &[u8], options: AudienceOptions) -> Result<(String, &'static str), AudienceRefusal> {
    let mut reader = AudienceReader::open(bytes, Format::Csv, options)?;
    let rows: Vec<Row> = reader.by_ref().collect::<Result<_, _>>()?;
    Ok((shown(&rows), reader.encoding()))
}

fn plain(bytes: &[u8]) -> Result<(String, &'static str), AudienceRefusal> {
    read(bytes, AudienceOptions::default())
}

fn declared(bytes: &[u8], charset: &str) -> Result<(String, &'static str), AudienceRefusal> {
    read(bytes, AudienceOptions { charset: Some(charset.to_owned()), ..AudienceOptions::default() })
}

fn encoded(text: &str, encoding: &'static encoding_rs::Encoding) -> Vec<u8> {
    encoding.encode(text).0.into_owned()
}

const PEOPLE: &str = "phone,name\n1,Jürgen Müller\n2,Ana\n3,Zoë Größe\n4,François Lefèvre\n";

#[test]
fn utf_8_is_utf_8() {
    let (rows, encoding) = plain(PEOPLE.as_bytes()).expect("a file");
    assert_eq!(encoding, "UTF-8");
    assert!(rows.contains("Jürgen Müller"), "{rows}");
    assert_eq!(declared(PEOPLE.as_bytes(), "UTF-8").expect("a file").0, rows);
    assert!(declared("\u{FEFF}".as_bytes(), "windows-1252").is_err(), "empty but for its mark");
}

#[test]
fn windows_1252_is_found_by_its_letters_and_told() {
    let (rows, encoding) = plain(&encoded(PEOPLE, encoding_rs::WINDOWS_1252)).expect("a file");
    assert_eq!((rows, encoding), (plain(PEOPLE.as_bytes()).expect("a file").0, "windows-1252"));
    // The letter that shows it stands far behind what is looked at first.
    let long = format!("phone,name\n{}", "1,Ana\n".repeat(60_000)) + "2,Jürgen\n";
    let (rows, encoding) = plain(&encoded(&long, encoding_rs::WINDOWS_1252)).expect("a file");
    assert_eq!(encoding, "windows-1252");
    assert!(rows.ends_with("{\"name\":\"Jürgen\"}"));
}

#[test]
fn its_relatives_are_found_too() {
    for (text, encoding, region) in [
        ("phone,имя\n1,Анна Петрова\n2,Борис Кузнецов\n3,Мария Иванова\n", encoding_rs::WINDOWS_1251, "RU"),
        (
            "phone,imię\n1,Łukasz Wiśniewski\n2,Małgorzata Żółć\n3,Świętosława Dąbrowska\n",
            encoding_rs::WINDOWS_1250,
            "PL",
        ),
        ("phone,isim\n1,Işıl Şahin\n2,Çağrı Yıldız\n3,Gülşen Öztürk\n", encoding_rs::WINDOWS_1254, "TR"),
    ] {
        let region = Region::parse(region).ok();
        let found = read(&encoded(text, encoding), AudienceOptions { region, ..AudienceOptions::default() });
        assert_eq!(found.expect("a file"), (plain(text.as_bytes()).expect("a file").0, encoding.name()));
    }
}

#[test]
fn a_declared_charset_is_used_and_a_mark_goes_before_it() {
    let greek = "phone,όνομα\n1,Ελένη\n";
    let expected = plain(greek.as_bytes()).expect("a file").0;
    assert_eq!(declared(&encoded(greek, encoding_rs::ISO_8859_7), "iso-8859-7").expect("a file").0, expected);
    assert_eq!(declared(&encoded(PEOPLE, encoding_rs::WINDOWS_1252), "latin1").expect("a file").1, "windows-1252");
    assert_eq!(declared(format!("\u{FEFF}{greek}").as_bytes(), "iso-8859-7").expect("a file").0, expected);
    let utf_16 =
        |to_bytes: fn(u16) -> [u8; 2]| format!("\u{FEFF}{greek}").encode_utf16().flat_map(to_bytes).collect::<Vec<_>>();
    assert_eq!(plain(&utf_16(u16::to_le_bytes)).expect("a file"), (expected.clone(), "UTF-16LE"));
    assert_eq!(plain(&utf_16(u16::to_be_bytes)).expect("a file"), (expected, "UTF-16BE"));
    assert_snapshot!(declared(b"phone\n", "klingon").unwrap_err(), @r#""klingon" is not a charset; name the one that the file was saved in, such as utf-8 or windows-1252"#);
    assert_snapshot!(declared(b"phone,name\n1,Ana\n2,Jos\xE9\n", "utf-8").unwrap_err(), @"line 3 is not UTF-8; save the file as UTF-8, or name the charset that it was saved in");
}

#[test]
fn a_file_that_contradicts_itself_is_refused_whole() {
    let mut mixed = PEOPLE.as_bytes().to_vec();
    mixed.extend(b"5,Jos\xE9\n6,Bo\n");
    assert_snapshot!(plain(&mixed).unwrap_err(), @"line 6 is in another encoding than the lines before it; save the whole file as UTF-8, or name the charset that it was saved in");
    let mut mixed = encoded(PEOPLE, encoding_rs::WINDOWS_1252);
    mixed.extend("5,José\n".as_bytes());
    assert_snapshot!(plain(&mixed).unwrap_err(), @"line 6 is in another encoding than the lines before it; save the whole file as UTF-8, or name the charset that it was saved in");
    let japanese = encoded("phone,名前\n1,田中さくら\n2,鈴木一郎\n3,山田花子\n", encoding_rs::SHIFT_JIS);
    assert_snapshot!(plain(&japanese).unwrap_err(), @"the file is not UTF-8, and its encoding cannot be told for sure (it may be Shift_JIS); save it as UTF-8, or name the charset that it was saved in");
    assert!(declared(&japanese, "shift_jis").expect("a file").0.contains("田中さくら"));
    assert!(plain(b"phone,name\n1,Jos\xC3").is_err(), "cut within a letter");
}

#[test]
fn small_reads_make_no_difference() {
    struct Drip<'b>(&'b [u8]);
    impl std::io::Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }
    for bytes in
        [PEOPLE.as_bytes().to_vec(), encoded(PEOPLE, encoding_rs::WINDOWS_1252), [PEOPLE.as_bytes(), b"\x1A"].concat()]
    {
        let reader = AudienceReader::open(Drip(&bytes), Format::Csv, AudienceOptions::default()).expect("a file");
        let rows: Vec<Row> = reader.collect::<Result<_, _>>().expect("rows");
        assert_eq!(shown(&rows), plain(PEOPLE.as_bytes()).expect("a file").0);
    }
}
