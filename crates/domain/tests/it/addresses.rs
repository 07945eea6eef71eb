//! Addresses, their keyed hash, and the WhatsApp id of a message: vectors that must never change, since stores keep them.

use paceline_domain::{Address, MessageId, WaId, WorkspaceKey};
use proptest::prelude::*;

use crate::{message, phone};

const KEY: WorkspaceKey = WorkspaceKey::from_bytes([3; 32]);

fn hex(bytes: [u8; 16]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

#[test]
fn a_message_has_this_whatsapp_id_for_life() {
    assert_eq!(KEY.wa_id(message(1)).as_str(), "3EB0B09C4D3C6EEF3C328E");
    assert_eq!(KEY.wa_id(message(2)).as_str(), "3EB01DEC3888E7B79E6C01");
    assert_eq!(WorkspaceKey::from_bytes([4; 32]).wa_id(message(1)).as_str(), "3EB0CEBD13A777B5D0CE9D");
}

#[test]
fn an_address_has_this_hash_for_life() {
    let by_phone = Address::phone(phone("+15550100"));
    let by_user = Address { phone: None, business_scoped_id: Some("US.1".to_owned()), linked_id: None };
    let by_link = Address { phone: None, business_scoped_id: None, linked_id: Some("1@lid".to_owned()) };
    let hashes = [by_phone, by_user, by_link].map(|address| hex(KEY.hash_address(&address).to_bytes()));
    assert_eq!(
        hashes,
        ["9f8430419cb315825d0fcacb8530041e", "f1b3feb7e4a8edb31077b8de68f1e697", "082e8b70d2c0a1a09f1b78c18a16857a"]
    );
}

#[test]
fn a_phone_names_the_person_whatever_else_is_known() {
    let mut address = Address::phone(phone("+15550100"));
    let hash = KEY.hash_address(&address);
    address.business_scoped_id = Some("US.1".to_owned());
    address.linked_id = Some("1@lid".to_owned());
    assert_eq!(KEY.hash_address(&address), hash);
}

#[test]
fn hashes_of_other_people_workspaces_and_kinds_of_name_differ() {
    let text = "+15550100".to_owned();
    let by_phone = Address::phone(phone(&text));
    let by_user = Address { phone: None, business_scoped_id: Some(text.clone()), linked_id: None };
    let by_link = Address { phone: None, business_scoped_id: None, linked_id: Some(text) };
    let hash = KEY.hash_address(&by_phone);
    assert_ne!(hash, KEY.hash_address(&by_user));
    assert_ne!(hash, KEY.hash_address(&by_link));
    assert_ne!(hash, KEY.hash_address(&Address::phone(phone("+15550101"))));
    assert_ne!(hash, WorkspaceKey::from_bytes([4; 32]).hash_address(&by_phone));
}

#[test]
fn keys_and_hashes_do_not_show_themselves() {
    assert_eq!(format!("{KEY:?}"), "WorkspaceKey(hidden)");
    let hash = KEY.hash_address(&Address::phone(phone("+15550100")));
    assert_eq!(format!("{hash:?}").chars().count(), 9);
}

proptest! {
    #[test]
    fn a_whatsapp_id_has_the_form_of_a_linked_device(bytes: [u8; 16], key: [u8; 32]) {
        let id = WorkspaceKey::from_bytes(key).wa_id(MessageId::from_bytes(bytes));
        let rest = id.as_str().strip_prefix("3EB0").expect("the prefix of linked devices");
        prop_assert!(rest.len() == 18 && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')));
        prop_assert_eq!(&WaId::from_network(id.as_str()), &id);
        prop_assert_eq!(id, WorkspaceKey::from_bytes(key).wa_id(MessageId::from_bytes(bytes)));
    }
}
