//! Dead letters: each is kept once, and a dead job's claims are given back.

use chrono::{DateTime, Utc};
use paceline_store::{
    dead_letters::{DeadBody, NewDeadLetter},
    release::{Claim, PutOff},
};

use super::Memory;

impl Memory {
    pub(crate) fn record_dead_letters(&mut self, letters: &[NewDeadLetter], not_before: DateTime<Utc>) -> u64 {
        let mut new = 0;
        for letter in letters {
            new += u64::from(self.dead_letters.insert(letter.body.digest()));
            let DeadBody::Job(job) = &letter.body else { continue };
            let claim = |item: &paceline_domain::JobItem| Claim { message: item.message, generation: item.generation };
            let claims: Vec<_> = job.items.iter().map(claim).collect();
            self.give_back(&claims, PutOff { not_before: Some(not_before), waits_for: "dead_letter" });
        }
        new
    }
}
