//! What becomes of a webhook endpoint that does not answer.

use crate::words::words;

words! {
    /// Why a webhook endpoint was switched off.
    pub enum DisableReason("reason to switch a webhook endpoint off") {
        /// It answered 410: it says itself that it is gone for good.
        Gone = "gone",
        /// Nothing has reached it for a week, and the last delivery was given up.
        Failing = "failing",
    }
}
