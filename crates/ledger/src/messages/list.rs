//! Lists of messages, in the order in which they were accepted or planned.
//!
//! A page reads the messages of its workspace or campaign, and of nobody else. A filter on state or sender has no index of its own, since
//! every change of a message would have to write to it: such a page looks through so many rows at once, and ends short when it has looked
//! through enough, so that no request walks through everything there is.

use paceline_domain::WorkspaceId;
use paceline_store::{
    Page,
    messages::{Message, MessageFilter},
};

use crate::{Database, Fallible, cursor::Cursor, rows::Stretch};

/// How many rows are looked through at once for those that a filter lets pass, and how often.
const STRETCH: u32 = 5_000;
const STRETCHES: u32 = 10;

/// A page of messages. One that is shorter than asked for may have a next one.
pub(super) async fn page<D: Database>(
    database: &D,
    workspace: WorkspaceId,
    filter: MessageFilter,
    cursor: &Cursor<i64>,
) -> Fallible<Page<Message>> {
    let mut after = cursor.after.unwrap_or(0);
    if filter.state.is_none() && filter.sender.is_none() {
        let stretch = Stretch { after, through: i64::MAX };
        return Ok(cursor.page_of_keyed(database.list_messages(workspace, filter, stretch, cursor.fetch()).await?));
    }
    let mut found: Vec<(i64, Message)> = Vec::new();
    for _ in 0..STRETCHES {
        let end = database.find_reach(workspace, filter, after, STRETCH).await?;
        let stretch = Stretch { after, through: end.unwrap_or(i64::MAX) };
        let left = cursor.fetch().saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        found.append(&mut database.list_messages(workspace, filter, stretch, left).await?);
        match end {
            Some(end) if found.len() < cursor.fetch() as usize => after = end,
            _ => return Ok(cursor.page_of_keyed(found)),
        }
    }
    Ok(cursor.short_page(found, after))
}
