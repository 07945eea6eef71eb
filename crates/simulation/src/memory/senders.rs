//! Senders and the pools that group them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    AddressHash, ChannelKind, Epoch, PhoneNumber, PoolId, SenderId, SenderState, SessionState, WorkerId, WorkspaceId,
};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{Keep, NumberHolder, SenderReads, SenderRow, SenderRows, SenderSettingRows, SessionWrite},
};
use paceline_pacing::PaceState;
use paceline_store::senders::{LeaseView, NewSender, PoolView, Sender};

use super::{Memory, MessageEntry, Tables};

/// A sender.
#[derive(Debug, Clone)]
pub(crate) struct SenderEntry {
    /// Without its pools, which are rows of their own, and without its lease, which depends on the time.
    pub(crate) sender: Sender,
    /// The epoch of its latest lease.
    pub(crate) epoch: Epoch,
    pub(super) lease: Option<HeldBy>,
}

/// Who holds a sender, and until when.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeldBy {
    pub(super) worker: WorkerId,
    pub(super) expires_at: DateTime<Utc>,
}

/// A pool.
#[derive(Debug, Clone)]
pub(super) struct PoolEntry {
    pub(super) workspace: WorkspaceId,
    pub(super) name: String,
}

impl SenderEntry {
    /// Who holds it at `now`.
    pub(super) fn holder(&self, now: DateTime<Utc>) -> Option<HeldBy> {
        self.lease.filter(|lease| lease.expires_at > now)
    }

    /// Whether it is wanted, and may send.
    pub(super) fn may_send(&self) -> bool {
        self.sender.state == SenderState::Active && self.sender.session != SessionState::Banned
    }

    /// Whether it can be given messages.
    pub(super) fn is_taker(&self) -> bool {
        self.sender.state == SenderState::Active && self.sender.session == SessionState::Connected
    }

    fn locked(&self, now: DateTime<Utc>) -> Locked<SenderRow> {
        let Sender { id, workspace, state, zone, seed, session, session_at, suspension, .. } = self.sender;
        let (pace, epoch, is_leased) = (self.sender.pace.clone(), self.epoch, self.holder(now).is_some());
        Locked::new(SenderRow {
            id,
            workspace,
            state,
            zone,
            seed,
            pace,
            session,
            session_at,
            suspension,
            epoch,
            is_leased,
        })
    }
}

impl Tables {
    /// The pool of a name.
    pub(super) fn find_pool(&self, workspace: WorkspaceId, name: &str) -> Option<PoolId> {
        let mut pools = self.pools.iter();
        pools.find(|(_, pool)| pool.workspace == workspace && pool.name == name).map(|(id, _)| *id)
    }

    /// The pools of a sender.
    pub(crate) fn pools_of(&self, sender: SenderId) -> impl Iterator<Item = PoolId> {
        let all = (sender, PoolId::from_bytes([0; 16]))..=(sender, PoolId::from_bytes([u8::MAX; 16]));
        self.members.range(all).map(|((_, pool), ())| *pool)
    }

    /// The pool whose senders may send a message, unless it is bound.
    pub(crate) fn pool_of(&self, message: &MessageEntry) -> Option<PoolId> {
        let campaign = message.campaign.and_then(|campaign| self.campaigns.get(&campaign));
        let of_campaign = campaign.map(|entry| &entry.campaign);
        of_campaign.map_or(message.pool, |campaign| self.find_pool(campaign.workspace, &campaign.definition.pool))
    }

    /// The senders of a pool.
    pub(super) fn members_of(&self, pool: PoolId) -> impl Iterator<Item = &SenderEntry> {
        let members = self.members.keys().filter(move |(_, theirs)| *theirs == pool);
        members.filter_map(|(sender, _)| self.senders.get(sender))
    }

    pub(super) fn has_active_member(&self, pool: PoolId) -> bool {
        self.members_of(pool).any(|member| member.sender.state == SenderState::Active)
    }

    /// The active sender of a pool, not banned, that last wrote to a person.
    pub(super) fn find_sticky(&self, workspace: WorkspaceId, pool: PoolId, person: AddressHash) -> Option<SenderId> {
        let may_stick = |sender: SenderId| {
            self.members.contains_key(&(sender, pool)) && self.senders.get(&sender).is_some_and(SenderEntry::may_send)
        };
        let written = self.messages.of_person(person).filter(|message| {
            let was_sent = message.attempts > 0 && message.sent_at.is_some();
            was_sent && message.workspace == workspace && message.sender.is_some_and(may_stick)
        });
        written.max_by_key(|message| message.attempted_at)?.sender
    }

    /// A sender as others see it.
    pub(super) fn view_sender(&self, entry: &SenderEntry) -> Sender {
        let names = self.pools_of(entry.sender.id).filter_map(|pool| self.pools.get(&pool));
        let mut pools: Vec<String> = names.map(|pool| pool.name.clone()).collect();
        pools.sort_unstable();
        let view = |HeldBy { worker, expires_at }| LeaseView { worker, epoch: entry.epoch, expires_at };
        Sender { pools, lease: entry.holder(self.now).map(view), ..entry.sender.clone() }
    }

    /// Senders by creation and id.
    pub(super) fn list_senders_by_age(&self, which: impl Fn(&SenderEntry) -> bool) -> Vec<&SenderEntry> {
        let mut found: Vec<&SenderEntry> = self.senders.values().filter(|entry| which(entry)).collect();
        found.sort_unstable_by_key(|entry| (entry.sender.created_at, entry.sender.id));
        found
    }

    fn edit_sender(&mut self, id: SenderId, change: impl FnOnce(&mut SenderEntry)) -> Fallible<()> {
        change(self.senders.edit(&id).ok_or_else(|| Fault::missing("senders", id))?);
        Ok(())
    }
}

fn has_number(entry: &SenderEntry, channel: ChannelKind, phone: &PhoneNumber) -> bool {
    entry.sender.channel == channel && entry.sender.phone == *phone
}

fn enter(id: SenderId, new: &NewSender) -> SenderEntry {
    let NewSender { workspace, phone, channel, name, account, profile, zone, seed, created_at, .. } = new.clone();
    let sender = Sender {
        id,
        workspace,
        phone,
        channel,
        name,
        account,
        pools: Vec::new(),
        profile,
        zone,
        seed,
        state: SenderState::Active,
        pace: PaceState::default(),
        session: SessionState::Unpaired,
        session_at: None,
        session_detail: None,
        pairing_code: None,
        suspension: None,
        lease: None,
        created_at,
        last_sent_at: None,
    };
    SenderEntry { sender, epoch: Epoch(0), lease: None }
}

#[async_trait]
impl SenderRows for Tables {
    async fn lock_number(&mut self, _channel: ChannelKind, _phone: &PhoneNumber) -> Fallible<()> {
        self.wait_for(Line::Numbers);
        Ok(())
    }

    async fn list_holders(
        &mut self,
        channel: ChannelKind,
        phone: &PhoneNumber,
        workspace: WorkspaceId,
    ) -> Fallible<Vec<NumberHolder>> {
        let holders = self.senders.values().filter(|entry| {
            let counts = entry.sender.state != SenderState::Removed || entry.sender.workspace == workspace;
            counts && has_number(entry, channel, phone)
        });
        Ok(holders.map(|entry| NumberHolder { id: entry.sender.id, state: entry.sender.state }).collect())
    }

    async fn lock_senders(&mut self, senders: &[SenderId], _keep: Keep) -> Fallible<Vec<Locked<SenderRow>>> {
        self.wait_for(Line::Senders);
        let wanted: std::collections::BTreeSet<&SenderId> = senders.iter().collect();
        let found = wanted.into_iter().filter_map(|sender| self.senders.get(sender));
        Ok(found.map(|entry| entry.locked(self.now)).collect())
    }

    async fn find_sender(&mut self, sender: SenderId) -> Fallible<Option<Sender>> {
        Ok(self.senders.get(&sender).map(|entry| self.view_sender(entry)))
    }

    async fn list_senders(&mut self, senders: &[SenderId]) -> Fallible<Vec<Sender>> {
        let found = senders.iter().filter_map(|sender| self.senders.get(sender));
        Ok(found.map(|entry| self.view_sender(entry)).collect())
    }

    async fn put_sender(&mut self, id: SenderId, new: &NewSender) -> Fallible<()> {
        let is_taken = self.senders.values().any(|entry| {
            let is_another = entry.sender.id != id && entry.sender.state != SenderState::Removed;
            is_another && has_number(entry, new.channel, &new.phone)
        });
        if is_taken {
            return Err(Fault::conflict("senders"));
        }
        let mut entry = enter(id, new);
        // Who comes back has spent what it has spent, and no epoch is given out twice.
        if let Some(before) = self.senders.get(&id) {
            entry.epoch = before.epoch;
            entry.lease = before.lease;
            entry.sender.pace = before.sender.pace.clone();
            entry.sender.last_sent_at = before.sender.last_sent_at;
        }
        self.senders.put(id, entry);
        Ok(())
    }

    async fn set_pools(&mut self, sender: SenderId, workspace: WorkspaceId, pools: &[(PoolId, &str)]) -> Fallible<()> {
        let left: Vec<_> = self.pools_of(sender).map(|pool| (sender, pool)).collect();
        self.members.remove_all(left);
        for &(new, name) in pools {
            let pool = self.find_pool(workspace, name).unwrap_or(new);
            self.pools.add(pool, PoolEntry { workspace, name: name.to_owned() });
            self.members.put((sender, pool), ());
        }
        Ok(())
    }

    async fn remove_sender(&mut self, sender: &Locked<SenderRow>) -> Fallible<()> {
        let id = sender.id;
        let devices: Vec<_> = self.sessions.range((id, i32::MIN)..=(id, i32::MAX)).map(|(key, _)| *key).collect();
        self.sessions.remove_all(devices);
        self.edit_sender(id, |entry| {
            entry.sender.state = SenderState::Removed;
            entry.sender.session = SessionState::Unpaired;
            entry.sender.pairing_code = None;
            entry.lease = None;
            entry.epoch = Epoch(entry.epoch.0 + 1);
        })
    }

    async fn write_sessions(&mut self, changes: &[SessionWrite<'_>]) -> Fallible<()> {
        for change in changes {
            self.edit_sender(change.sender.id, |entry| {
                let sender = &mut entry.sender;
                sender.session = change.state;
                sender.session_at = Some(change.at);
                sender.session_detail = change.detail.map(ToOwned::to_owned);
                sender.pairing_code = change.pairing_code.map(ToOwned::to_owned);
                sender.suspension = change.suspension;
            })?;
        }
        Ok(())
    }

    async fn has_active_sender(&mut self, workspace: WorkspaceId, pool: &str) -> Fallible<bool> {
        Ok(self.find_pool(workspace, pool).is_some_and(|pool| self.has_active_member(pool)))
    }
}

#[async_trait]
impl SenderSettingRows for Tables {
    async fn set_sender_settings(
        &mut self,
        sender: &Locked<SenderRow>,
        name: Option<&str>,
        profile: Option<&str>,
    ) -> Fallible<()> {
        if let Some(entry) = self.senders.edit(&sender.id) {
            if let Some(name) = name {
                name.clone_into(&mut entry.sender.name);
            }
            if let Some(profile) = profile {
                profile.clone_into(&mut entry.sender.profile);
            }
        }
        Ok(())
    }

    async fn set_sender_state(&mut self, sender: &Locked<SenderRow>, state: SenderState) -> Fallible<()> {
        self.edit_sender(sender.id, |entry| entry.sender.state = state)
    }
}

#[async_trait]
impl SenderReads for Memory {
    async fn find_sender(&self, workspace: WorkspaceId, sender: SenderId) -> Fallible<Option<Sender>> {
        let tables = self.read().await?;
        let found = tables.senders.get(&sender).filter(|entry| entry.sender.workspace == workspace);
        Ok(found.map(|entry| tables.view_sender(entry)))
    }

    async fn find_sender_by_phone(&self, workspace: WorkspaceId, phone: &PhoneNumber) -> Fallible<Option<Sender>> {
        let tables = self.read().await?;
        let found = tables.list_senders_by_age(|SenderEntry { sender, .. }| {
            sender.workspace == workspace && sender.phone == *phone && sender.state != SenderState::Removed
        });
        Ok(found.first().map(|entry| tables.view_sender(entry)))
    }

    async fn list_senders(
        &self,
        workspace: WorkspaceId,
        after: Option<(DateTime<Utc>, SenderId)>,
        limit: u32,
    ) -> Fallible<Vec<Sender>> {
        let tables = self.read().await?;
        let found = tables.list_senders_by_age(|SenderEntry { sender, .. }| {
            let is_after = after.is_none_or(|after| (sender.created_at, sender.id) > after);
            is_after && sender.workspace == workspace && sender.state != SenderState::Removed
        });
        Ok(found.into_iter().take(limit as usize).map(|entry| tables.view_sender(entry)).collect())
    }

    async fn list_pools(&self, workspace: WorkspaceId) -> Fallible<Vec<PoolView>> {
        let tables = self.read().await?;
        let view = |(id, pool): (&PoolId, &PoolEntry)| {
            let active = tables.members_of(*id).filter(|member| member.sender.state == SenderState::Active);
            PoolView { name: pool.name.clone(), active_senders: i64::try_from(active.count()).unwrap_or(i64::MAX) }
        };
        let theirs = tables.pools.iter().filter(|(_, pool)| pool.workspace == workspace);
        let mut pools: Vec<PoolView> = theirs.map(view).collect();
        pools.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(pools)
    }
}
