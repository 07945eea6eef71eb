//! Health and figures.

use crate::prelude::*;

/// The texts.
pub(crate) const TEXTS: HealthTexts = HealthTexts {
    write_probe: concat!("UPDATE health_probe SET probed_at = ", real_now!()),
    read_probe: "SELECT probed_at FROM health_probe",
    figures: concat!(
        "SELECT (SELECT count(*) FROM senders WHERE lease_expires_at > ",
        real_now!(),
        ") AS leases_held, ",
        real_now!(),
        " - (SELECT min(a.recorded_at) FROM messages m INDEXED BY messages_sending \
                CROSS JOIN attempts a ON a.message_id = m.id AND a.number = m.attempts \
                WHERE m.state = 'sending') AS outbox_age, \
             (SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting') AS deliveries_waiting, \
             (SELECT count(*) FROM dead_letters WHERE replayed_at IS NULL AND kind <> 'job') AS dead_letters, \
             (SELECT count(*) FROM events WHERE seq > (SELECT numbered_through FROM event_numbering)) AS events_unnumbered"
    ),
};
