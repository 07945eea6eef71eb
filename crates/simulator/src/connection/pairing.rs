//! Pairing: a code is shown and rotates until a phone accepts one.

use std::{future::pending, sync::Arc};

use axum::extract::ws::{Message, WebSocket};
use paceline_domain::Repeats;
use tokio::time::{interval, sleep};

use super::{Ends, encode, refuse};
use crate::{
    Acceptance,
    network::{LinkId, Network, Order},
    wire::{ClientFrame, Nack, NackReason, PairedFrame, PairingFrame, ServerFrame, SessionNack},
};

/// Shows codes until the number is paired; whether it is.
pub(super) async fn pair(
    network: &Arc<Network>,
    socket: &mut WebSocket,
    ends: &mut Ends,
    (link, repeats): (LinkId, Repeats),
) -> bool {
    let mut rotation = interval(network.pairing.rotation);
    let mut rotations = 0;
    let accepted = async {
        match network.pairing.acceptance {
            Acceptance::Automatic { after } => sleep(after).await,
            Acceptance::ByCall => pending().await,
        }
        network.accept_own(link);
        pending::<()>().await;
    };
    tokio::pin!(accepted);
    loop {
        tokio::select! {
            _ = rotation.tick() => {
                rotations += 1;
                let Some(code) = network.rotate_code(link, rotations) else { continue };
                let pairing = Some(PairingFrame { code, repeats, at: network.clock.now() });
                if socket.send(encode(&ServerFrame { pairing, ..ServerFrame::default() })).await.is_err() {
                    return false;
                }
            }
            () = &mut accepted => {}
            () = ends.cut.cancelled() => return false,
            order = ends.orders.recv() => match order {
                Some(Order::Paired { credentials, position }) => {
                    let durable = network.registry.wait(position).await.is_ok();
                    return durable && tell_paired(socket, credentials).await;
                }
                Some(Order::Over(over)) => {
                    refuse(socket, over).await;
                    return false;
                }
                Some(Order::Welcome(_)) => {}
                Some(Order::Cut) | None => return false,
            },
            message = socket.recv() => match message {
                Some(Ok(message)) => if !refuse_sends(socket, &message).await { return false },
                Some(Err(_)) | None => return false,
            },
        }
    }
}

async fn tell_paired(socket: &mut WebSocket, credentials: String) -> bool {
    let paired = Some(PairedFrame { credentials });
    socket.send(encode(&ServerFrame { paired, ..ServerFrame::default() })).await.is_ok()
}

/// Answers sends of a number that is not paired; whether the connection goes on.
async fn refuse_sends(socket: &mut WebSocket, message: &Message) -> bool {
    let Message::Text(text) = message else { return !matches!(message, Message::Close(_)) };
    let Ok(frame) = serde_json::from_str::<ClientFrame<'_>>(text) else { return false };
    let reason = NackReason::Session(SessionNack::Unpaired);
    let nacks: Vec<_> = frame.sends.iter().map(|send| Nack { n: send.n, reason, until: None }).collect();
    nacks.is_empty() || socket.send(encode(&ServerFrame { nacks, ..ServerFrame::default() })).await.is_ok()
}
