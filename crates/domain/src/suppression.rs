//! Who must not be contacted, how widely, and why.

use crate::words::words;

words! {
    /// What a suppression forbids.
    pub enum SuppressionScope("suppression scope") {
        /// Any message.
        All = "all",
        /// Campaigns only.
        Marketing = "marketing",
    }
}

words! {
    /// Why an address is suppressed.
    pub enum SuppressionReason("suppression reason") {
        /// The person wrote an opt-out word.
        OptedOut = "opted_out",
        /// A person at the workspace added it.
        Manual = "manual",
        /// WhatsApp reported that the person stopped our marketing.
        Provider = "provider",
        /// The person complained.
        Complaint = "complaint",
    }
}
