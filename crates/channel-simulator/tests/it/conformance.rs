//! The port's suite, whole.

use crate::world::world;

paceline_channel::channel_conformance!(world);
