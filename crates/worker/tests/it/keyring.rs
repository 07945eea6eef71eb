//! What the keyring seals, it opens; what it did not seal, it refuses.

use paceline_channel::Credentials;
use paceline_domain::{Epoch, SenderId};
use paceline_store::leases::SealedSession;
use paceline_worker::{KeyringError, SessionKey, SessionKeyring};

const SENDER: SenderId = SenderId::from_bytes([1; 16]);

fn keyring() -> SessionKeyring {
    SessionKeyring::new(SessionKey::new("new", &[7; 32]), vec![SessionKey::new("old", &[6; 32])])
}

fn sealed(keyring: &SessionKeyring) -> SealedSession {
    keyring.seal(SENDER, 0, Epoch(4), &Credentials(b"secret".to_vec())).unwrap()
}

#[test]
fn what_was_sealed_is_opened_again_under_any_later_epoch() {
    let session = sealed(&keyring());
    assert_eq!(session.key_id, "new");
    assert!(!session.blob.windows(6).any(|window| window == b"secret"));
    assert_eq!(keyring().open(SENDER, 0, &session), Ok(Credentials(b"secret".to_vec())));
}

#[test]
fn a_key_of_before_still_opens() {
    let before = SessionKeyring::new(SessionKey::new("old", &[6; 32]), Vec::new());
    assert_eq!(keyring().open(SENDER, 0, &sealed(&before)), Ok(Credentials(b"secret".to_vec())));
}

#[test]
fn the_same_credentials_are_never_sealed_alike() {
    assert_ne!(sealed(&keyring()), sealed(&keyring()));
}

#[test]
fn a_blob_of_another_sender_or_device_is_refused() {
    let session = sealed(&keyring());
    let other = SenderId::from_bytes([2; 16]);
    assert_eq!(keyring().open(other, 0, &session), Err(KeyringError::Unreadable));
    assert_eq!(keyring().open(SENDER, 1, &session), Err(KeyringError::Unreadable));
}

#[test]
fn a_blob_that_was_changed_anywhere_is_refused() {
    let session = sealed(&keyring());
    for place in 0..session.blob.len() {
        let mut changed = session.clone();
        changed.blob[place] ^= 1;
        assert_eq!(keyring().open(SENDER, 0, &changed), Err(KeyringError::Unreadable), "byte {place}");
    }
    for length in 0..session.blob.len() {
        let cut = SealedSession { blob: session.blob[..length].to_vec(), ..session.clone() };
        assert_eq!(keyring().open(SENDER, 0, &cut), Err(KeyringError::Unreadable), "cut to {length}");
    }
}

#[test]
fn a_blob_under_a_key_that_is_not_there_names_the_key() {
    let session = SealedSession { key_id: "gone".to_owned(), ..sealed(&keyring()) };
    assert_eq!(keyring().open(SENDER, 0, &session), Err(KeyringError::NoKey { key_id: "gone".to_owned() }));
}
