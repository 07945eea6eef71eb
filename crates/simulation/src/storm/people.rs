//! What people do in the middle of it: marketers, operators, and those who do not want to hear from us.

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, CampaignId, CampaignMove, CancelReason, Content, Generation, Lane, MessageId, MessageState, SenderState,
    SuppressionId, SuppressionReason, SuppressionScope,
};
use paceline_store::suppressions::Suppression;

use super::choose_sender;
use crate::{
    memory::{Binding, MessageRow},
    scenario::{POOL, person},
    trace::Short,
    world::World,
};

fn choose_campaign(world: &mut World) -> CampaignId {
    let campaigns: Vec<_> = world.memory.campaigns.keys().copied().collect();
    campaigns[world.chance.place(campaigns.len())]
}

fn move_campaign(world: &mut World, campaign: CampaignId, attempted: CampaignMove) -> bool {
    let now = world.now;
    let moved = world.transact(|world| world.memory.move_campaign(campaign, attempted, now));
    if moved {
        world.note("person", format_args!("{attempted}s {}", Short(campaign)));
    }
    moved
}

/// Pauses a campaign and resumes it, when the storm is over at the latest.
pub(super) fn pause_campaign(world: &mut World, by: DateTime<Utc>) {
    let campaign = choose_campaign(world);
    if move_campaign(world, campaign, CampaignMove::Pause) {
        let after = world.chance.millis(300, 6_000).min((by - world.now).to_std().unwrap_or_default());
        world.later(after, move |world| {
            move_campaign(world, campaign, CampaignMove::Resume);
        });
    }
}

pub(super) fn cancel_campaign(world: &mut World) {
    let campaign = choose_campaign(world);
    move_campaign(world, campaign, CampaignMove::Cancel);
}

/// Pauses a sender and resumes it, when the storm is over at the latest.
pub(super) fn pause_sender(world: &mut World, by: DateTime<Utc>) {
    let sender = choose_sender(world);
    world.note("person", format_args!("pauses {}", Short(sender)));
    world.memory.move_sender(sender, SenderState::Paused);
    let after = world.chance.millis(300, 6_000).min((by - world.now).to_std().unwrap_or_default());
    world.later(after, move |world| {
        world.note("person", format_args!("resumes {}", Short(sender)));
        world.memory.move_sender(sender, SenderState::Active);
    });
}

/// Somebody to whom a message is on its way, or anybody.
fn choose_person(world: &mut World) -> Address {
    let sending = world.memory.messages.values().filter(|message| message.state == MessageState::Sending);
    let expecting: Vec<Address> = sending.map(|message| message.to.clone()).collect();
    if expecting.is_empty() || world.chance.happens(300) {
        return person(world.chance.between(1, 24));
    }
    expecting[world.chance.place(expecting.len())].clone()
}

/// Suppresses somebody.
pub(super) fn suppress(world: &mut World) {
    let address = choose_person(world);
    let scope = if world.chance.happens(500) { SuppressionScope::All } else { SuppressionScope::Marketing };
    let (now, hash) = (world.now, world.memory.key.hash_address(&address));
    let suppression = Suppression {
        id: SuppressionId::from_parts(now, world.chance.bytes()),
        workspace: world.memory.workspace,
        hash,
        address: Some(address),
        scope,
        reason: SuppressionReason::Manual,
        since: now,
    };
    world.note("person", format_args!("suppresses somebody: {scope}"));
    world.transact(|world| {
        world.memory.suppress(suppression, CancelReason::Suppressed, now);
        world.books.forbid(hash, scope);
    });
}

/// Sends one message outside of any campaign, unless its person must not be contacted.
pub(super) fn send_one(world: &mut World) {
    let now = world.now;
    let address = person(world.chance.between(1, 24));
    let hash = world.memory.key.hash_address(&address);
    let forbids = world.memory.suppressions.get(&hash).is_some_and(|known| known.scope == SuppressionScope::All);
    if forbids {
        return;
    }
    let id = MessageId::from_parts(now, world.chance.bytes());
    let lane = if world.chance.happens(500) { Lane::Reply } else { Lane::Transactional };
    let expires_at = world.chance.happens(150).then(|| now + world.chance.millis(2_000, 20_000));
    let not_before = world.chance.happens(200).then(|| now + world.chance.millis(500, 6_000));
    let message = MessageRow {
        id,
        campaign: None,
        lane,
        to: address,
        hash,
        content: Content::Text { body: format!("Your order {}", Short(id)) },
        wa_id: world.memory.key.wa_id(id),
        state: MessageState::Waiting,
        reason: None,
        sender: None,
        binding: Binding::Free,
        pool: POOL.to_owned(),
        not_before,
        waits_for: None,
        expires_at,
        generation: Generation(0),
        release_deadline: None,
        attempts: Vec::new(),
        sent_at: None,
        delivered_at: None,
        read_at: None,
        replied_at: None,
        opted_out_at: None,
    };
    world.note("person", format_args!("sends {}: {lane}", Short(id)));
    world.transact(|world| world.memory.create_message(message));
}
