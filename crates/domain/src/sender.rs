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
    /// What a channel does with a second send of the same id: whether an orphaned intent may be sent again.
    pub enum Repeats("repeats") {
        /// The recipient sees one message.
        Dropped = "dropped",
        /// The recipient would see two.
        Delivered = "delivered",
    }
}
