//! Which URLs a customer may name. A literal address is judged here; a name is judged by the dispatcher, each time it
//! resolves.

use paceline_domain::EgressPolicy;
use url::{Host, Url};

/// The longest URL.
const MAX_URL: usize = 2_000;

/// The URL in its normal form, or what is wrong with it.
pub(super) fn check(text: &str, policy: &EgressPolicy) -> Result<String, String> {
    if text.len() > MAX_URL {
        return Err(format!("must have at most {MAX_URL} bytes"));
    }
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user name or a password".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not carry a fragment".to_owned());
    }
    let permitted = match url.host() {
        None => return Err("must name a host".to_owned()),
        Some(Host::Ipv4(address)) => policy.permits(address.into()),
        Some(Host::Ipv6(address)) => policy.permits(address.into()),
        Some(Host::Domain(name)) => *policy != EgressPolicy::PublicOnly || !is_local_name(name),
    };
    if permitted { Ok(url.into()) } else { Err("must not name a private or loopback address".to_owned()) }
}

/// RFC 6761: these names are this machine, whatever a resolver says.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_addresses_are_refused_however_they_are_written() {
        for text in [
            "http://127.0.0.1/hook",
            "http://127.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest",
            "http://localhost:8080/",
            "http://a.localhost./",
        ] {
            let refused = check(text, &EgressPolicy::PublicOnly);
            assert_eq!(refused, Err("must not name a private or loopback address".to_owned()), "{text}");
            assert!(check(text, &EgressPolicy::Any).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_posted_to_is_refused() {
        for text in [
            "",
            "hook",
            "ftp://example.com/",
            "https://u:p@example.com/",
            "https://example.com/#x",
            "file:///etc/passwd",
        ] {
            assert!(check(text, &EgressPolicy::Any).is_err(), "{text}");
        }
        assert_eq!(check("https://example.com", &EgressPolicy::PublicOnly), Ok("https://example.com/".to_owned()));
    }
}
