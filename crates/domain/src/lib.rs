#![doc = include_str!("../README.md")]

mod account;
mod address;
mod campaign;
mod clock;
mod content;
mod dead_letter;
mod egress;
mod events;
mod exclusion;
mod ids;
mod job;
mod lane;
mod message;
mod outcome;
mod phone;
mod resolution;
mod result;
mod sender;
mod sign_in;
mod suppression;
mod wa_id;
mod webhook;
mod words;

pub use account::{Account, Bucket};
pub use address::{Address, AddressHash, WorkspaceKey};
pub use campaign::{CampaignAction, CampaignMove, CampaignState, MoveRefused};
pub use clock::{Clock, SleepFuture};
pub use content::Content;
pub use dead_letter::{DeadLetterKind, DeathReason};
pub use egress::{EgressPolicy, Network, ParseNetworkError};
pub use events::EventKind;
pub use exclusion::Exclusion;
pub use ids::MessageId;
pub use ids::{
    ApiKeyId, CampaignId, DeadLetterId, DeliveryId, EndpointId, EventId, Id, IdKind, Minter, ParseIdError, PoolId,
    RequestId, SenderId, SignInId, SuppressionId, UploadId, WorkerId, WorkspaceId, kind,
};
pub use job::{Epoch, Generation, Job, JobItem};
pub use lane::Lane;
pub use message::{MessageMove, MessageState};
pub use outcome::{AttemptNumber, CancelReason, FailureReason, MAX_ATTEMPTS, Outcome};
pub use phone::{ParsePhoneError, PhoneNumber, canonical_digits};
pub use resolution::{Resolution, Resolver, UnknownPolicy};
pub use result::{Inbound, Receipt, ReceiptKind, ResultBody, ResultId, SessionChange, SessionState, WorkerResult};
pub use sender::{ChannelKind, Repeats, SenderAction, SenderState};
pub use sign_in::SignInKind;
pub use suppression::{SuppressionReason, SuppressionScope};
pub use wa_id::WaId;
pub use webhook::DisableReason;
pub use words::UnknownWord;
