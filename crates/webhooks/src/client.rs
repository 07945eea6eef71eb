//! The HTTP client: guarded resolver, no redirects, no proxies, TLS by rustls with ring.

use std::sync::Arc;

use paceline_domain::EgressPolicy;
use rustls::{ClientConfig, RootCertStore};

use crate::{WebhookOptions, WebhooksError, resolver::GuardedResolver};

/// Builds the client that all tries share.
pub(crate) fn build(options: &WebhookOptions, policy: Arc<EgressPolicy>) -> Result<reqwest::Client, WebhooksError> {
    let per_endpoint = usize::try_from(options.per_endpoint).unwrap_or(usize::MAX);
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .dns_resolver(Arc::new(GuardedResolver::new(policy)))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
        .timeout(options.timeout)
        .pool_max_idle_per_host(per_endpoint)
        .user_agent(&options.user_agent)
        .build()?;
    Ok(client)
}

/// The provider is named here rather than installed for the process, so that two instances stay apart.
fn tls() -> Result<ClientConfig, WebhooksError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots())
        .with_no_client_auth();
    Ok(config)
}

/// The machine's certificate authorities, so that a company's own is trusted; on a machine that has none, Mozilla's.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        tracing::info!("the machine has no certificate authorities; webhooks trust those of Mozilla");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
