//! The data plane: one actor per sender
