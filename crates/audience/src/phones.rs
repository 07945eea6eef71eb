//! From what a person typed into a cell to a phone number in E.164.
//!
//! The rules are libphonenumber's, and so is the data, which the `phonenumber` crate carries. The crate's own `parse` and
//! `is_valid` are not called: they take one process-wide lock and recompile a regular expression for most numbers of a
//! file that spans many countries (the `throughput` example measures both), match prefixes where libphonenumber matches
//! whole numbers, and can panic. The tests hold the two against each other.

use std::borrow::Cow;

use paceline_domain::{Exclusion, PhoneNumber, canonical_digits};

mod plan;
mod written;

use plan::{CallingCode, Length, NumberingPlan, plans};
use written::Written;

/// Lengths of a national significant number that libphonenumber considers at all.
const NATIONAL_LENGTHS: std::ops::RangeInclusive<usize> = 2..=17;

/// A region whose numbers may be written without a country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region([u8; 2]);

/// The text is not a region that has telephone numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a region; expected two letters of ISO 3166-1, for example BR, DE or GB")]
pub struct UnknownRegion {
    /// The text found.
    pub found: String,
}

impl Region {
    /// Reads an ISO 3166-1 alpha-2 code, in capitals or not.
    ///
    /// # Errors
    /// When no numbering plan belongs to it.
    pub fn parse(text: &str) -> Result<Self, UnknownRegion> {
        let known = <[u8; 2]>::try_from(text.trim().as_bytes())
            .map(|letters| letters.map(|letter| letter.to_ascii_uppercase()))
            .ok()
            .filter(|letters| plans().find_region(*letters).is_some());
        known.map(Self).ok_or_else(|| UnknownRegion { found: text.chars().take(40).collect() })
    }

    /// The domain of the region's own pages: the two letters in small, but for the United Kingdom.
    pub(crate) fn top_level_domain(self) -> [u8; 2] {
        if &self.0 == b"GB" { *b"uk" } else { self.0.map(|letter| letter.to_ascii_lowercase()) }
    }

    /// The two letters, in capitals.
    pub fn as_str(&self) -> &str {
        // They are ASCII, or no plan would have been found for them.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Why a text is not a phone number. The text itself is never part of the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhone {
    /// There is nothing there.
    #[error("empty")]
    Empty,
    /// It holds characters that no phone number holds.
    #[error("not a number")]
    NotANumber,
    /// A spreadsheet calculated with it: a digit behind its point is none of a phone number.
    #[error("a number with decimals; format the column as text and export again")]
    Decimals,
    /// The cell holds more than one.
    #[error("more than one number; leave one in the cell")]
    Several,
    /// It is a number of two countries, and nothing says of which.
    #[error(
        "ambiguous: with and without a country code it is a number of different people; write it with a plus sign and its country code"
    )]
    Ambiguous,
    /// A spreadsheet shortened it, and digits are gone.
    #[error("scientific notation, as spreadsheets write long numbers; format the column as text and export again")]
    ScientificNotation,
    /// It names an extension behind a switchboard, which WhatsApp cannot reach.
    #[error("a number with an extension")]
    Extension,
    /// It is a national number and nothing says of which country.
    #[error("no country code and no default region")]
    NoCountryCode,
    /// Its first digits are no country's.
    #[error("no country has this country code")]
    UnknownCountryCode,
    /// Shorter than any number of its country.
    #[error("too short")]
    TooShort,
    /// Longer than any number of its country, or than E.164 allows.
    #[error("too long")]
    TooLong,
    /// No operator of its country was given such a number.
    #[error("not a valid number for its country")]
    NotValid,
}

impl From<InvalidPhone> for Exclusion {
    fn from(reason: InvalidPhone) -> Self {
        Self::InvalidPhone { detail: reason.to_string() }
    }
}

/// Reads a phone number as people write it: with spaces, dashes and parentheses, with `00` for `+`, in any script's
/// digits, after `tel:`. A number without a plus sign is one of `default_region`, or one with its country code and without the plus
/// sign; where it could be either, it is nobody's. What comes out is the canonical form, under which the person is known.
///
/// # Errors
/// When libphonenumber would not call it a valid number, or it could be meant in more than one way.
pub fn parse_phone(raw: &str, default_region: Option<Region>) -> Result<PhoneNumber, InvalidPhone> {
    let written = Written::read(raw)?;
    let digits = written.digits();
    if written.is_international() {
        return parse_international(digits.strip_prefix("00").unwrap_or(digits)).map(|reading| reading.phone);
    }
    let dialled_with_zeros = digits.strip_prefix("00");
    let Some(region) = default_region.and_then(|region| plans().find_region(region.0)) else {
        let reading = dialled_with_zeros.map_or(Err(InvalidPhone::NoCountryCode), parse_international);
        return reading.map(|reading| reading.phone);
    };
    // The region's own reading comes first: in a few regions, 00 begins a national number.
    let reading = parse_within(digits, region);
    reading.or_else(|refusal| dialled_with_zeros.map_or(Err(refusal), parse_international)).map(|reading| reading.phone)
}

/// A number and what kind it is.
struct Reading {
    phone: PhoneNumber,
    /// Whether it may be a mobile number, as most of WhatsApp are.
    mobile: bool,
}

/// Reads a number without a plus sign within a region: as it is dialled there, or with a country code whose plus sign is missing.
fn parse_within(digits: &str, region: (&CallingCode, &NumberingPlan)) -> Result<Reading, InvalidPhone> {
    let (code, plan) = region;
    let own = digits.strip_prefix(code.as_str());
    let dialled = match plan.strip_international_prefix(digits) {
        Some(abroad) => parse_international(abroad),
        None => finish(code, plan, digits),
    };
    match (dialled, parse_international(digits)) {
        (Ok(dialled), Ok(abroad)) if dialled.phone == abroad.phone => Ok(dialled),
        (Ok(dialled), Ok(abroad)) => match (dialled.mobile, abroad.mobile) {
            (true, false) => Ok(dialled),
            // Fixed lines are hardly ever written without their trunk prefix, and next to nobody has WhatsApp on one.
            (false, true) if own.is_some() => Ok(abroad),
            (false, false) if own.is_none() => Ok(dialled),
            _ => Err(InvalidPhone::Ambiguous),
        },
        // A digit is missing, or one is too many: as a whole it would be the fixed line of somebody else.
        (Ok(dialled), Err(_)) if !dialled.mobile && own.is_some_and(|own| plan.is_nearly_mobile(own)) => {
            Err(InvalidPhone::Ambiguous)
        }
        (Ok(dialled), Err(_)) => Ok(dialled),
        (Err(_), Ok(abroad)) => Ok(abroad),
        (Err(refusal), Err(_)) => Err(refusal),
    }
}

/// Reads a number that begins with its country code.
fn parse_international(digits: &str) -> Result<Reading, InvalidPhone> {
    if digits.len() <= *NATIONAL_LENGTHS.start() {
        return Err(InvalidPhone::TooShort);
    }
    let (code, national) = plans().split(digits).ok_or(InvalidPhone::UnknownCountryCode)?;
    finish(code, code.main(), national)
}

/// Strips the trunk prefix by the rules of `region`, brings the number into its canonical form, and asks every region of the calling
/// code whether it is theirs.
fn finish(code: &CallingCode, region: &NumberingPlan, national: &str) -> Result<Reading, InvalidPhone> {
    if !NATIONAL_LENGTHS.contains(&national.len()) {
        return Err(if national.len() < 2 { InvalidPhone::TooShort } else { InvalidPhone::TooLong });
    }
    if let Some(canonical) = canonical(code, national) {
        return judge(code, region, &canonical);
    }
    let mut significant = Cow::Borrowed(national);
    let stripped = region.strip_national_prefix(national);
    if matches!(region.length(&stripped), Length::Possible | Length::TooLong) {
        significant = stripped;
    }
    let canonical = canonical(code, &significant).map_or(significant, Cow::Owned);
    judge(code, region, &canonical)
}

/// The canonical form of a number that is written in another one, without its calling code.
fn canonical(code: &CallingCode, national: &str) -> Option<String> {
    let digits = format!("{}{national}", code.as_str());
    match canonical_digits(&digits) {
        Cow::Borrowed(_) => None,
        Cow::Owned(canonical) => canonical.strip_prefix(code.as_str()).map(str::to_owned),
    }
}

fn judge(code: &CallingCode, region: &NumberingPlan, significant: &str) -> Result<Reading, InvalidPhone> {
    let Some(owner) = code.find_valid(significant) else {
        return Err(match region.length(significant) {
            Length::TooShort | Length::Local => InvalidPhone::TooShort,
            Length::TooLong => InvalidPhone::TooLong,
            Length::Possible | Length::Unused => InvalidPhone::NotValid,
        });
    };
    // The form can only fail by length: an E.164 number has 7 to 15 digits, and a few plans go beyond on either side.
    let refusal = if significant.len() < 7 { InvalidPhone::TooShort } else { InvalidPhone::TooLong };
    let phone = format!("+{}{significant}", code.as_str()).parse().map_err(|_| refusal)?;
    Ok(Reading { phone, mobile: owner.is_mobile(significant) })
}
