//! The states of a message and every lawful move between them: the one place where a message's state changes.

use crate::words::words;

words! {
    /// Where a message stands. A release is a claim on a `waiting` message, not a state; a reply is a fact beside it.
    pub enum MessageState("message state") {
        /// Planned, not sent yet.
        Waiting = "waiting",
        /// An intent is recorded; the bytes may have left.
        Sending = "sending",
        /// WhatsApp accepted it.
        Sent = "sent",
        /// It reached the recipient's device.
        Delivered = "delivered",
        /// The recipient opened it.
        Read = "read",
        /// It will not be delivered.
        Failed = "failed",
        /// Nobody knows whether it was sent.
        Unknown = "unknown",
        /// Its time passed before it was sent.
        Expired = "expired",
        /// It will not be sent.
        Cancelled = "cancelled",
    }
}

words! {
    /// What can happen to a message.
    pub enum MessageMove("message move") {
        /// An intent was recorded.
        Intend = "intend",
        /// WhatsApp accepted the send.
        Accept = "accept",
        /// WhatsApp refused the send, or failed it later.
        Reject = "reject",
        /// The attempt provably sent nothing; try again later.
        Unsent = "unsent",
        /// Nobody knows whether the attempt sent anything.
        Lose = "lose",
        /// A delivery receipt.
        Deliver = "deliver",
        /// A read receipt.
        Read = "read",
        /// Its time passed.
        Expire = "expire",
        /// Its campaign was cancelled, or the recipient opted out.
        Cancel = "cancel",
        /// A person or a policy decided that an unknown message is to be sent again.
        Resend = "resend",
    }
}

impl MessageState {
    /// The state after `happened`, or `None` when the move does not apply: receipts come out of order, doubled, or late,
    /// and what does not move a message forward changes nothing.
    ///
    /// Only two moves go back: `sending → waiting` when provably unsent, and `unknown → waiting` by a resolution. What a resolution
    /// failed stays failed, as all that failed does, whatever a late receipt says: a person was told that it ended.
    pub const fn after(self, happened: MessageMove) -> Option<Self> {
        use MessageMove as M;
        use MessageState as S;
        match (self, happened) {
            (S::Waiting, M::Intend) => Some(S::Sending),
            (S::Waiting, M::Expire) => Some(S::Expired),
            (S::Waiting, M::Cancel) => Some(S::Cancelled),
            (S::Sending, M::Unsent) | (S::Unknown, M::Resend) => Some(S::Waiting),
            (S::Sending, M::Lose) => Some(S::Unknown),
            (S::Sending | S::Unknown, M::Accept) => Some(S::Sent),
            (S::Sending | S::Sent | S::Unknown, M::Reject) => Some(S::Failed),
            (S::Sending | S::Sent | S::Unknown, M::Deliver) => Some(S::Delivered),
            (S::Sending | S::Sent | S::Delivered | S::Unknown, M::Read) => Some(S::Read),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MessageMove, MessageState};

    #[test]
    fn no_move_but_the_two_named_ones_goes_back() {
        let rank = |state: MessageState| match state {
            MessageState::Waiting => 0,
            MessageState::Sending => 1,
            MessageState::Unknown => 2,
            MessageState::Sent => 3,
            MessageState::Delivered => 4,
            MessageState::Read => 5,
            MessageState::Failed | MessageState::Expired | MessageState::Cancelled => 6,
        };
        for &state in MessageState::ALL {
            for &happened in MessageMove::ALL {
                let Some(next) = state.after(happened) else { continue };
                let named = matches!(happened, MessageMove::Unsent | MessageMove::Resend);
                assert!(named || rank(next) > rank(state), "{state} after {happened} became {next}");
            }
        }
    }

    #[test]
    fn a_final_state_stays() {
        for state in [MessageState::Read, MessageState::Failed, MessageState::Expired, MessageState::Cancelled] {
            for &happened in MessageMove::ALL {
                assert_eq!(state.after(happened), None, "{state} after {happened}");
            }
        }
    }
}
