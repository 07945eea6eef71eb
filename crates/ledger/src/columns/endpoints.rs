//! Webhook endpoints, and their deliveries as a person sees them.

use paceline_store::endpoints::{Delivery, DeliveryState, Disabled, Endpoint};

use crate::{
    Fallible,
    columns::{Cells, Columns},
    rows::StandingRow,
};

/// Selects endpoints and what else is said.
#[macro_export]
macro_rules! select_endpoint {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "SELECT id, workspace_id, url, events, secret, created_at, failing_since, disabled_at, disabled_for \
             FROM webhook_endpoints",
            $($rest),+
        )
    };
}

/// Selects deliveries and what else is said; the tables are named `d` and, for its event, `e`.
#[macro_export]
macro_rules! select_delivery {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "SELECT ",
        "d.seq, d.id, d.endpoint_id, d.state, d.attempts, d.last_status, d.last_error, d.next_at, e.id AS event_id, e.kind, e.at",
            $($rest),+
        )
    };
}

/// An endpoint.
pub fn endpoint<R: Columns>(row: &R) -> Fallible<Endpoint> {
    let cells = Cells::new("webhook_endpoints", row);
    let disabled = match cells.opt_time("disabled_at")? {
        None => None,
        Some(at) => Some(Disabled { at, reason: cells.word("disabled_for")? }),
    };
    Ok(Endpoint {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        url: cells.string("url")?,
        events: cells.json("events")?,
        secret: cells.string("secret")?,
        created_at: cells.time("created_at")?,
        failing_since: cells.opt_time("failing_since")?,
        disabled,
    })
}

/// How an endpoint has answered of late.
pub fn standing<R: Columns>(row: &R) -> Fallible<StandingRow> {
    let cells = Cells::new("webhook_endpoints", row);
    Ok(StandingRow {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        is_failing: cells.flag("is_failing")?,
        is_out_of_patience: cells.flag("is_out_of_patience")?,
        is_disabled: cells.flag("is_disabled")?,
    })
}

/// A delivery.
pub fn delivery<R: Columns>(row: &R) -> Fallible<Delivery> {
    let cells = Cells::new("webhook_deliveries", row);
    let word = cells.text("state")?;
    let state = DeliveryState::ALL.into_iter().find(|state| state.as_str() == word);
    let last_status = cells.opt_number("last_status")?.map(u16::try_from).transpose();
    Ok(Delivery {
        id: cells.id("id")?,
        endpoint: cells.id("endpoint_id")?,
        event: cells.id("event_id")?,
        kind: cells.word("kind")?,
        state: state.ok_or_else(|| cells.corrupt("state"))?,
        attempts: cells.small("attempts")?,
        last_status: last_status.map_err(|_| cells.corrupt("last_status"))?,
        last_error: cells.opt_string("last_error")?,
        next_at: cells.opt_time("next_at")?,
        created_at: cells.time("at")?,
    })
}

/// A delivery with the number that pages go by.
pub fn numbered_delivery<R: Columns>(row: &R) -> Fallible<(i64, Delivery)> {
    Ok((Cells::new("webhook_deliveries", row).number("seq")?, delivery(row)?))
}
