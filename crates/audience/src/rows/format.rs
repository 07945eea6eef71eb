//! Which of the three formats a file has.

/// The format of an audience file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Values separated by commas, semicolons or tabs, with a header.
    Csv,
    /// One JSON object `{"phone": …, "variables": {…}}` a line.
    Ndjson,
    /// A JSON array of such objects.
    JsonArray,
}

impl Format {
    /// What a file is, by what its sender says (a `Content-Type`) and by how it begins. A type that names no format, such
    /// as `application/octet-stream`, leaves the decision to the first bytes.
    pub fn detect(content_type: Option<&str>, first_bytes: &[u8]) -> Self {
        let essence = content_type.and_then(|full| full.split(';').next()).unwrap_or("").trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/csv" | "application/csv" | "text/tab-separated-values" => Self::Csv,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines"
            | "application/jsonlines"
            | "application/json-lines" => Self::Ndjson,
            "application/json" | "text/json" if first_byte(first_bytes) != Some(b'{') => Self::JsonArray,
            _ => match first_byte(first_bytes) {
                Some(b'[') => Self::JsonArray,
                Some(b'{') => Self::Ndjson,
                _ => Self::Csv,
            },
        }
    }

    /// What a file is, by the ending of its name, when that says so.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "json" => Some(Self::JsonArray),
            _ => None,
        }
    }
}

/// The first byte that is neither a byte-order mark nor white space, nor the half of one in UTF-16.
fn first_byte(bytes: &[u8]) -> Option<u8> {
    let passed = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, 0 | 0xEF | 0xBB | 0xBF | 0xFE | 0xFF);
    bytes.iter().copied().find(|byte| !passed(*byte))
}
