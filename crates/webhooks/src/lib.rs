//! Signed events out to customers, with retries
