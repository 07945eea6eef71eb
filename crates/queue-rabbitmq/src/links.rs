//! Which connection is for what. An alarm at the broker stops every connection that has published, acknowledgements included, so
//! publishing and consuming never share one. The first is open from the start and belongs to what comes first; a process that only
//! publishes or only consumes has one.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    context::Context,
    link::{Link, LinkState, Seat},
    status::BrokerStatus,
};

/// The connections of one queue.
pub(crate) struct Links {
    context: Arc<Context>,
    roles: Mutex<Roles>,
}

struct Roles {
    all: Vec<Arc<Link>>,
    publishing: Option<Arc<Link>>,
    consuming: Vec<Arc<Link>>,
}

impl Links {
    pub(crate) fn start(context: Arc<Context>) -> Self {
        let first = Link::start(Arc::clone(&context), 1);
        let roles = Roles { all: vec![first], publishing: None, consuming: Vec::new() };
        Self { context, roles: Mutex::new(roles) }
    }

    /// The one to publish on.
    pub(crate) fn publishing(&self) -> Arc<Link> {
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = &roles.publishing {
            return Arc::clone(link);
        }
        let link = if roles.consuming.is_empty() { Arc::clone(&roles.all[0]) } else { self.add(&mut roles) };
        roles.publishing = Some(Arc::clone(&link));
        link
    }

    /// A place to consume on.
    pub(crate) fn consuming(&self) -> Seat {
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = roles.consuming.iter().find_map(Link::take_seat) {
            return seat;
        }
        let first_is_free = roles.consuming.is_empty() && roles.publishing.is_none();
        let link = if first_is_free { Arc::clone(&roles.all[0]) } else { self.add(&mut roles) };
        let seat = link.take_seat().expect("nobody consumes on it yet, and every connection has a seat");
        roles.consuming.push(link);
        seat
    }

    /// The one to declare on: one that no alarm stops, when there is one.
    pub(crate) fn declaring(&self) -> Arc<Link> {
        let roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(roles.consuming.first().unwrap_or(&roles.all[0]))
    }

    /// The worst of all connections.
    pub(crate) fn status(&self) -> BrokerStatus {
        let links = self.roles.lock().unwrap_or_else(PoisonError::into_inner).all.clone();
        let mut status = BrokerStatus::Connected;
        for link in links {
            match link.state() {
                LinkState::Away { since, fault } => {
                    return BrokerStatus::Connecting { since, reason: fault.map(|fault| fault.reason().to_owned()) };
                }
                LinkState::Up(session) => {
                    if let Some(blocked) = session.blocked() {
                        status = BrokerStatus::Blocked { since: blocked.since, reason: blocked.reason };
                    }
                }
            }
        }
        status
    }

    fn add(&self, roles: &mut Roles) -> Arc<Link> {
        let number = u32::try_from(roles.all.len() + 1).unwrap_or(u32::MAX);
        let link = Link::start(Arc::clone(&self.context), number);
        roles.all.push(Arc::clone(&link));
        link
    }
}
