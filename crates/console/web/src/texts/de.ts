import type { Texts } from "./en";

export const de: Texts = {
  name: "Deutsch",
  nav: {
    home: "Übersicht", campaigns: "Kampagnen", senders: "Absender", attention: "Zu entscheiden", suppressions: "Sperrliste",
    webhooks: "Webhooks", fleet: "Flotte", settings: "Einstellungen", main: "Hauptnavigation", menu: "Menü", skip: "Zum Inhalt springen",
  },
  live: {
    connecting: "Verbindung zu den laufenden Ereignissen…",
    behind: "Die laufenden Ereignisse sind unterbrochen: Was Sie sehen, kann veraltet sein. Laden Sie die Seite neu.",
    reload: "Neu laden",
  },
  signIn: {
    title: "Anmelden",
    explain: "Fügen Sie einen API-Schlüssel dieser Installation ein. Er wird gegen eine Sitzung dieses Browsers getauscht und nicht aufbewahrt.",
    key: "API-Schlüssel", submit: "Anmelden", again: "Ihre Sitzung ist abgelaufen. Melden Sie sich wieder an; nichts Getipptes geht verloren.",
    out: "Abmelden", linkUsed: "Der Link ist abgelaufen oder wurde schon benutzt.",
  },
  problem: { unreachable: "Der Server antwortet nicht.", tryAgain: "Noch einmal", request: "Anfrage" },
  common: {
    more: "Mehr zeigen", loading: "Lädt", none: "Hier ist noch nichts.", cancel: "Abbrechen", close: "Schließen", since: "seit", until: "bis",
    never: "nie", details: "Einzelheiten", back: "Zurück", next: "Weiter", yes: "Ja", no: "Nein", remove: "Entfernen", add: "Hinzufügen", phone: "Telefonnummer",
    state: "Zustand", reason: "Grund", text: "Text", row: "Zeile", time: "Zeit", name: "Name", actions: "Aktionen", noPage: "Diese Seite gibt es nicht.",
    done: "Erledigt",
  },
  home: {
    running: "Läuft gerade", nothingRuns: "Keine Kampagne läuft.", needs: "Was Sie braucht", allWell: "Nichts braucht Sie.",
    first: "Ihre erste Kampagne", firstExplain: "Sie brauchen einen Absender, eine Liste von Menschen, die darum gebeten haben, und einen Text.",
    unknown: "Nachrichten mit unbekanntem Ausgang", letters: "unzustellbare Einträge", unpaired: "Absender warten auf die Kopplung",
    barred: "Absender sind von WhatsApp gesperrt", unworked: "Absender ohne Worker",
  },
  campaign: {
    new: "Neue Kampagne", name: "Name", state: "Zustand", created: "Angelegt", rows: "Zeilen", excluded: "Ausgeschlossen", failed: "Gescheitert nach Grund",
    account: "Die Rechnung", planned: "geplant", balanced: "Die Rechnung geht auf.", unbalanced: "Die Rechnung geht nicht auf: Das ist ein Fehler, bitte melden.",
    planning: "Planung: Zeile {through} von {rows}", text: "Text", messages: "Nachrichten", exclusions: "Ausgeschlossene Zeilen", report: "Bericht (CSV)",
    allStates: "Alle Zustände", start: "Starten", pause: "Anhalten", resume: "Fortsetzen", cancel: "Kampagne abbrechen",
    startExplain: "Die Kampagne beginnt zu senden, jede Nummer in ihrem Tempo.",
    pauseExplain: "Das Senden hält bei der nächsten Nachricht an. Nichts geht verloren; alles behält seinen Platz.",
    resumeExplain: "Das Senden geht weiter, wo es angehalten hat.",
    cancelExplain: "Was nicht gesendet wurde, wird nie gesendet. Das lässt sich nicht zurücknehmen.",
    started: "Die Kampagne läuft.", paused: "Die Kampagne ist angehalten.", resumed: "Die Kampagne geht weiter.", cancelled: "Die Kampagne ist abgebrochen.",
    states: { draft: "Entwurf", scheduled: "vorgesehen", running: "läuft", paused: "angehalten", completed: "fertig", cancelled: "abgebrochen" },
    buckets: {
      sent: "gesendet", delivered: "zugestellt", read: "gelesen", replied: "beantwortet", opted_out: "abgemeldet", failed: "gescheitert", unknown: "unbekannt",
      expired: "verfallen", cancelled: "abgebrochen", waiting: "wartend", sending: "wird gesendet",
    },
  },
  wizard: {
    message: "Nachricht", people: "Menschen", check: "Prüfen", send: "Senden",
    template: "Text der Nachricht", templateExplain: "Variablen sind Spalten Ihrer Datei: {{ name }}. Ersatz für leere Zellen: {{ name | default(\"du\") }}. Varianten: {Hi|Hallo}.",
    variables: "Spalten Ihrer Datei", pool: "Pool von Absendern", region: "Land der Nummern ohne Ländervorwahl", regionExplain: "Zwei Buchstaben, etwa DE. Leer lassen, wenn alle Nummern ihre Vorwahl haben.",
    file: "CSV-Datei", choose: "Datei wählen", phoneColumn: "Spalte mit der Telefonnummer", upload: "Datei prüfen", uploading: "Die Datei wird gelesen…",
    accepted: "An {accepted} von {rows} Zeilen kann gesendet werden.", refused: "{count} Zeilen bleiben aus, jede mit ihrem Grund:",
    missing: "Der Text braucht Spalten, die die Datei nicht hat: {names}", previewTitle: "Die ersten Nachrichten, wie sie ankommen",
    leftOut: "bleibt aus: {reason}", ready: "Bereit zum Start", reach: "{accepted} Menschen bekommen diese Nachricht aus dem Pool „{pool}“.",
    keep: "Als Entwurf behalten", makeDraft: "Weiter", phoneLooks: "wie ein Telefon sie zeigt", noSender: "In diesem Pool ist noch kein Absender; legen Sie vor dem Start unter Absender einen an.",
  },
  message: {
    title: "Nachricht", to: "An", from: "Von Absender", story: "Was geschah", attempts: "Versuche", waId: "WhatsApp-Kennung", attempt: "Versuch {number}",
    resolve: "Niemand weiß, ob sie gesendet wurde. Entscheiden Sie:", sent: "Sie wurde gesendet", failed: "Sie wurde nicht gesendet", resend: "Noch einmal senden",
    resendExplain: "Sie wird unter derselben Kennung noch einmal gesendet. Wo das Netz Wiederholungen zeigt, sieht der Mensch sie vielleicht zweimal.", resolved: "Entschieden.",
    why: "Warum sie da ist, wo sie ist",
    states: {
      waiting: "wartend", sending: "wird gesendet", sent: "gesendet", delivered: "zugestellt", read: "gelesen", failed: "gescheitert", unknown: "unbekannt",
      expired: "verfallen", cancelled: "abgebrochen",
    },
  },
  sender: {
    add: "Absender hinzufügen", pool: "Pools", profile: "Tempo-Profil", today: "Heute", noCap: "ohne Grenze", left: "noch {left}", nextSlot: "Nächster Platz",
    lastSent: "Zuletzt gesendet", worker: "Worker", nobody: "niemand", why: "Darf er jetzt senden?", pause: "Anhalten", resume: "Fortsetzen", remove: "Entfernen",
    removeExplain: "Seine Sitzung wird gelöscht. Nachrichten, die an ihn gebunden sind, gehen an andere Absender des Pools.", pairing: "Kopplung",
    pairingCode: "Der Code, der am Telefon einzugeben ist", pairingNone: "Im Augenblick gibt es keinen Code.", zone: "Zeitzone", added: "Der Absender wurde hinzugefügt.",
    changed: "Erledigt.", poolsExplain: "Durch Kommas getrennt",
    states: { active: "aktiv", paused: "angehalten", removed: "entfernt" },
    sessions: {
      unpaired: "nicht gekoppelt", pairing: "wird gekoppelt", connected: "verbunden", disconnected: "getrennt", replaced: "ersetzt",
      logged_out: "abgemeldet", suspended: "ausgesetzt", banned: "gesperrt",
    },
  },
  attention: {
    unknown: "Nachrichten mit unbekanntem Ausgang", unknownExplain: "Ein Prozess starb beim Senden. WhatsApp hat die Nachricht vielleicht zugestellt, vielleicht nicht; eine Quittung kann es noch klären.",
    letters: "Unzustellbare Einträge", lettersExplain: "Womit niemand arbeiten konnte. Wiederholen wendet es noch einmal an.", replay: "Wiederholen", replayed: "Wiederholt.", kind: "Art",
  },
  suppression: {
    explain: "Wer nicht angeschrieben werden darf. Abmeldungen kommen von selbst hierher.", find: "Nach Nummer suchen", add: "Hinzufügen", scope: "Was verboten ist", all: "alles",
    marketing: "Werbung", added: "Die Nummer ist gesperrt.", removed: "Die Sperre wurde entfernt.", removeExplain: "Der Mensch darf wieder angeschrieben werden. Entfernen Sie sie nur, wenn er darum gebeten hat.",
  },
  webhook: {
    explain: "Wohin Ereignisse gesendet werden, unterschrieben.", url: "Adresse", add: "Hinzufügen", secret: "Das Geheimnis, das jede Zustellung unterschreibt. Es wird nur dieses eine Mal gezeigt:", deliveries: "Zustellungen",
    redeliver: "Noch einmal zustellen", redelivered: "Es wird noch einmal zugestellt.", attempts: "Versuche", lastError: "Letzte Antwort", all: "alle Ereignisse", next: "Nächster Versuch",
    removeExplain: "Ihre Zustellungen werden mit ihr entfernt.", states: { waiting: "wartend", delivered: "zugestellt", exhausted: "aufgegeben" },
  },
  fleet: {
    workers: "Worker", none: "Kein Worker hat sich gemeldet.", host: "Rechner", slots: "Plätze", senders: "Absender", memory: "Speicher", seen: "Letzte Meldung", silent: "still",
    unleased: "Absender, für die niemand arbeitet",
  },
  settings: {
    language: "Sprache", sessions: "Wo dieser Schlüssel angemeldet ist", current: "dieser Browser", end: "Beenden", ended: "Die Sitzung ist beendet.", policy: "Nachrichten, deren Ausgang unbekannt bleibt",
    hold: "warten auf einen Menschen", fail: "gelten als gescheitert", resend: "werden noch einmal gesendet", policyExplain: "„Noch einmal gesendet“ kann eine Nachricht doppelt zeigen, wo das Netz Wiederholungen nicht verwirft.",
    saved: "Gespeichert.", expires: "Endet",
  },
};
