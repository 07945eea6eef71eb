//! `POST /v1/senders`.

use axum::{Json, extract::State, http::StatusCode};
use chrono_tz::Tz;
use paceline_domain::{ChannelKind, PhoneNumber};
use paceline_pacing::Seed;
use paceline_store::senders::{NewSender, SenderAddition};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::Api,
    auth::Caller,
    body::JsonBody,
    ids::IdSource,
    problem::{Conflict, Problem, Unprocessable},
    schemas,
    senders::{DEFAULT_POOL, SenderBody, settings},
    validate::Checks,
};

/// A sender to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddSender {
    /// The number to send from, in E.164.
    #[schema(value_type = schemas::PhoneNumber)]
    phone: String,
    /// How it reaches WhatsApp; `simulator` unless named. The others are not available yet.
    #[schema(value_type = Option<schemas::ChannelKind>)]
    channel: Option<String>,
    /// What to call it; its number unless named.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Its pools, made when they do not exist; `default` unless named. Each name has 64 characters at most.
    #[schema(min_items = 1, max_items = 50)]
    pools: Option<Vec<String>>,
    /// Its pacing profile; the installation's default (`gentle` unless configured) unless named.
    profile: Option<String>,
    /// The IANA time zone in which its day begins and ends; `UTC` unless named.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// The seed of its draws; a random one unless named.
    seed: Option<i64>,
}

/// Adds a sender. A removed one comes back with its old id and these settings.
#[utoipa::path(
    post, path = "/v1/senders", tag = "senders", request_body = AddSender,
    responses((status = 201, description = "Added; active, and waiting to be paired.", body = SenderBody), Conflict, Unprocessable)
)]
pub(crate) async fn add_sender(
    State(api): State<Api>,
    caller: Caller,
    ids: IdSource,
    JsonBody(request): JsonBody<AddSender>,
) -> Result<(StatusCode, Json<SenderBody>), Problem> {
    let sender = check(&api, caller, &ids, request)?;
    let sender = match api.store().add_sender(sender).await? {
        SenderAddition::Added(sender) | SenderAddition::Existing(sender) => *sender,
        SenderAddition::Taken => return Err(Problem::SenderTaken),
    };
    Ok((StatusCode::CREATED, Json(SenderBody::new(sender, api.profiles(), api.now()))))
}

fn check(api: &Api, caller: Caller, ids: &IdSource, request: AddSender) -> Result<NewSender, Problem> {
    let mut checks = Checks::default();
    let phone = checks.accept("/phone", request.phone.parse::<PhoneNumber>());
    let channel = checks.accept("/channel", checked_channel(request.channel.as_deref()));
    let zone = checks.accept("/timezone", checked_zone(request.timezone.as_deref()));
    let profile = request.profile.unwrap_or_else(|| api.options().default_profile.clone());
    settings::check_profile(&mut checks, api, &profile);
    settings::check_name(&mut checks, request.name.as_deref());
    let pools = settings::checked_pools(&mut checks, request.pools.unwrap_or_else(|| vec![DEFAULT_POOL.to_owned()]));
    checks.finish()?;
    // Each is present, since nothing was refused.
    let (Some(phone), Some(channel), Some(zone)) = (phone, channel, zone) else { return Err(Problem::Invalid(vec![])) };
    let now = api.now();
    Ok(NewSender {
        id: ids.mint(now),
        workspace: caller.workspace,
        name: request.name.unwrap_or_else(|| phone.as_e164().to_owned()),
        phone,
        channel,
        account: None,
        pools,
        profile,
        zone,
        seed: Seed(request.seed.unwrap_or_else(|| i64::from_be_bytes(api.minter().bytes()))),
        created_at: now,
    })
}

fn checked_channel(channel: Option<&str>) -> Result<ChannelKind, String> {
    match channel.unwrap_or(ChannelKind::Simulator.as_str()).parse() {
        Ok(ChannelKind::Simulator) => Ok(ChannelKind::Simulator),
        Ok(kind @ (ChannelKind::Cloud | ChannelKind::Web)) => {
            Err(format!("the channel {kind} is not available yet; use {}", ChannelKind::Simulator))
        }
        Err(unknown) => Err(unknown.to_string()),
    }
}

fn checked_zone(zone: Option<&str>) -> Result<Tz, String> {
    let zone = zone.unwrap_or("UTC");
    zone.parse().map_err(|_| format!("{zone:?} is not an IANA time zone such as Europe/Berlin"))
}
