//! Sign-ins under API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, SignInId, SignInKind};
use paceline_ledger::{
    Fallible, Fault,
    rows::{SignInReads, SignInRows},
};
use paceline_store::sign_ins::SignIn;

use super::{Memory, Tables};

#[async_trait]
impl SignInRows for Tables {
    async fn add_sign_in(&mut self, sign_in: &SignIn) -> Fallible<()> {
        let is_known = self.sign_ins.values().any(|other| other.hash == sign_in.hash);
        let is_new = !is_known && self.sign_ins.add(sign_in.id, sign_in.clone());
        if is_new { Ok(()) } else { Err(Fault::conflict("sign_ins")) }
    }

    async fn take_link(&mut self, hash: [u8; 32]) -> Fallible<Option<SignIn>> {
        let link = self.sign_ins.values().find(|one| one.hash == hash && one.kind == SignInKind::Link).cloned();
        if let Some(link) = &link {
            self.sign_ins.remove(&link.id);
        }
        Ok(link)
    }

    async fn remove_sign_in(&mut self, key: ApiKeyId, sign_in: SignInId) -> Fallible<bool> {
        let is_of_key = self.sign_ins.get(&sign_in).is_some_and(|one| one.key == key);
        Ok(is_of_key && self.sign_ins.remove(&sign_in))
    }

    async fn remove_ended_sign_ins(&mut self, now: DateTime<Utc>) -> Fallible<()> {
        let ended: Vec<SignInId> =
            self.sign_ins.values().filter(|one| one.expires_at <= now).map(|one| one.id).collect();
        self.sign_ins.remove_all(ended);
        Ok(())
    }
}

#[async_trait]
impl SignInReads for Memory {
    async fn find_sign_in(&self, hash: [u8; 32]) -> Fallible<Option<SignIn>> {
        let tables = self.read().await?;
        let found = tables.sign_ins.values().find(|one| one.hash == hash);
        Ok(found.filter(|one| tables.api_keys.contains_key(&one.key)).cloned())
    }

    async fn list_sessions(&self, key: ApiKeyId, now: DateTime<Utc>) -> Fallible<Vec<SignIn>> {
        let tables = self.read().await?;
        let held = tables.sign_ins.values();
        let held = held.filter(|one| one.key == key && one.kind == SignInKind::Session && one.expires_at > now);
        let mut sessions: Vec<SignIn> = held.cloned().collect();
        sessions.sort_unstable_by_key(|one| (one.created_at, one.id));
        Ok(sessions)
    }
}
