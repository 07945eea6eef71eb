//! The two stacks, which give the same guarantees and so pass the same scenarios.

/// On what an installation runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// SQLite and the queue inside the process.
    Embedded,
    /// PostgreSQL and RabbitMQ.
    Full,
}
