//! Recording what was decided about a run of rows.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignState, Exclusion, Lane, MessageState, PhoneNumber, SenderId, WorkspaceId};
use paceline_store::{
    plan::{PlannedBatch, PlannedMessage},
    recipients::RecipientRow,
};

use crate::{
    bulk::{Copy, column},
    cells::Cells,
    counters::{Count, Ledger},
    error::{Fallible, conflict},
    recipients::NewExclusion,
    transaction::Tx,
    values::{opt_uuid, uuid, uuids},
};

const WRITE_MESSAGES: &str = "COPY messages \
    (seq, id, workspace_id, campaign_id, row_no, lane, state, sender_id, binding, expires_at, created_at, hash, phone, \
     business_scoped_id, linked_id, wa_id, chars) FROM STDIN (FORMAT binary)";

const WRITE_CONTENTS: &str = "COPY message_contents (message_seq, workspace_id, content) FROM STDIN (FORMAT binary)";

/// The campaign of a batch, as far as its messages need it.
struct Planning {
    workspace: WorkspaceId,
    expires_at: Option<DateTime<Utc>>,
}

impl Tx {
    pub(super) async fn record_plan(&mut self, batch: &PlannedBatch) -> Fallible<()> {
        let planning = self.lock_planning(batch).await?;
        let workspace = planning.workspace;
        let mut exclusions: Vec<_> = batch.exclusions.iter().map(|(row, why)| exclude(row, why.clone())).collect();
        let suppressed = self.find_suppressed(workspace, &batch.messages).await?;
        let mut messages = Vec::with_capacity(batch.messages.len());
        for (index, message) in batch.messages.iter().enumerate() {
            match suppressed.get(&index) {
                None => messages.push(message),
                Some(why) => exclusions.push(exclude(&message.recipient, why.clone())),
            }
        }
        // By id, so that most of the indexes grow at their right edge.
        messages.sort_unstable_by_key(|message| message.id);
        let senders = self.hold_sticky_senders(&messages).await?;
        self.write_messages(batch, &planning, &messages, &senders).await?;
        self.write_excluded_rows(batch.campaign, workspace, &exclusions).await?;

        let ledger = Ledger::of(workspace, Some(batch.campaign));
        self.count_new(ledger, MessageState::Waiting, i64::try_from(messages.len()).unwrap_or(0));
        for excluded in &exclusions {
            self.count(ledger, &Count::Excluded(excluded.exclusion.reason().into()), 1);
        }
        Ok(())
    }

    /// Moves the mark of what is planned by compare-and-set, which locks the campaign's row until the batch is committed.
    async fn lock_planning(&mut self, batch: &PlannedBatch) -> Fallible<Planning> {
        let through = sqlx::query(
            "UPDATE campaigns SET planned_through = $4 WHERE id = $1 AND state = $2 AND planned_through = $3 \
             RETURNING id, workspace_id, expires_at",
        );
        let through = through
            .bind(uuid(batch.campaign))
            .bind(CampaignState::Running.as_str())
            .bind(batch.after_row)
            .bind(batch.through_row);
        let row = self.one(through).await?.ok_or_else(|| conflict("campaigns.planned_through"))?;
        let cells = Cells::new("campaigns", &row);
        Ok(Planning { workspace: cells.id("workspace_id")?, expires_at: cells.opt_time("expires_at")? })
    }

    /// Those whose person is suppressed by now, by their place in the batch.
    async fn find_suppressed(
        &mut self,
        workspace: WorkspaceId,
        messages: &[PlannedMessage],
    ) -> Fallible<HashMap<usize, Exclusion>> {
        if messages.is_empty() {
            return Ok(HashMap::new());
        }
        // The inner limit keeps the two from being joined any other way than person by person, through the index.
        let query = sqlx::query(
            "SELECT p.place, s.since, s.reason FROM unnest($2::bytea[]) WITH ORDINALITY AS p (hash, place) CROSS JOIN LATERAL \
                (SELECT since, reason FROM suppressions WHERE workspace_id = $1 AND hash = p.hash LIMIT 1) AS s",
        );
        let hashes = column(messages, |message| message.recipient.hash.to_bytes());
        let rows = self.all(query.bind(uuid(workspace)).bind(hashes)).await?;
        let entry = |row| {
            let cells = Cells::new("suppressions", row);
            let why = Exclusion::Suppressed { since: cells.time("since")?, why: cells.word("reason")? };
            // Places are counted from one.
            Ok((cells.small::<usize>("place")?.saturating_sub(1), why))
        };
        rows.iter().map(entry).collect()
    }

    /// The sticky senders that are not removed, and are not removed before the messages are there to be unbound from them. A
    /// sender that was removed since the planner looked keeps nobody waiting.
    async fn hold_sticky_senders(&mut self, messages: &[&PlannedMessage]) -> Fallible<HashSet<SenderId>> {
        let sticky: HashSet<SenderId> = messages.iter().filter_map(|message| message.sticky).collect();
        if sticky.is_empty() {
            return Ok(sticky);
        }
        let hold =
            sqlx::query("SELECT id FROM senders WHERE id = ANY ($1) AND state <> 'removed' ORDER BY id FOR KEY SHARE");
        let rows = self.all(hold.bind(uuids(sticky))).await?;
        rows.iter().map(|row| Cells::new("senders", row).id("id")).collect()
    }

    async fn write_messages(
        &mut self,
        batch: &PlannedBatch,
        planning: &Planning,
        messages: &[&PlannedMessage],
        senders: &HashSet<SenderId>,
    ) -> Fallible<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let seqs = self.take_seqs(messages.len()).await?;
        let (workspace, campaign) = (uuid(planning.workspace), uuid(batch.campaign));
        let (mut rows, mut contents) = (Copy::new(17), Copy::new(3));
        for (&seq, message) in seqs.iter().zip(messages) {
            let (recipient, address) = (&message.recipient, &message.recipient.address);
            let sticky = message.sticky.filter(|sender| senders.contains(sender));
            rows.row().number(seq).uuid(uuid(message.id)).uuid(workspace).uuid(campaign).number(recipient.row);
            rows.text(Lane::Campaign.as_str()).text(MessageState::Waiting.as_str()).opt_uuid(opt_uuid(sticky));
            rows.text(if sticky.is_some() { "sticky" } else { "free" }).opt_time(planning.expires_at).time(batch.now);
            rows.bytes(&recipient.hash.to_bytes()).opt_text(address.phone.as_ref().map(PhoneNumber::as_e164));
            rows.opt_text(address.business_scoped_id.as_deref()).opt_text(address.linked_id.as_deref());
            rows.text(message.wa_id.as_str()).small(i32::try_from(message.content.typed_chars()).unwrap_or(i32::MAX));
            contents.row().number(seq).uuid(workspace).text(&serde_json::json!(message.content).to_string());
        }
        rows.run(self, WRITE_MESSAGES).await?;
        contents.run(self, WRITE_CONTENTS).await?;
        Ok(())
    }

    /// Numbers for new messages. They are taken before the messages are written because COPY returns nothing.
    async fn take_seqs(&mut self, count: usize) -> Fallible<Vec<i64>> {
        let take = sqlx::query("SELECT nextval('messages_seq_seq') AS seq FROM generate_series(1, $1::bigint)");
        let rows = self.all(take.bind(i64::try_from(count).unwrap_or(0))).await?;
        rows.iter().map(|row| Cells::new("messages", row).number("seq")).collect()
    }
}

fn exclude(recipient: &RecipientRow, exclusion: Exclusion) -> NewExclusion {
    let phone = recipient.address.phone.as_ref().map(|phone| phone.as_e164().to_owned());
    NewExclusion { row: recipient.row, phone, exclusion }
}
