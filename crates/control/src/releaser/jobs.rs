//! Released messages as jobs: of one sender and one lane each.

use std::collections::{HashMap, HashSet};

use paceline_domain::{Job, JobItem, Lane, SenderId};
use paceline_store::release::ReleasedMessage;

/// The jobs of released messages, in the order of the first message of each. A job of an unpaced sender is filled up to the
/// limit; a paced sender's jobs hold one message each, so that its worker may pick and give back one by one.
pub(super) fn of(released: Vec<ReleasedMessage>, unpaced: &HashSet<SenderId>) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut open: HashMap<(SenderId, Lane), usize> = HashMap::new();
    for message in released {
        let (sender, lane) = (message.sender, message.lane);
        let item =
            JobItem { message: message.message, generation: message.generation, to: message.to, chars: message.chars };
        let most = if unpaced.contains(&sender) { Job::MAX_ITEMS } else { 1 };
        let fitting = open.get(&(sender, lane)).and_then(|&index| jobs.get_mut(index));
        if let Some(job) = fitting.filter(|job| job.items.len() < most) {
            job.items.push(item);
        } else {
            open.insert((sender, lane), jobs.len());
            jobs.push(Job { sender, lane, items: vec![item] });
        }
    }
    jobs
}
