//! Pages of a list, by keyset.

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The cursor of the page before; `None` for the first page. Opaque to everyone but the adapter, which answers a text that
    /// is no cursor of the list with `Conflict { what: "cursor" }`.
    pub after: Option<String>,
    /// The most items wanted; adapters take at most 1,000.
    pub limit: u32,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` when this is the last.
    pub next: Option<String>,
}
