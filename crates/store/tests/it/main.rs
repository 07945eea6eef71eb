//! The completeness of the suite that every adapter expands.

mod suite;
