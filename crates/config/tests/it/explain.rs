//! What `paceline check` shows.

use crate::load;

#[test]
fn every_key_is_told_with_value_and_source() {
    let config = load(&[
        ("PACELINE_SERVER__LISTEN", "127.0.0.1:9"),
        ("PACELINE_API__KEY", "pl_abc"),
        ("PACELINE_WEBHOOKS__ALLOW_PRIVATE", "10.0.0.0/8"),
    ]);
    let told = |key: &str| {
        let one = config.explain().iter().find(|one| one.key == key).unwrap();
        let source = one.source.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} from {source}", one.value.as_deref().unwrap_or("nothing"))
    };
    assert_eq!(told("server.listen"), "\"127.0.0.1:9\" from environment variable PACELINE_SERVER__LISTEN");
    assert_eq!(told("worker.slots"), "1000 from the default");
    assert_eq!(told("clock.speed"), "1.0 from the default");
    assert_eq!(told("simulator.in_process"), "true from the default");
    assert_eq!(
        told("webhooks.allow_private"),
        "[\"10.0.0.0/8\"] from environment variable PACELINE_WEBHOOKS__ALLOW_PRIVATE"
    );
    assert_eq!(told("api.key"), "(hidden) from environment variable PACELINE_API__KEY");
    assert_eq!(told("clock.origin"), "nothing from ");
    assert_eq!(told("pacing.profiles.gentle.gap.sigma"), "0.45 from the default");
}
