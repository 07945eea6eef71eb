//! People as WhatsApp knows them, and the keyed hash by which Paceline remembers them after erasure.

use std::{borrow::Cow, fmt};

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{MessageId, PhoneNumber, WaId};

/// A person as WhatsApp knows them. At least one field is present.
///
/// Since 2026 a person may reach a business without showing a phone number, so the phone is one name among three.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The phone number, when WhatsApp shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The business-scoped user id (`XX.…`), when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_scoped_id: Option<String>,
    /// The linked id of a linked-device session, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_id: Option<String>,
}

impl Address {
    /// An address that is a phone number, in its canonical form.
    pub fn phone(phone: PhoneNumber) -> Self {
        let canonical = match phone.canonical() {
            Cow::Borrowed(_) => None,
            Cow::Owned(canonical) => Some(canonical),
        };
        Self { phone: Some(canonical.unwrap_or(phone)), business_scoped_id: None, linked_id: None }
    }

    /// The name that is hashed: phone in its canonical form, else business-scoped id, else linked id.
    fn canonical(&self) -> (&'static [u8], Cow<'_, str>) {
        if let Some(phone) = &self.phone {
            let name = match phone.canonical() {
                Cow::Borrowed(phone) => phone.as_e164().into(),
                Cow::Owned(phone) => phone.as_e164().to_owned().into(),
            };
            (b"phone:", name)
        } else if let Some(id) = &self.business_scoped_id {
            (b"bsuid:", id.into())
        } else {
            (b"lid:", self.linked_id.as_deref().unwrap_or("").into())
        }
    }
}

/// A keyed hash of an address: equal for equal people within a workspace, meaningless outside it. Suppressions are kept
/// under it, so that erasing a person keeps their opt-out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressHash([u8; 16]);

impl AddressHash {
    /// The bytes that stores keep.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
    /// A hash from the bytes that stores keep.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…")
    }
}

/// A workspace's secret: hashes its addresses and derives its messages' WhatsApp ids. Made once, never changed.
#[derive(Clone, PartialEq, Eq)]
pub struct WorkspaceKey([u8; 32]);

impl WorkspaceKey {
    /// A key from 32 random bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// The bytes that stores keep.
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The keyed hash of an address: the first 16 bytes of HMAC-SHA256 over its canonical name.
    pub fn hash_address(&self, address: &Address) -> AddressHash {
        let (tag, name) = address.canonical();
        let digest = self.mac(&[tag, name.as_bytes()]);
        AddressHash(std::array::from_fn(|index| digest[index]))
    }

    /// The message's WhatsApp id: a pure function of the message, the same in every attempt.
    pub fn wa_id(&self, message: MessageId) -> WaId {
        let digest = self.mac(&[b"message:", &message.to_bytes()]);
        WaId::from_digest(&digest)
    }

    /// A keyed sum over what this installation gave out and wants to know again, such as a cursor. `purpose` keeps one kind from
    /// passing for another.
    pub fn sum(&self, purpose: &str, text: &str) -> [u8; 16] {
        let digest = self.mac(&[b"sum:", &(purpose.len() as u64).to_be_bytes(), purpose.as_bytes(), text.as_bytes()]);
        std::array::from_fn(|index| digest[index])
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for WorkspaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorkspaceKey(hidden)")
    }
}
