//! Secrets: given as themselves or as a file that holds them; never both, never empty, never one that everybody knows.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::{Problem, reader::Reader};

/// The size of a master key, in bytes: that of a key of an AEAD cipher.
const MASTER_KEY_BYTES: usize = 32;

/// The largest file that is read for a secret, in bytes.
const FILE_MOST: u64 = 64 * 1_024;

/// Secrets that everybody knows, without blanks and punctuation, in lower case.
const KNOWN: &[&str] = &[
    "admin",
    "administrator",
    "changeit",
    "changeme",
    "changethis",
    "default",
    "demo",
    "dummy",
    "example",
    "guest",
    "insecure",
    "key",
    "letmein",
    "masterkey",
    "mypassword",
    "mysecret",
    "none",
    "notsecret",
    "passw0rd",
    "password",
    "placeholder",
    "plkey",
    "qwerty",
    "replaceme",
    "root",
    "secret",
    "secretkey",
    "supersecret",
    "test",
    "testkey",
    "testtest",
    "todo",
    "token",
    "topsecret",
    "12345",
    "123456",
    "12345678",
    "123456789",
    "1234567890",
    // The bytes of the example in the reference.
    "pacelineexamplekeydonotuse",
    // The example itself.
    "cgfjzwxpbmutzxhhbxbszs1rzxktzg8tbm90lxvzzse",
];

impl Reader<'_> {
    /// The secret under `key` or in the file under `<key>_file`.
    pub(crate) fn secret(&mut self, key: &str) -> Option<SecretString> {
        let twin = format!("{key}_file");
        let (given, file) = (self.text(key), self.text(&twin));
        match (given, file) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                let other = self.source(&twin).map(|source| source.to_string()).unwrap_or_default();
                self.refuse(key, format!("is given twice, here and as {twin} ({other})"), "keep one of the two");
                None
            }
            (Some(text), None) => self.checked(key, &text),
            (None, Some(path)) => {
                let text = self.secret_file(&twin, Path::new(&path))?;
                self.checked(&twin, &text)
            }
        }
    }

    /// A master key: 32 bytes in base64.
    pub(crate) fn master_key(&mut self, key: &str) -> Option<SecretBox<[u8; MASTER_KEY_BYTES]>> {
        let text = self.secret(key)?;
        let twin = format!("{key}_file");
        let named = if self.source(key).is_some() { key } else { &twin };
        let cure = "make one with: openssl rand -base64 32";
        let bytes = STANDARD.decode(text.expose_secret()).ok().and_then(|bytes| bytes.try_into().ok());
        let Some(bytes) = bytes else {
            self.refuse(named, format!("is not {MASTER_KEY_BYTES} bytes in base64"), cure);
            return None;
        };
        let bytes: [u8; MASTER_KEY_BYTES] = bytes;
        if is_known(&String::from_utf8_lossy(&bytes)) {
            self.refuse(named, "is a key that everybody knows", cure);
            return None;
        }
        Some(SecretBox::new(Box::new(bytes)))
    }

    fn checked(&mut self, key: &str, text: &str) -> Option<SecretString> {
        let text = text.trim();
        if text.is_empty() {
            self.refuse(key, "is empty", "give a secret, or leave the key out");
            return None;
        }
        if is_known(text) {
            self.refuse(key, "is a secret that everybody knows", "choose one of your own");
            return None;
        }
        Some(text.into())
    }

    fn secret_file(&mut self, key: &str, path: &Path) -> Option<String> {
        let size = fs::metadata(path).map(|found| found.len());
        let text = size.and_then(|size| {
            if size > FILE_MOST { Err(std::io::Error::other("it is too large")) } else { fs::read_to_string(path) }
        });
        match text {
            Ok(text) => Some(text),
            Err(error) => {
                self.add(Problem {
                    key: key.to_owned(),
                    source: self.source(key),
                    what: format!("the secret file {} cannot be read: {error}", path.display()),
                    cure: "name a file that this user may read".to_owned(),
                });
                None
            }
        }
    }
}

/// Whether a secret is one of those that everybody knows, or one character over and over.
fn is_known(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    if characters.all(|character| Some(character) == first) {
        return true;
    }
    let plain: String =
        text.chars().filter(char::is_ascii_alphanumeric).map(|found| found.to_ascii_lowercase()).collect();
    KNOWN.contains(&plain.as_str())
}
