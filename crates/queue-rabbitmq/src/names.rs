//! What everything at the broker is called. Names carry the version of the topology: other arguments need other names.

use lapin::types::ShortString;
use paceline_domain::SenderId;
use paceline_queue::{QueueError, RESULT_SHARDS};

/// The names of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    /// Room for the longest name of ours within the 255 bytes that the protocol has.
    const LONGEST_NAMESPACE: usize = 64;

    pub(crate) fn new(namespace: &str) -> Result<Self, QueueError> {
        let lawful = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if namespace.len() > Self::LONGEST_NAMESPACE || !namespace.chars().all(lawful) {
            return Err(QueueError::Refused {
                reason: "the broker's namespace cannot be used".to_owned(),
                cure: "use at most 64 letters, digits, '-', '_' and '.'".to_owned(),
            });
        }
        Ok(Self { prefix: if namespace.is_empty() { "pl1".to_owned() } else { format!("{namespace}.pl1") } })
    }

    pub(crate) fn jobs(&self) -> ShortString {
        self.named("jobs")
    }

    pub(crate) fn results(&self) -> ShortString {
        self.named("results")
    }

    pub(crate) fn dead_letters(&self) -> ShortString {
        self.named("dlx")
    }

    pub(crate) fn dead(&self) -> ShortString {
        self.named("dead")
    }

    /// For a look at what the broker can do; deleted at once.
    pub(crate) fn check(&self) -> ShortString {
        self.named("check")
    }

    pub(crate) fn jobs_of(&self, sender: SenderId) -> ShortString {
        self.named(&format!("jobs.{sender}"))
    }

    pub(crate) fn results_of(&self, shard: u16) -> ShortString {
        self.named(&format!("results.{shard}"))
    }

    fn named(&self, rest: &str) -> ShortString {
        format!("{}.{rest}", self.prefix).into()
    }
}

/// The routing key of a sender's jobs.
pub(crate) fn job_key(sender: SenderId) -> ShortString {
    sender.to_string().into()
}

/// The routing key of a shard's results.
pub(crate) fn result_key(shard: u16) -> ShortString {
    format!("r.{shard}").into()
}

pub(crate) fn shards() -> impl Iterator<Item = u16> {
    0..RESULT_SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_namespace_names_are_those_of_the_design() {
        let names = Names::new("").unwrap();
        let sender = SenderId::from_bytes([1; 16]);
        assert_eq!(names.jobs().as_str(), "pl1.jobs");
        assert_eq!(names.jobs_of(sender).as_str(), format!("pl1.jobs.{sender}"));
        assert_eq!(names.results_of(3).as_str(), "pl1.results.3");
        assert_eq!(names.dead().as_str(), "pl1.dead");
    }

    #[test]
    fn the_longest_namespace_fits_and_a_longer_one_is_refused() {
        let names = Names::new(&"n".repeat(64)).unwrap();
        assert!(names.jobs_of(SenderId::from_bytes([1; 16])).as_str().len() < 255);
        assert!(Names::new(&"n".repeat(65)).is_err());
        assert!(Names::new("a b").is_err());
    }
}
