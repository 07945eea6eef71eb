//! Defaults, file and environment made into checked values
