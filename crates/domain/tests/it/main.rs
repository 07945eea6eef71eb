//! The words of the domain, proved through their public surface.

mod accounts;
mod addresses;
mod campaigns;
mod contents;
mod ids;
mod phones;
mod results;
mod words;

use chrono::{DateTime, Utc};
use paceline_domain::{MessageId, PhoneNumber, SenderId};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("the time is RFC 3339")
}

fn phone(text: &str) -> PhoneNumber {
    text.parse().expect("the number is E.164")
}

const fn message(byte: u8) -> MessageId {
    MessageId::from_bytes([byte; 16])
}

const fn sender(byte: u8) -> SenderId {
    SenderId::from_bytes([byte; 16])
}
