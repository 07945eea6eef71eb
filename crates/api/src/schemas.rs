//! The domain's words and ids as schemas of the OpenAPI document.
//!
//! The domain knows nothing of HTTP, so its types have no schema of their own; views name these with
//! `#[schema(value_type = schemas::…)]`. The words come from the domain's own lists, so that the document cannot differ.

use std::borrow::Cow;

use paceline_domain as domain;
use paceline_store::endpoints::DeliveryState as Delivery;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! named {
    ($name:ident, $schema:expr) => {
        #[doc = concat!("The schema `", stringify!($name), "`.")]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($schema.schema_type(Type::String).build()))
            }
        }
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

macro_rules! words {
    ($($name:ident: $words:ty;)+) => {
        $(named!($name, ObjectBuilder::new().enum_values(Some(<$words>::ALL.iter().map(|word| word.as_str()))));)+
    };
}

macro_rules! ids {
    ($($name:ident;)+) => {
        $(named!($name, ObjectBuilder::new().pattern(Some(id_pattern::<domain::$name>())));)+
    };
}

words! {
    CampaignAction: domain::CampaignAction;
    CampaignState: domain::CampaignState;
    ChannelKind: domain::ChannelKind;
    DeadLetterKind: domain::DeadLetterKind;
    DeathReason: domain::DeathReason;
    DeliveryState: Delivery;
    DisableReason: domain::DisableReason;
    EventKind: domain::EventKind;
    Lane: domain::Lane;
    MessageState: domain::MessageState;
    Resolution: domain::Resolution;
    SenderAction: domain::SenderAction;
    SenderState: domain::SenderState;
    SessionState: domain::SessionState;
    SuppressionReason: domain::SuppressionReason;
    SuppressionScope: domain::SuppressionScope;
    UnknownPolicy: domain::UnknownPolicy;
}

ids! {
    CampaignId;
    DeadLetterId;
    DeliveryId;
    EndpointId;
    EventId;
    MessageId;
    RequestId;
    SenderId;
    SignInId;
    SuppressionId;
    UploadId;
    WorkerId;
    WorkspaceId;
}

named!(
    PhoneNumber,
    ObjectBuilder::new().pattern(Some(r"^\+[1-9][0-9]{6,14}$")).examples([serde_json::json!("+15550100")])
);

trait Prefixed {
    const PREFIX: &'static str;
}

impl<K: domain::IdKind> Prefixed for domain::Id<K> {
    const PREFIX: &'static str = K::PREFIX;
}

fn id_pattern<I: Prefixed>() -> String {
    format!("^{}_[0-9a-f]{{32}}$", I::PREFIX)
}
