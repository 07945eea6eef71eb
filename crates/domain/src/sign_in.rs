//! What a browser holds instead of an API key.

use crate::words::words;

words! {
    /// What the token of a sign-in is good for.
    pub enum SignInKind("kind of sign-in") {
        /// To be exchanged, once, for a session.
        Link = "link",
        /// To make requests with.
        Session = "session",
    }
}
