//! Logs, metric registry and inventory
