// Every text of the console, in English: the catalogue that the others are held against.

export const en = {
  name: "English",
  nav: {
    home: "Home", campaigns: "Campaigns", senders: "Senders", attention: "To decide", suppressions: "Suppressions",
    webhooks: "Webhooks", fleet: "Fleet", settings: "Settings", main: "Main navigation", menu: "Menu", skip: "Skip to the content",
  },
  live: {
    connecting: "Connecting to live events…",
    behind: "Live events are cut off: what you see may be behind. Load the page again to go on.",
    reload: "Load again",
  },
  signIn: {
    title: "Sign in",
    explain: "Paste an API key of this installation. It is exchanged for a session of this browser and not kept.",
    key: "API key", submit: "Sign in", again: "Your session is over. Sign in again; nothing you typed is lost.",
    out: "Sign out", linkUsed: "The link is over or was used before.",
  },
  problem: {
    unreachable: "The server does not answer.", tryAgain: "Try again", request: "Request",
  },
  common: {
    more: "Show more", loading: "Loading", none: "Nothing here yet.", cancel: "Cancel", close: "Close", since: "since", until: "until",
    never: "never", details: "Details", back: "Back", next: "Next", yes: "Yes", no: "No", remove: "Remove", add: "Add", phone: "Phone number",
    state: "State", reason: "Reason", text: "Text", row: "Row", time: "Time", name: "Name", actions: "Actions", noPage: "There is no such page.",
    done: "Done",
  },
  home: {
    running: "Running now", nothingRuns: "No campaign is running.", needs: "What needs you", allWell: "Nothing needs you.",
    first: "Send your first campaign", firstExplain: "You need a sender, a list of people who asked for it, and a text.",
    unknown: "messages of unknown outcome", letters: "dead letters", unpaired: "senders wait to be paired",
    barred: "senders are barred by WhatsApp", unworked: "senders that no worker works for",
  },
  campaign: {
    new: "New campaign", name: "Name", state: "State", created: "Made", rows: "Rows", excluded: "Excluded", failed: "Failed by reason",
    account: "The account", planned: "planned", balanced: "The account balances.", unbalanced: "The account does not balance: this is a defect, please report it.",
    planning: "Planning: row {through} of {rows}", text: "Text", messages: "Messages", exclusions: "Excluded rows", report: "Report (CSV)",
    allStates: "All states", start: "Start", pause: "Pause", resume: "Resume", cancel: "Cancel the campaign",
    startExplain: "The campaign begins to send, each number at its own pace.",
    pauseExplain: "Sending stops at the next message. Nothing is lost; everything keeps its place.",
    resumeExplain: "Sending goes on where it stopped.",
    cancelExplain: "What was not sent never will be. This cannot be taken back.",
    started: "The campaign has started.", paused: "The campaign is paused.", resumed: "The campaign goes on.", cancelled: "The campaign is cancelled.",
    states: { draft: "draft", scheduled: "scheduled", running: "running", paused: "paused", completed: "completed", cancelled: "cancelled" },
    buckets: {
      sent: "sent", delivered: "delivered", read: "read", replied: "replied", opted_out: "opted out", failed: "failed", unknown: "unknown",
      expired: "expired", cancelled: "cancelled", waiting: "waiting", sending: "sending now",
    },
  },
  wizard: {
    message: "Message", people: "People", check: "Check", send: "Send",
    template: "Text of the message", templateExplain: "Variables are columns of your file: {{ name }}. A default for empty cells: {{ name | default(\"there\") }}. Variants: {Hi|Hello}.",
    variables: "Columns of your file", pool: "Pool of senders", region: "Country of numbers without a country code", regionExplain: "Two letters, such as DE. Leave empty when all numbers have their code.",
    file: "CSV file", choose: "Choose a file", phoneColumn: "Column with the phone number", upload: "Check this file", uploading: "Reading the file…",
    accepted: "{accepted} of {rows} rows can be sent to.", refused: "{count} rows are left out, each with its reason:",
    missing: "The text needs columns that the file does not have: {names}", previewTitle: "The first messages as they will arrive",
    leftOut: "left out: {reason}", ready: "Ready to start", reach: "{accepted} people get this message from the pool “{pool}”.",
    keep: "Keep as a draft", makeDraft: "Go on", phoneLooks: "as a phone shows it", noSender: "There is no sender in this pool yet; add one under Senders before you start.",
  },
  message: {
    title: "Message", to: "To", from: "From sender", story: "What happened", attempts: "Attempts", waId: "WhatsApp id", attempt: "attempt {number}",
    resolve: "Nobody knows whether it was sent. Decide:", sent: "It was sent", failed: "It was not sent", resend: "Send it again",
    resendExplain: "It is sent again under the same id. Where the network shows repeats, the person may see it twice.", resolved: "Decided.",
    why: "Why it is where it is",
    states: {
      waiting: "waiting", sending: "sending", sent: "sent", delivered: "delivered", read: "read", failed: "failed", unknown: "unknown",
      expired: "expired", cancelled: "cancelled",
    },
  },
  sender: {
    add: "Add a sender", pool: "Pools", profile: "Pacing profile", today: "Today", noCap: "no cap", left: "{left} left", nextSlot: "Next slot",
    lastSent: "Last sent", worker: "Worker", nobody: "nobody", why: "May it send now?", pause: "Pause", resume: "Resume", remove: "Remove",
    removeExplain: "Its session is deleted. Messages bound to it go to other senders of the pool.", pairing: "Pairing",
    pairingCode: "The code to be entered on the phone", pairingNone: "There is no code at the moment.", zone: "Time zone", added: "The sender was added.",
    changed: "Done.", poolsExplain: "Separated by commas",
    states: { active: "active", paused: "paused", removed: "removed" },
    sessions: {
      unpaired: "not paired", pairing: "pairing", connected: "connected", disconnected: "disconnected", replaced: "replaced",
      logged_out: "logged out", suspended: "suspended", banned: "banned",
    },
  },
  attention: {
    unknown: "Messages of unknown outcome", unknownExplain: "A process died while it sent. WhatsApp may have delivered the message or not; a receipt may still settle it.",
    letters: "Dead letters", lettersExplain: "What nobody could work on. A replay applies it again.", replay: "Replay", replayed: "Replayed.", kind: "Kind",
  },
  suppression: {
    explain: "Who must not be contacted. Opt-outs arrive here by themselves.", find: "Find by number", add: "Add", scope: "What is forbidden", all: "everything",
    marketing: "marketing", added: "The number is suppressed.", removed: "The suppression was removed.", removeExplain: "The person may be contacted again. Remove it only when they asked for that.",
  },
  webhook: {
    explain: "Where events are posted, signed.", url: "Address", add: "Add", secret: "The secret that signs every delivery. It is shown this once:", deliveries: "Deliveries",
    redeliver: "Deliver again", redelivered: "It will be delivered again.", attempts: "Tries", lastError: "Last answer", all: "all events", next: "Next try",
    removeExplain: "Its deliveries are removed with it.", states: { waiting: "waiting", delivered: "delivered", exhausted: "given up" },
  },
  fleet: {
    workers: "Workers", none: "No worker has reported itself.", host: "Host", slots: "Slots", senders: "Senders", memory: "Memory", seen: "Last report", silent: "silent",
    unleased: "Senders that nobody works for",
  },
  settings: {
    language: "Language", sessions: "Where this key is signed in", current: "this browser", end: "End", ended: "The session is over.", policy: "Messages whose outcome stays unknown",
    hold: "wait for a person", fail: "count as failed", resend: "are sent again, once", policyExplain: "“Sent again” may show a message twice on networks that do not drop repeats.",
    saved: "Saved.", expires: "Ends",
  },
};

export type Texts = typeof en;
