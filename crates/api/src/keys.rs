//! API keys: `pl_`, 30 random base62 characters, and 6 that are a CRC-32 of what stands before them.
//!
//! The checksum lets a mistyped key be refused without a database, and lets secret scanners tell a key from a word. About
//! 178 bits are random, so a plain SHA-256 is enough to store it by; there is nothing to guess.

use std::{fmt, str::FromStr};

use paceline_domain::Minter;
use sha2::{Digest, Sha256};

const PREFIX: &str = "pl_";
const RANDOM: usize = 30;
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An API key. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeySecret(String);

/// The text is not an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// It does not look like one.
    #[error("an API key is pl_ followed by 36 letters and digits")]
    Form,
    /// A character was lost or mistyped.
    #[error("the API key's checksum is wrong: a character was lost or mistyped")]
    Checksum,
}

impl ApiKeySecret {
    /// A new key.
    pub fn generate(minter: &Minter) -> Self {
        let mut key = String::from(PREFIX);
        while key.len() < PREFIX.len() + RANDOM {
            // 248 is the largest multiple of 62 in a byte: what lies above would favour some characters.
            let lawful = minter.bytes::<64>().into_iter().filter(|&byte| byte < 248);
            let missing = PREFIX.len() + RANDOM - key.len();
            key.extend(lawful.take(missing).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])));
        }
        key.push_str(&checksum(&key));
        Self(key)
    }

    /// Reads a key, checking its form and checksum.
    ///
    /// # Errors
    /// The text cannot be a key.
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ParseKeyError::Form)?;
        if rest.len() != RANDOM + CHECKSUM || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(ParseKeyError::Form);
        }
        let (signed, sum) = text.split_at(PREFIX.len() + RANDOM);
        if checksum(signed) == sum { Ok(Self(text.to_owned())) } else { Err(ParseKeyError::Checksum) }
    }

    /// The key itself: shown once, to the person who will use it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl FromStr for ApiKeySecret {
    type Err = ParseKeyError;
    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        Self::parse(text)
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(hidden)")
    }
}

fn checksum(signed: &str) -> String {
    let mut rest = crc32fast::hash(signed.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|&byte| char::from(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_reads_back_and_any_changed_character_is_noticed() {
        let minter = Minter::new([7; 32]);
        let key = ApiKeySecret::generate(&minter);
        assert_eq!(key.expose().len(), 39);
        assert_eq!(ApiKeySecret::parse(key.expose()), Ok(key.clone()));
        for place in PREFIX.len()..key.expose().len() {
            let mut bytes = key.expose().as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(ApiKeySecret::parse(&changed), Err(ParseKeyError::Checksum), "place {place}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_form() {
        for text in ["", "pl_", "sk_0123456789", "pl_012345678901234567890123456789ABCDE!", "pl_é"] {
            assert_eq!(ApiKeySecret::parse(text), Err(ParseKeyError::Form), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_key() {
        let key = ApiKeySecret::generate(&Minter::new([1; 32]));
        assert_eq!(format!("{key:?}"), "ApiKeySecret(hidden)");
    }
}
