//! Resolves names and drops the addresses that the egress policy refuses. It sits inside the connector, so that the addresses checked
//! are the addresses connected to.

use std::{net::SocketAddr, sync::Arc};

use paceline_domain::EgressPolicy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The host is, or resolves to, nothing but addresses that may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address is not public")]
pub(crate) struct RefusedAddress;

/// A resolver that answers with permitted addresses only.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    policy: Arc<EgressPolicy>,
}

impl GuardedResolver {
    pub(crate) const fn new(policy: Arc<EgressPolicy>) -> Self {
        Self { policy }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            // Port 0 stands for the port of the URL, which the connector puts in.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let any_found = !found.is_empty();
            let permitted: Vec<_> = found.into_iter().filter(|address| policy.permits(address.ip())).collect();
            if permitted.is_empty() && any_found {
                return Err(RefusedAddress.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}
