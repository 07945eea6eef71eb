//! Where one HTTP/1 request ends and the next begins, read more strictly than the parser reads it.
//!
//! Whatever two servers in a row can read in two ways lets a caller smuggle a request past the first of them (RFC 9112, sections
//! 2.2, 6.3 and 11.2): a line that ends without a carriage return, two lengths, a length beside a transfer coding. Such a request
//! is refused whole. The text itself passes on unchanged; the parser judges everything else.

/// The longest request line, in bytes.
pub(super) const MAX_REQUEST_LINE: usize = 8 * 1024;
/// The longest head, in bytes.
pub(super) const MAX_HEAD: usize = 32 * 1024;
/// The longest size line of a chunk, in bytes, and the longest trailer section.
const MAX_CHUNK_LINE: usize = 1024;
const MAX_TRAILERS: usize = 8 * 1024;

/// Why a request is refused before anybody has read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A line ends without a carriage return.
    BareLineFeed,
    /// The request line is too long.
    UriTooLong,
    /// The head is too long.
    HeadTooLong,
    /// Its length can be read in two ways, or in none.
    Length,
}

/// How far a request has been read.
#[derive(Debug, Default)]
pub(super) struct Framing {
    part: Part,
    /// The head so far, or the line of a chunked body.
    text: Vec<u8>,
    /// Where the line that is being read begins in `text`.
    line: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    Body {
        left: u64,
    },
    ChunkSize,
    /// A chunk and the line end behind it.
    Chunk {
        left: u64,
    },
    Trailers,
    Whole,
}

impl Framing {
    /// Whether nothing of a request has come yet.
    pub(super) fn is_untouched(&self) -> bool {
        self.part == Part::Head && self.text.is_empty()
    }

    /// Whether the head has not come whole.
    pub(super) fn is_in_head(&self) -> bool {
        self.part == Part::Head
    }

    /// Whether the request has come whole.
    pub(super) fn is_whole(&self) -> bool {
        self.part == Part::Whole
    }

    /// Begins with the next request.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }

    /// Takes what belongs to the request, and answers how many bytes that is: at least one unless the request is whole.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut taken = 0;
        while taken < bytes.len() && self.part != Part::Whole {
            let rest = &bytes[taken..];
            taken += match self.part {
                Part::Head => self.take_line(rest, MAX_HEAD, Self::end_head_line)?,
                Part::ChunkSize => self.take_line(rest, MAX_CHUNK_LINE, Self::end_chunk_size)?,
                Part::Chunk { left: 0 } => self.take_line(rest, 2, Self::end_chunk)?,
                Part::Body { left } | Part::Chunk { left } => self.skip(rest, left),
                Part::Trailers => self.take_line(rest, MAX_TRAILERS, Self::end_trailer)?,
                Part::Whole => 0,
            };
        }
        Ok(taken)
    }

    fn skip(&mut self, bytes: &[u8], left: u64) -> usize {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - skipped as u64;
        self.part = match self.part {
            Part::Chunk { .. } => Part::Chunk { left },
            _ if left == 0 => Part::Whole,
            _ => Part::Body { left },
        };
        skipped
    }

    /// Takes up to the end of a line, and has `end` judge the line once it is there.
    fn take_line(
        &mut self,
        bytes: &[u8],
        most: usize,
        end: fn(&mut Self) -> Result<(), Fault>,
    ) -> Result<usize, Fault> {
        let found = bytes.iter().position(|&byte| byte == b'\n');
        let taken = found.map_or(bytes.len(), |at| at + 1);
        let room = most.saturating_sub(self.text.len()).saturating_add(1);
        self.text.extend_from_slice(&bytes[..taken.min(room)]);
        if self.part == Part::Head && self.line == 0 && self.text.len() > MAX_REQUEST_LINE {
            return Err(Fault::UriTooLong);
        }
        if self.text.len() > most {
            return Err(if self.part == Part::Head { Fault::HeadTooLong } else { Fault::Length });
        }
        if found.is_some() {
            if !self.text[self.line..].ends_with(b"\r\n") {
                return Err(Fault::BareLineFeed);
            }
            end(self)?;
        }
        Ok(taken)
    }

    fn current_line(&self) -> &[u8] {
        &self.text[self.line..self.text.len() - 2]
    }

    fn end_head_line(&mut self) -> Result<(), Fault> {
        if !self.current_line().is_empty() {
            self.line = self.text.len();
        } else if self.line == 0 {
            // An empty line before a request is passed over (RFC 9112, section 2.2).
            self.text.clear();
        } else {
            self.part = body_of(&self.text)?;
            self.begin_line();
        }
        Ok(())
    }

    fn end_chunk_size(&mut self) -> Result<(), Fault> {
        let line = self.current_line();
        let size = line.split(|&byte| byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size).unwrap_or_default().trim_end_matches([' ', '\t']);
        if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Fault::Length);
        }
        let left = u64::from_str_radix(size, 16).map_err(|_| Fault::Length)?;
        self.part = if left == 0 { Part::Trailers } else { Part::Chunk { left } };
        self.begin_line();
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), Fault> {
        if !self.current_line().is_empty() {
            return Err(Fault::Length);
        }
        self.part = Part::ChunkSize;
        self.begin_line();
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "one of the ends of a line, which share a signature")]
    fn end_trailer(&mut self) -> Result<(), Fault> {
        if self.current_line().is_empty() {
            self.part = Part::Whole;
            self.begin_line();
        } else {
            self.line = self.text.len();
        }
        Ok(())
    }

    fn begin_line(&mut self) {
        self.text.clear();
        self.line = 0;
    }
}

/// What follows a head.
fn body_of(head: &[u8]) -> Result<Part, Fault> {
    let mut lengths = Vec::new();
    let mut codings = Vec::new();
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    let request_line = lines.next().unwrap_or_default();
    for line in lines.filter(|line| !line.is_empty()) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Fault::Length);
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            lengths.push(value);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            codings.push(value);
        }
    }
    match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Ok(Part::Whole),
        ([length], []) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            let left = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok()).ok_or(Fault::Length)?;
            Ok(if left == 0 { Part::Whole } else { Part::Body { left } })
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") && !request_line.ends_with(b"HTTP/1.0") => {
            Ok(Part::ChunkSize)
        }
        _ => Err(Fault::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a text byte by byte and whole, which must come to the same.
    fn read(text: &str) -> Result<(usize, bool), Fault> {
        let mut whole = Framing::default();
        let at_once = whole.take(text.as_bytes()).map(|taken| (taken, whole.is_whole()));
        let mut piecemeal = Framing::default();
        let mut taken = 0;
        let mut fault = None;
        for byte in text.as_bytes() {
            match piecemeal.take(&[*byte]) {
                Ok(count) => taken += count,
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            }
        }
        let one_by_one = fault.map_or(Ok((taken, piecemeal.is_whole())), Err);
        assert_eq!(at_once, one_by_one, "{text:?}");
        at_once
    }

    #[test]
    fn a_request_ends_where_its_head_says() {
        for (request, rest) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET /next"),
            ("\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET /next"),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab\n\r\n", "GET /next"),
            ("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "x"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", "x"),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\ntrailer: x\r\n\r\n", "GET /"),
        ] {
            let mut framing = Framing::default();
            let text = format!("{request}{rest}");
            assert_eq!(framing.take(text.as_bytes()), Ok(request.len()), "{request:?}");
            assert!(framing.is_whole());
            assert_eq!(read(request), Ok((request.len(), true)));
        }
    }

    #[test]
    fn what_has_not_come_is_waited_for() {
        for text in ["", "\r\n", "GET / HTTP/1.1\r\nhost: a\r\n", "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nabcd"] {
            assert_eq!(read(text), Ok((text.len(), false)), "{text:?}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (text, fault) in [
            ("GET / HTTP/1.1\nhost: a\r\n\r\n", Fault::BareLineFeed),
            ("GET / HTTP/1.1\r\nhost: a\n\r\n", Fault::BareLineFeed),
            ("GET / HTTP/1.1\r\nhost: a\r\n\n", Fault::BareLineFeed),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\r\n", Fault::BareLineFeed),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n", Fault::Length),
            ("POST / HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\n", Fault::Length),
            ("POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n", Fault::Length),
            ("POST / HTTP/1.1\r\ncontent-length:\r\n\r\n", Fault::Length),
            ("POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", Fault::Length),
            ("POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n", Fault::Length),
            ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", Fault::Length),
            ("GET / HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n", Fault::Length),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", Fault::Length),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n", Fault::Length),
        ] {
            assert_eq!(read(text), Err(fault), "{text:?}");
        }
    }

    #[test]
    fn a_head_and_its_first_line_have_a_length() {
        let uri = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(MAX_REQUEST_LINE));
        assert_eq!(read(&uri), Err(Fault::UriTooLong));
        let head = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(MAX_HEAD));
        assert_eq!(read(&head), Err(Fault::HeadTooLong));
        let endless = "a".repeat(MAX_REQUEST_LINE + 1);
        assert_eq!(read(&endless), Err(Fault::UriTooLong));
    }
}
