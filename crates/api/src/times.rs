//! Times in requests: one parser for every field that takes one, so that both databases hold what is accepted and every answer can be
//! written as RFC 3339 again.

use chrono::{DateTime, Datelike, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, de};

/// The years that four digits write (RFC 3339, 5.6), in UTC, whatever zone a time is written in. PostgreSQL holds more of them, and
/// SQLite, which holds numbers, as many as fit; neither holds fewer.
const YEARS: std::ops::RangeInclusive<i32> = 0..=9999;

/// A time in a request, in microseconds: what is finer no database keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) DateTime<Utc>);

impl Time {
    fn parse(text: &str) -> Result<Self, String> {
        let refused = |why: &str| {
            format!("{text:?} {why}; write a time with its zone as RFC 3339 has it, for example 2026-01-05T08:00:00Z")
        };
        let at = DateTime::parse_from_rfc3339(text).map_err(|error| refused(&format!("is not a time ({error})")))?;
        let at = at.to_utc();
        if YEARS.contains(&at.year()) {
            Ok(Self(at.trunc_subsecs(6)))
        } else {
            Err(refused("lies outside of the years 0000 to 9999 in UTC"))
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// The time of a field that may be absent.
pub(crate) fn at(time: Option<Time>) -> Option<DateTime<Utc>> {
    time.map(|Time(at)| at)
}

#[cfg(test)]
mod tests {
    use super::Time;

    fn parsed(text: &str) -> Result<String, String> {
        Time::parse(text).map(|Time(at)| at.to_rfc3339())
    }

    #[test]
    fn the_years_that_four_digits_write_in_utc_are_taken() {
        for (text, read) in [
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00+00:00"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
            ("0000-01-01T00:30:00-01:00", "0000-01-01T01:30:00+00:00"),
            ("2026-01-05T08:00:00.123456789+02:00", "2026-01-05T06:00:00.123456+00:00"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999+00:00"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(read), "{text}");
        }
        for text in ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"] {
            assert!(parsed(text).unwrap_err().contains("0000 to 9999"), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_an_example() {
        for text in [
            "",
            "now",
            "2026-01-05",
            "2026-01-05T08:00:00",
            "+10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-05T08:00:00+25:00",
            "1767600000",
        ] {
            assert!(parsed(text).unwrap_err().contains("for example 2026"), "{text}");
        }
    }
}
