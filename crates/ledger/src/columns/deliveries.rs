//! Webhook deliveries, as their dispatcher sees them.

use paceline_store::deliveries::ClaimedDelivery;

use crate::{
    Fallible,
    columns::{Cells, Columns},
    locks::Locked,
    rows::HeldDeliveryRow,
};

/// A delivery whose claim holds, with the place of the claim. It is locked.
pub fn held_delivery<R: Columns>(row: &R) -> Fallible<(usize, Locked<HeldDeliveryRow>)> {
    let cells = Cells::new("webhook_deliveries", row);
    let held = HeldDeliveryRow {
        seq: cells.number("seq")?,
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        endpoint: cells.id("endpoint_id")?,
        attempts: cells.small("attempts")?,
        event: cells.id("event_id")?,
        kind: cells.word("kind")?,
    };
    Ok((cells.place()?, Locked::new(held)))
}

/// A delivery that has been claimed.
pub fn claimed_delivery<R: Columns>(row: &R) -> Fallible<ClaimedDelivery> {
    let cells = Cells::new("webhook_deliveries", row);
    Ok(ClaimedDelivery {
        id: cells.id("id")?,
        token: cells.number("token")?,
        endpoint: cells.id("endpoint_id")?,
        url: cells.string("url")?,
        secret: cells.string("secret")?,
        event: cells.id("event_id")?,
        kind: cells.word("kind")?,
        at: cells.time("at")?,
        data: cells.json("data")?,
        attempts: cells.small("attempts")?,
    })
}
