//! Applying results: the inbox, then what the results say, in one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{
    CancelReason, EventKind, FailureReason, Inbound, MessageId, MessageMove, MessageState, Outcome, ResultBody,
    SenderId, SessionChange, SessionState, SuppressionId, SuppressionReason, SuppressionScope, WaId, WorkerResult,
};
use paceline_pacing::Suspension;
use paceline_store::{
    intents::AttemptOutcome,
    results::{ApplySummary, Ledger, OptOut, ResultToApply, Settlement, settle_receipt},
    suppressions::Suppression,
};

use super::{Binding, Memory, moves::Happening};

impl Memory {
    pub(crate) fn apply_results(&mut self, results: &[ResultToApply], now: DateTime<Utc>) -> ApplySummary {
        let mut summary = ApplySummary::default();
        for result in results {
            if !self.senders.contains_key(&result.result.sender) {
                summary.stale += 1;
                continue;
            }
            let id = result.result.id().to_bytes();
            if self.inbox.contains_key(&id) {
                summary.duplicates += 1;
                continue;
            }
            self.inbox.insert(id, self.now);
            let applied = self.apply_one(result, now, &mut summary);
            summary.applied += u64::from(applied);
            summary.stale += u64::from(!applied);
        }
        summary
    }

    fn apply_one(&mut self, result: &ResultToApply, now: DateTime<Utc>, summary: &mut ApplySummary) -> bool {
        let WorkerResult { sender, at, body } = &result.result;
        match body {
            ResultBody::Attempt { message, attempt, epoch, outcome } => {
                let (message, attempt, epoch, outcome) = (*message, *attempt, *epoch, outcome.clone());
                let from = self.messages.get(&message).map(|message| message.state);
                let applied = self.apply_outcome(&AttemptOutcome { message, attempt, epoch, outcome, at: *at });
                self.count_outgoing(applied, (message, from), body, summary);
                applied
            }
            ResultBody::Receipt(receipt) => {
                let Some(message) = self.find_by_receipt(*sender, &receipt.id) else { return false };
                let from = self.messages.get(&message).map(|message| message.state);
                let applied = self.settle_message(message, &settle_receipt(receipt.kind), *at);
                self.count_outgoing(applied, (message, from), body, summary);
                applied
            }
            ResultBody::Inbound(inbound) => {
                self.apply_inbound((*sender, *at), inbound, result.opt_out, (now, summary));
                true
            }
            ResultBody::Session(change) => self.apply_session(*sender, *at, change),
        }
    }

    fn count_outgoing(
        &self,
        applied: bool,
        (message, from): (MessageId, Option<MessageState>),
        body: &ResultBody,
        summary: &mut ApplySummary,
    ) {
        if let (true, Some(from), Some(message)) = (applied, from, self.messages.get(&message)) {
            summary.count_outgoing(body, from, message.state);
        }
    }

    fn apply_outcome(&mut self, outcome: &AttemptOutcome) -> bool {
        // The ledger has each outcome before its result is published; one that lacks it is completed.
        self.record_outcomes(std::slice::from_ref(outcome));
        let Some(message) = self.messages.get(&outcome.message) else { return false };
        let mut ledger = Ledger::default();
        for (number, attempt) in (1..).zip(&message.attempts) {
            if let Some((ended, _)) = &attempt.outcome {
                ledger.add(message.id, number, attempt.epoch, ended.clone());
            }
        }
        let Some(settlement) = ledger.settle(outcome, message.attempt()) else { return false };
        self.settle_message(outcome.message, &settlement, outcome.at)
    }

    /// By our id or the provider's.
    fn find_by_receipt(&self, sender: SenderId, id: &WaId) -> Option<MessageId> {
        let ours = self
            .messages
            .values()
            .find(|message| message.wa_id == *id && message.sender == Some(sender) && !message.attempts.is_empty());
        let theirs = || {
            self.messages.values().find(|message| {
                message.attempts.iter().any(|attempt| {
                    let provider = match &attempt.outcome {
                        Some((Outcome::Sent { provider_id }, _)) => provider_id.as_deref(),
                        _ => None,
                    };
                    attempt.sender == sender && provider == Some(id.as_str())
                })
            })
        };
        ours.or_else(theirs).map(|message| message.id)
    }

    fn settle_message(&mut self, message: MessageId, settlement: &Settlement, at: DateTime<Utc>) -> bool {
        let state = self.messages.get(&message).map(|message| message.state);
        let overtook = matches!(settlement.happened, MessageMove::Deliver | MessageMove::Read)
            && matches!(state, Some(MessageState::Sending | MessageState::Unknown));
        if overtook {
            self.move_message(message, Happening::new(MessageMove::Accept, at));
        }
        let reason = settlement.reason.map(FailureReason::as_str);
        let not_before = settlement.not_before;
        self.move_message(message, Happening { happened: settlement.happened, at, reason, not_before })
    }

    fn apply_inbound(
        &mut self,
        (sender, at): (SenderId, DateTime<Utc>),
        inbound: &Inbound,
        opt_out: OptOut,
        (now, summary): (DateTime<Utc>, &mut ApplySummary),
    ) {
        let hash = self.key.hash_address(&inbound.from);
        let answered = self.find_answered(sender, hash, at);
        if let Some(message) = answered.and_then(|id| self.messages.get_mut(&id)) {
            let campaign = message.campaign;
            let first = message.replied_at.replace(message.replied_at.unwrap_or(at)).is_none();
            let out =
                opt_out == OptOut::Yes && message.opted_out_at.replace(message.opted_out_at.unwrap_or(at)).is_none();
            let account = self.account_of(campaign);
            account.replied += i64::from(first);
            account.opted_out += i64::from(out);
        }
        self.add_event(EventKind::MessageReceived, at);
        if opt_out == OptOut::Yes {
            self.add_event(EventKind::ContactOptedOut, at);
            let suppression = Suppression {
                id: SuppressionId::from_parts(now, std::array::from_fn(|index| hash.to_bytes()[index])),
                workspace: self.workspace,
                hash,
                address: Some(inbound.from.clone()),
                scope: SuppressionScope::All,
                reason: SuppressionReason::OptedOut,
                since: at,
            };
            summary.opted_out += u64::from(self.suppress(suppression, CancelReason::OptedOut, at));
        }
    }

    /// The sender's latest message to the person within seven days; what is certainly out goes first.
    fn find_answered(
        &self,
        sender: SenderId,
        hash: paceline_domain::AddressHash,
        at: DateTime<Utc>,
    ) -> Option<MessageId> {
        use MessageState as S;
        let out = |state| matches!(state, S::Sending | S::Unknown | S::Sent | S::Delivered | S::Read);
        self.messages
            .values()
            .filter(|message| message.hash == hash && message.sender == Some(sender) && out(message.state))
            .filter_map(|message| Some((message.attempts.last()?.intended_at, message)))
            .filter(|(intended_at, _)| *intended_at >= at - TimeDelta::days(7))
            .max_by_key(|(intended_at, message)| (message.sent_at.is_some(), *intended_at))
            .map(|(_, message)| message.id)
    }

    fn apply_session(&mut self, sender: SenderId, at: DateTime<Utc>, change: &SessionChange) -> bool {
        let Some(row) = self.senders.get_mut(&sender) else { return false };
        let known = &mut row.sender;
        if known.session_at.is_some_and(|known| known > at) {
            return false;
        }
        known.session = change.state;
        known.session_at = Some(at);
        match change.state {
            SessionState::Suspended => known.suspension = Some(Suspension { until: change.until }),
            SessionState::Banned => known.suspension = Some(Suspension { until: None }),
            SessionState::Connected => known.suspension = None,
            _ => {}
        }
        let kind = match change.state {
            SessionState::Connected => EventKind::SenderConnected,
            SessionState::Pairing => EventKind::SenderPairing,
            SessionState::Suspended | SessionState::Banned => EventKind::SenderSuspended,
            _ => EventKind::SenderDisconnected,
        };
        self.add_event(kind, at);
        if change.state != SessionState::Connected {
            self.leave_to_others(sender, change.state);
        }
        true
    }

    fn leave_to_others(&mut self, sender: SenderId, state: SessionState) {
        for message in self.messages.values_mut().filter(|message| message.sender == Some(sender)) {
            if message.release_deadline.is_some() {
                message.unclaim();
            }
            let sticks = message.state == MessageState::Waiting && message.binding == Binding::Sticky;
            if state == SessionState::Banned && sticks {
                message.sender = None;
                message.binding = Binding::Free;
            }
        }
    }
}
