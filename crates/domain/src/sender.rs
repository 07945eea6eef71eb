//! How a sender reaches WhatsApp, and whether it is wanted.

use crate::words::words;

words! {
    /// How a sender reaches WhatsApp.
    pub enum ChannelKind("channel") {
        /// The simulated network.
        Simulator = "simulator",
        /// Meta's Cloud API.
        Cloud = "cloud",
        /// A linked device.
        Web = "web",
    }
}

words! {
    /// Whether a sender is wanted. Where its session stands is a `SessionState`.
    pub enum SenderState("sender state") {
        /// May send.
        Active = "active",
        /// Halted by a person.
        Paused = "paused",
        /// Gone; kept for its history.
        Removed = "removed",
    }
}

words! {
    /// What a person may do with a sender, as its state allows.
    pub enum SenderAction("sender action") {
        /// Halt it.
        Pause = "pause",
        /// Let it go on.
        Resume = "resume",
        /// Take it away.
        Remove = "remove",
    }
}

impl SenderState {
    /// What a person may do with the sender.
    pub fn allowed_actions(self) -> Vec<SenderAction> {
        match self {
            Self::Active => vec![SenderAction::Pause, SenderAction::Remove],
            Self::Paused => vec![SenderAction::Resume, SenderAction::Remove],
            Self::Removed => Vec::new(),
        }
    }
}

words! {
    /// What a channel does with a second send of the same id: whether an orphaned intent may be sent again.
    pub enum Repeats("repeats") {
        /// The recipient sees one message.
        Dropped = "dropped",
        /// The recipient would see two.
        Delivered = "delivered",
    }
}
