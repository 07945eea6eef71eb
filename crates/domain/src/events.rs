//! The kinds of events that webhooks, live streams and the event log carry.

crate::words::words! {
    /// What happened. The word is the event's `type` in the API and in webhooks.
    pub enum EventKind("event type") {
        /// A campaign began to send.
        CampaignStarted = "campaign.started",
        /// A campaign was halted.
        CampaignPaused = "campaign.paused",
        /// A campaign goes on.
        CampaignResumed = "campaign.resumed",
        /// A completed campaign runs again, because a message of it that was unknown is sent again.
        CampaignReopened = "campaign.reopened",
        /// A campaign has nothing waiting any more.
        CampaignCompleted = "campaign.completed",
        /// A campaign was ended by a person.
        CampaignCancelled = "campaign.cancelled",
        /// WhatsApp accepted a message.
        MessageSent = "message.sent",
        /// A message reached its recipient's device.
        MessageDelivered = "message.delivered",
        /// The recipient opened the message.
        MessageRead = "message.read",
        /// The message will not be delivered.
        MessageFailed = "message.failed",
        /// Nobody knows whether the message was sent.
        MessageUnknown = "message.unknown",
        /// A person, or the workspace's policy, decided about a message of unknown outcome. The event of the state that it then is in
        /// follows.
        MessageResolved = "message.resolved",
        /// The message's time passed before it was sent.
        MessageExpired = "message.expired",
        /// The message will not be sent.
        MessageCancelled = "message.cancelled",
        /// A person wrote to one of our senders.
        MessageReceived = "message.received",
        /// A person asked not to be contacted any more.
        ContactOptedOut = "contact.opted_out",
        /// A sender's session is up.
        SenderConnected = "sender.connected",
        /// A sender's session is down.
        SenderDisconnected = "sender.disconnected",
        /// A sender waits to be paired.
        SenderPairing = "sender.pairing",
        /// WhatsApp suspended a sender, for a time or for good.
        SenderSuspended = "sender.suspended",
        /// Deliveries to a webhook endpoint have been given up.
        WebhookExhausted = "webhook.exhausted",
        /// A webhook endpoint was switched off because it does not answer.
        WebhookDisabled = "webhook.disabled",
    }
}
