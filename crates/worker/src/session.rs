//! Sessions: `connection` opens one and closes it, `pump` carries its events, `status` says how it stands.

pub(crate) mod connection;
pub(crate) mod status;

mod credentials;
mod pump;
