//! NDJSON: one JSON object a line.

use std::io::Read;

use super::{AudienceRefusal, RawRow, columns::Columns, json_row, source::Source};

/// Reads the next line that is not blank.
pub(super) fn read_row<R: Read>(
    source: &mut Source<R>,
    columns: &mut Columns,
    limit: usize,
) -> Result<Option<RawRow>, AudienceRefusal> {
    if source.skip_while(|byte| byte.is_ascii_whitespace())?.is_none() {
        return Ok(None);
    }
    let line = source.line();
    let Some(length) = find_line_end(source, limit)? else {
        source.skip_line()?;
        return Ok(Some(RawRow { line, content: Err(format!("the line is longer than {limit} bytes")) }));
    };
    let content = json_row::read(&source.window()[..length], columns);
    source.advance(length);
    Ok(Some(RawRow { line, content }))
}

/// The length of the line at the beginning of the window, unless it is over the limit.
fn find_line_end<R: Read>(source: &mut Source<R>, limit: usize) -> Result<Option<usize>, AudienceRefusal> {
    let mut searched = 0;
    loop {
        let window = source.window();
        let end = window[searched..].iter().position(|byte| *byte == b'\n').map(|place| searched + place);
        searched = window.len();
        let length = end.unwrap_or(searched);
        if length > limit {
            return Ok(None);
        }
        if end.is_some() || !source.fill()? {
            return Ok(Some(length));
        }
    }
}
