//! Phone numbers in E.164. Whether a number can exist is the `audience` crate's question; here only the form counts.
//!
//! In some countries one phone has two numbers: WhatsApp, the phone itself and people's sheets write it differently. The canonical
//! form is the one under which a person is known, whoever writes it how.

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A phone number in E.164: `+`, then 7 to 15 digits, the first not zero (ITU-T E.164, 6.2).
///
/// `Debug` and `Display` hide the middle digits, so that a number cannot slip into a log line; use [`as_e164`] where the
/// number itself is meant.
///
/// [`as_e164`]: PhoneNumber::as_e164
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(Box<str>);

/// The text is not a phone number in E.164.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a phone number in E.164 is a plus sign and 7 to 15 digits, for example +15550100")]
pub struct ParsePhoneError;

impl PhoneNumber {
    /// The number as digits with a leading plus sign.
    pub fn as_e164(&self) -> &str {
        &self.0
    }
}

/// A way in which the numbers of a country are also written, and what makes the canonical form of it.
struct OtherForm {
    /// The country code.
    code: &'static str,
    /// How many digits the other form has, with the country code.
    digits: usize,
    /// Which digit tells the other form, from 0, and what it may be there.
    at: usize,
    one_of: &'static [u8],
    /// How many digits the canonical form leaves out from there.
    left_out: usize,
    /// What the canonical form has there instead.
    put_in: &'static str,
}

/// The other forms that are met, with where each is described.
const OTHER_FORMS: &[OtherForm] = &[
    // Argentina: mobile numbers have a 9 after the country code, which national writing leaves out. WhatsApp asks for the 9 in all
    // numbers of the country (its help page on international numbers). Area codes begin with 1, 2 or 3 (ENACOM, numbering plan).
    OtherForm { code: "54", digits: 12, at: 2, one_of: b"123", left_out: 0, put_in: "9" },
    // Brazil: mobile numbers got a ninth digit, 9, between 2012 and 2016 (Anatel, resolution 553/2010). Accounts that are older than it
    // keep the number without, outside of the states of the area codes 11 to 28. Fixed lines begin with 2 to 5.
    OtherForm { code: "55", digits: 12, at: 4, one_of: b"6789", left_out: 0, put_in: "9" },
    // Benin: 01 before mobile numbers and fixed lines since 30 November 2024 (ARCEP Bénin).
    OtherForm { code: "229", digits: 11, at: 3, one_of: b"24569", left_out: 0, put_in: "01" },
    // Mexico: the 1 of mobile numbers was given up on 3 August 2019 (IFT, Plan Técnico Fundamental de Numeración). WhatsApp keeps it in
    // the ids of accounts.
    OtherForm { code: "52", digits: 13, at: 2, one_of: b"1", left_out: 1, put_in: "" },
];

impl PhoneNumber {
    /// The one form in which the number of this phone is compared: [`other_form`](Self::other_form) of it is the same person.
    ///
    /// # Panics
    /// Never: the canonical form of a number in E.164 is one.
    pub fn canonical(&self) -> Cow<'_, Self> {
        match canonical_digits(&self.0[1..]) {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(digits) => Cow::Owned(Self(format!("+{digits}").into())),
        }
    }

    /// How the number is also written, where it is a canonical one of a country with two forms.
    pub fn other_form(&self) -> Option<Self> {
        let digits = &self.0[1..];
        OTHER_FORMS.iter().find_map(|form| {
            let rest = digits.get(form.at..)?.strip_prefix(form.put_in)?;
            let left_out: String = form.one_of.iter().take(form.left_out).map(|digit| char::from(*digit)).collect();
            let other = format!("{}{left_out}{rest}", &digits[..form.at]);
            (canonical_digits(&other) == digits && other != digits).then(|| Self(format!("+{other}").into()))
        })
    }
}

/// The digits of a number in E.164, without its plus sign, in the canonical form.
pub fn canonical_digits(digits: &str) -> Cow<'_, str> {
    let form = OTHER_FORMS.iter().find(|form| {
        digits.len() == form.digits
            && digits.starts_with(form.code)
            && digits.as_bytes().get(form.at).is_some_and(|digit| form.one_of.contains(digit))
    });
    match form {
        None => Cow::Borrowed(digits),
        Some(form) => {
            let (head, tail) = (&digits[..form.at], &digits[form.at + form.left_out..]);
            Cow::Owned(format!("{head}{}{tail}", form.put_in))
        }
    }
}

impl FromStr for PhoneNumber {
    type Err = ParsePhoneError;
    fn from_str(text: &str) -> Result<Self, ParsePhoneError> {
        let digits = text.strip_prefix('+').ok_or(ParsePhoneError)?;
        let lawful = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if lawful { Ok(Self(text.into())) } else { Err(ParsePhoneError) }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.len().saturating_sub(2);
        write!(f, "{}…{}", &self.0[..3], &self.0[shown..])
    }
}
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
