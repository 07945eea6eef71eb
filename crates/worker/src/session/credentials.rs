//! A session's credentials: found and unsealed, sealed and kept, deleted.

use std::time::Duration;

use paceline_channel::Credentials;
use paceline_domain::SessionState;
use paceline_store::{StoreError, leases::Fenced};

use crate::{
    backoff::Backoff,
    context::Context,
    gate::Closer,
    lease::watch::{LeaseWatch, Standing},
};

/// The device of a sender that Paceline uses.
const DEVICE: i32 = 0;

/// The stored credentials; `None` where there are none, or none that can be opened.
pub(super) async fn find(context: &Context, lease: &LeaseWatch) -> Result<Option<Credentials>, StoreError> {
    let Some(sealed) = context.store.find_session(lease.id, DEVICE).await? else { return Ok(None) };
    match context.keyring.open(lease.id, DEVICE, &sealed) {
        Ok(credentials) => Ok(Some(credentials)),
        Err(error) => {
            // The blob stays: with the right key it can be opened again, until a new pairing replaces it.
            tracing::error!(sender.id = %lease.id, error = %error, "pairing again, since the stored session is of no use");
            context.report_session(lease.id, SessionState::Unpaired, Some(error.to_string())).await;
            Ok(None)
        }
    }
}

/// Seals and stores new credentials, and answers whether they are safe: `false` only where that fails for good.
pub(super) async fn keep(context: &Context, lease: &LeaseWatch, credentials: &Credentials) -> bool {
    let sealed = match context.keyring.seal(lease.id, DEVICE, lease.epoch, credentials) {
        Ok(sealed) => sealed,
        Err(error) => {
            tracing::error!(sender.id = %lease.id, error = %error, "new credentials cannot be sealed");
            return false;
        }
    };
    let mut backoff = Backoff::new(Duration::from_millis(100));
    loop {
        let stored = context.store.store_session(lease.id, DEVICE, lease.epoch, Some(sealed.clone()));
        match stored.await {
            Ok(Fenced::Done(())) => return true,
            Ok(Fenced::LeaseLost) => {
                context.meters.epoch_refusals.with_label_values(&["session"]).inc();
                lease.change(Standing::Lost);
                return false;
            }
            Err(error) if error.is_transient() && lease.standing() != Standing::Lost => {
                context.gate.close(Closer::Leases, &error);
                tokio::time::sleep(backoff.next_pause()).await;
            }
            Err(error) => {
                tracing::error!(sender.id = %lease.id, error = %error, "new credentials cannot be stored");
                return false;
            }
        }
    }
}

/// Deletes credentials that the network does not accept any more. Where the store is away they stay, and the next opening finds
/// them void again.
pub(super) async fn delete(context: &Context, lease: &LeaseWatch) {
    match context.store.store_session(lease.id, DEVICE, lease.epoch, None).await {
        Ok(Fenced::Done(())) => {}
        Ok(Fenced::LeaseLost) => lease.change(Standing::Lost),
        Err(error) => {
            context.gate.close(Closer::Leases, &error);
            tracing::warn!(sender.id = %lease.id, error = %error, "void credentials cannot be deleted");
        }
    }
}
