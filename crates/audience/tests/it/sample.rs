//! The sample audience of the demo.
