//! Phone numbers in E.164. Whether a number can exist is the `audience` crate's question; here only the form counts.

use std::{fmt, str::FromStr};

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
