//! The words of every enum find their value again, in text and in JSON.

use std::{fmt, str::FromStr};

use paceline_domain::{
    Bucket, CampaignMove, CampaignState, CancelReason, ChannelKind, DeadLetterKind, DeathReason, EventKind,
    FailureReason, Lane, MessageMove, MessageState, ReceiptKind, Repeats, Resolution, SenderState, SessionState,
    SuppressionReason, SuppressionScope, UnknownPolicy, UnknownWord,
};
use serde::{Serialize, de::DeserializeOwned};

fn prove<T>(all: &[T])
where
    T: Copy + PartialEq + fmt::Debug + fmt::Display + FromStr<Err = UnknownWord> + Serialize + DeserializeOwned,
{
    for &value in all {
        let word = value.to_string();
        assert_eq!(word.parse(), Ok(value));
        assert_eq!(serde_json::to_value(value).expect("a word is JSON"), word.as_str());
        assert_eq!(serde_json::from_value::<T>(word.into()).expect("its word finds it"), value);
    }
    assert!(serde_json::from_value::<T>("no such word".into()).is_err());
}

#[test]
fn every_word_finds_its_value_again() {
    prove(Bucket::ALL);
    prove(CampaignMove::ALL);
    prove(CampaignState::ALL);
    prove(CancelReason::ALL);
    prove(ChannelKind::ALL);
    prove(DeadLetterKind::ALL);
    prove(DeathReason::ALL);
    prove(EventKind::ALL);
    prove(FailureReason::ALL);
    prove(Lane::ALL);
    prove(MessageMove::ALL);
    prove(MessageState::ALL);
    prove(ReceiptKind::ALL);
    prove(Repeats::ALL);
    prove(Resolution::ALL);
    prove(SenderState::ALL);
    prove(SessionState::ALL);
    prove(SuppressionReason::ALL);
    prove(SuppressionScope::ALL);
    prove(UnknownPolicy::ALL);
}

#[test]
fn an_unknown_word_is_refused_with_the_lawful_ones() {
    let refused = "fast".parse::<Lane>().expect_err("no lane");
    assert_eq!(refused.to_string(), "\"fast\" is not a lane; expected one of reply, transactional, campaign");
}

#[test]
fn event_types_have_the_form_that_webhooks_allow() {
    for kind in EventKind::ALL {
        let lawful = kind.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_'));
        assert!(lawful, "{kind}");
    }
}
