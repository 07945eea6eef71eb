#![doc = include_str!("../README.md")]

mod asset;
mod pages;

pub use pages::{IS_BUILT, router};
