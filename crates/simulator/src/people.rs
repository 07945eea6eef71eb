//! People: what the owner of a number does with a message, as a function of (seed, number, message).

use serde::Serialize;

use crate::{Delay, NumberConvention, PeopleOptions, ReceiptTiming, draw::Draw};

/// Words that people opt out with. Each is, as a whole, an opt-out word of its language.
const OPT_OUT_WORDS: &[&str] =
    &["STOP", "Stop", "stop", "UNSUBSCRIBE", "PARAR", "BAJA", "ARRET", "STOPP", "BERHENTI", "Sair", "СТОП"];
const ORDINARY_REPLIES: &[&str] = &[
    "Thanks!",
    "Who is this?",
    "Great, see you then 👍",
    "Can you call me tomorrow?",
    "Merci beaucoup",
    "¿Cuánto cuesta?",
    "شكرا جزيلا",
    "Please don't stop sending these",
];

/// The people of a network.
#[derive(Debug, Clone)]
pub(crate) struct People {
    draw: Draw,
    options: PeopleOptions,
}

/// What a person is like, as shown by `GET /people/{e164}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct PersonView {
    /// Whether the number is on WhatsApp.
    pub on_whatsapp: bool,
    /// Whether the person lets others see that they read a message.
    pub read_receipts: bool,
    /// Whether the person is offline until later.
    pub offline: bool,
    /// What they answer every message with: `opt_out`, `text`, or `drawn` when it depends on the message.
    pub answers: &'static str,
}

/// What a person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    OptOut,
    Text,
}

/// What follows from a message, in microseconds after the send. What is `None` never happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reaction {
    pub(crate) delivered: Option<i64>,
    pub(crate) read: Option<i64>,
    pub(crate) reply: Option<i64>,
}

impl People {
    pub(crate) fn new(draw: Draw, options: PeopleOptions) -> Self {
        Self { draw, options }
    }

    pub(crate) fn is_on_whatsapp(&self, phone: &str) -> bool {
        match self.last_digits(phone) {
            Some(0..=4) => false,
            Some(5..=34) => true,
            _ => !self.happens("on whatsapp", &[phone], self.options.not_on_whatsapp),
        }
    }

    pub(crate) fn describe(&self, phone: &str) -> PersonView {
        PersonView {
            on_whatsapp: self.is_on_whatsapp(phone),
            read_receipts: self.shows_reading(phone),
            offline: self.is_offline(phone),
            answers: match self.last_digits(phone) {
                Some(5..=14) => "opt_out",
                Some(15..=34) => "text",
                _ => "drawn",
            },
        }
    }

    /// When the person's device gets the message, when they read it, and when they answer.
    pub(crate) fn reaction(&self, phone: &str, id: &str) -> Reaction {
        let answers = self.answer(phone, id).is_some();
        match self.options.timing {
            ReceiptTiming::Never => Reaction { reply: answers.then_some(0), ..Reaction::default() },
            ReceiptTiming::Instant => Reaction {
                delivered: Some(0),
                read: self.shows_reading(phone).then_some(0),
                reply: answers.then_some(0),
            },
            ReceiptTiming::Drawn => {
                let delivered = self.delivery(phone, id);
                let read = delivered + self.delay("read", phone, id, self.options.read);
                let reply = read + self.delay("answer", phone, id, self.options.answer);
                Reaction {
                    delivered: Some(self.clip(delivered)),
                    read: self.shows_reading(phone).then(|| self.clip(read)),
                    reply: answers.then(|| self.clip(reply)),
                }
            }
        }
    }

    /// The text of the person's answer to a message.
    pub(crate) fn reply_text(&self, phone: &str, id: &str) -> &'static str {
        let choices = match self.answer(phone, id) {
            Some(Answer::OptOut) => OPT_OUT_WORDS,
            Some(Answer::Text) | None => ORDINARY_REPLIES,
        };
        self.draw.pick("words", &[phone], choices).unwrap_or("STOP")
    }

    fn answer(&self, phone: &str, id: &str) -> Option<Answer> {
        match self.last_digits(phone) {
            Some(5..=14) => return Some(Answer::OptOut),
            Some(15..=34) => return Some(Answer::Text),
            _ => {}
        }
        let options = &self.options;
        if options.opt_out <= 0.0 && options.reply <= 0.0 {
            return None;
        }
        let drawn = self.draw.unit("answers", &[phone, id]);
        if drawn < options.opt_out {
            Some(Answer::OptOut)
        } else if drawn < options.opt_out + options.reply {
            Some(Answer::Text)
        } else {
            None
        }
    }

    fn delivery(&self, phone: &str, id: &str) -> f64 {
        let delay = self.delay("delivery", phone, id, self.options.delivery);
        if self.is_offline(phone) {
            delay + self.draw.unit("wakes", &[phone, id]) * f64::from(self.options.longest_seconds) / 2.0
        } else {
            delay
        }
    }

    fn delay(&self, rule: &str, phone: &str, id: &str, delay: Delay) -> f64 {
        self.draw.log_normal(rule, &[phone, id], delay)
    }

    #[expect(clippy::cast_possible_truncation, reason = "clipped to 32 bits of seconds")]
    fn clip(&self, seconds: f64) -> i64 {
        (seconds.clamp(0.0, f64::from(self.options.longest_seconds)) * 1e6) as i64
    }

    fn shows_reading(&self, phone: &str) -> bool {
        !self.happens("read receipts off", &[phone], self.options.read_receipts_off)
    }

    fn is_offline(&self, phone: &str) -> bool {
        self.happens("offline", &[phone], self.options.offline)
    }

    fn happens(&self, rule: &str, names: &[&str], probability: f64) -> bool {
        probability > 0.0 && self.draw.unit(rule, names) < probability
    }

    fn last_digits(&self, phone: &str) -> Option<u8> {
        match self.options.convention {
            NumberConvention::LastTwoDigits => phone.get(phone.len().checked_sub(2)?..)?.parse().ok(),
            NumberConvention::Off => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{OPT_OUT_WORDS, People, Reaction};
    use crate::{PeopleOptions, draw::Draw};

    fn people(options: PeopleOptions) -> People {
        People::new(Draw::new(3), options)
    }

    #[test]
    fn the_last_two_digits_say_what_a_person_does() {
        let people = people(PeopleOptions::default());
        assert!(!people.is_on_whatsapp("+15550104"));
        assert!(people.is_on_whatsapp("+15550105"));
        assert!(OPT_OUT_WORDS.contains(&people.reply_text("+15550114", "A")));
        assert!(people.reaction("+15550134", "A").reply.is_some());
        assert!(!OPT_OUT_WORDS.contains(&people.reply_text("+15550115", "A")));
    }

    #[test]
    fn nothing_happens_before_delivery_or_after_the_longest_delay() {
        let people = people(PeopleOptions { reply: 1.0, ..PeopleOptions::default() });
        for n in 0..500 {
            let id = n.to_string();
            let Reaction { delivered, read, reply } = people.reaction("+15550177", &id);
            let delivered = delivered.expect("delivered");
            assert!(read.is_none_or(|read| read >= delivered));
            assert!((delivered..=7_200_000_000).contains(&reply.expect("a reply")));
        }
    }

    #[test]
    fn quiet_people_say_nothing() {
        let people = people(PeopleOptions::quiet());
        assert!(people.is_on_whatsapp("+15550100"));
        assert_eq!(people.reaction("+15550106", "A"), Reaction::default());
    }
}
