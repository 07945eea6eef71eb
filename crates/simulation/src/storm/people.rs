//! What people do in the middle of it: marketers, operators, and those who do not want to hear from us.

use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, CampaignId, CampaignMove, Content, Lane, MessageId, MessageState, SenderId, SenderState, SuppressionId,
    SuppressionReason, SuppressionScope,
};
use paceline_store::{
    campaigns::{CampaignOutcome, CampaignStore as _},
    messages::{MessageAcceptance, MessageStore as _, NewMessage, Route},
    senders::SenderStore as _,
    suppressions::{Suppression, SuppressionStore as _},
};

use super::choose_sender;
use crate::{
    scenario::{POOL, person},
    trace::Short,
    world::{World, at_once},
};

fn choose_campaign(world: &mut World) -> CampaignId {
    let campaigns: Vec<_> = world.store.maps.look().campaigns.keys().copied().collect();
    campaigns[world.chance.place(campaigns.len())]
}

fn move_campaign(world: &mut World, campaign: CampaignId, attempted: CampaignMove) -> bool {
    let (now, workspace) = (world.now, world.store.workspace);
    let moved = world.transact(|world| at_once(world.store.ledger.move_campaign(workspace, campaign, attempted, now)));
    let moved = matches!(moved, Ok(CampaignOutcome::Changed(_)));
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

fn move_sender(world: &mut World, sender: SenderId, to: SenderState) {
    let (now, workspace) = (world.now, world.store.workspace);
    let moved = world.transact(|world| at_once(world.store.ledger.move_sender(workspace, sender, to, now)));
    if moved.is_err() {
        world.note("person", format_args!("does not get through"));
    }
}

/// Pauses a sender and resumes it, when the storm is over at the latest.
pub(super) fn pause_sender(world: &mut World, by: DateTime<Utc>) {
    let sender = choose_sender(world);
    world.note("person", format_args!("pauses {}", Short(sender)));
    move_sender(world, sender, SenderState::Paused);
    let after = world.chance.millis(300, 6_000).min((by - world.now).to_std().unwrap_or_default());
    world.later(after, move |world| {
        world.note("person", format_args!("resumes {}", Short(sender)));
        move_sender(world, sender, SenderState::Active);
    });
}

/// Somebody to whom a message is on its way, or anybody.
fn choose_person(world: &mut World) -> Address {
    let expecting = people_expecting(world);
    if expecting.is_empty() || world.chance.happens(300) {
        return person(world.chance.between(1, 24));
    }
    expecting[world.chance.place(expecting.len())].clone()
}

fn people_expecting(world: &World) -> Vec<Address> {
    let tables = world.store.maps.look();
    let sending = tables.messages.values().filter(|message| message.state == MessageState::Sending);
    sending.map(|message| message.to.clone()).collect()
}

/// Suppresses somebody.
pub(super) fn suppress(world: &mut World) {
    let address = choose_person(world);
    let scope = if world.chance.happens(500) { SuppressionScope::All } else { SuppressionScope::Marketing };
    let (now, hash) = (world.now, world.store.key.hash_address(&address));
    let suppression = Suppression {
        id: SuppressionId::from_parts(now, world.chance.bytes()),
        workspace: world.store.workspace,
        hash,
        address: Some(address),
        scope,
        reason: SuppressionReason::Manual,
        since: now,
    };
    world.note("person", format_args!("suppresses somebody: {scope}"));
    world.transact(|world| {
        if at_once(world.store.ledger.add_suppression(suppression, now)).is_ok() {
            world.books.forbid(hash, scope);
        }
    });
}

/// Sends one message outside of any campaign.
pub(super) fn send_one(world: &mut World) {
    let now = world.now;
    let to = person(world.chance.between(1, 24));
    let id = MessageId::from_parts(now, world.chance.bytes());
    let lane = if world.chance.happens(500) { Lane::Reply } else { Lane::Transactional };
    let expires_at = world.chance.happens(150).then(|| now + world.chance.millis(2_000, 20_000));
    let not_before = world.chance.happens(200).then(|| now + world.chance.millis(500, 6_000));
    let message = NewMessage {
        id,
        workspace: world.store.workspace,
        lane,
        hash: world.store.key.hash_address(&to),
        to,
        content: Content::Text { body: format!("Your order {}", Short(id)) },
        wa_id: world.store.key.wa_id(id),
        route: Route::Pool(POOL.to_owned()),
        not_before,
        expires_at,
        created_at: now,
    };
    let answer = world.transact(|world| at_once(world.store.ledger.create_message(message)));
    let is_accepted = matches!(answer, Ok(MessageAcceptance::Accepted(_)));
    let refused = if is_accepted { "" } else { ", which is refused" };
    world.note("person", format_args!("sends {}: {lane}{refused}", Short(id)));
}
