//! People to write to, by number: valid German mobile numbers whose last two digits say, by the simulated network's
//! convention, that their owner is on WhatsApp and answers seldom.

use std::fmt::Write as _;

/// Part of every text that scenarios send, so that a log that holds a text can be found out.
pub const TEXT_MARK: &str = "zebra-crossing";

/// People, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    phones: Vec<String>,
}

impl Audience {
    /// The first `count` people of series `series`; two series share nobody.
    pub fn ordinary(series: u32, count: usize) -> Self {
        let phone = |index: usize| format!("+49151{series:02}{:04}{:02}", 1_000 + index / 60, 40 + index % 60);
        Self { phones: (0..count).map(phone).collect() }
    }

    /// The first `count` people of every kind: some are not on WhatsApp, some opt out, some answer.
    pub fn mixed(series: u32, count: usize) -> Self {
        let phone = |index: usize| format!("+49151{series:02}{:04}{:02}", 1_000 + index / 100, index % 100);
        Self { phones: (0..count).map(phone).collect() }
    }

    /// Their numbers in E.164.
    pub fn phones(&self) -> &[String] {
        &self.phones
    }

    /// A CSV file with the columns `phone` and `name`.
    pub fn csv(&self) -> String {
        let mut csv = "phone,name\n".to_owned();
        for (index, phone) in self.phones.iter().enumerate() {
            let _ = writeln!(csv, "{phone},Guest {index}");
        }
        csv
    }
}
