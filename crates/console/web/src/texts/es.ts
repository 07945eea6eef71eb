import type { Texts } from "./en";

export const es: Texts = {
  name: "Español",
  nav: {
    home: "Inicio", campaigns: "Campañas", senders: "Remitentes", attention: "Por decidir", suppressions: "Bloqueos",
    webhooks: "Webhooks", fleet: "Flota", settings: "Ajustes", main: "Navegación principal", menu: "Menú", skip: "Ir al contenido",
  },
  live: {
    connecting: "Conectando con los eventos en directo…",
    behind: "Los eventos en directo se han cortado: lo que ve puede estar atrasado. Vuelva a cargar la página.",
    reload: "Volver a cargar",
  },
  signIn: {
    title: "Iniciar sesión",
    explain: "Pegue una clave de API de esta instalación. Se cambia por una sesión de este navegador y no se guarda.",
    key: "Clave de API", submit: "Entrar", again: "Su sesión ha terminado. Vuelva a entrar; nada de lo escrito se pierde.",
    out: "Salir", linkUsed: "El enlace ha caducado o ya se usó.",
  },
  problem: { unreachable: "El servidor no responde.", tryAgain: "Reintentar", request: "Petición" },
  common: {
    more: "Ver más", loading: "Cargando", none: "Aún no hay nada aquí.", cancel: "Cancelar", close: "Cerrar", since: "desde", until: "hasta",
    never: "nunca", details: "Detalles", back: "Atrás", next: "Siguiente", yes: "Sí", no: "No", remove: "Quitar", add: "Añadir", phone: "Número de teléfono",
    state: "Estado", reason: "Motivo", text: "Texto", row: "Fila", time: "Hora", name: "Nombre", actions: "Acciones", noPage: "Esa página no existe.",
    done: "Hecho",
  },
  home: {
    running: "En marcha", nothingRuns: "No hay ninguna campaña en marcha.", needs: "Lo que le necesita", allWell: "Nada le necesita.",
    first: "Envíe su primera campaña", firstExplain: "Necesita un remitente, una lista de personas que lo pidieron y un texto.",
    unknown: "mensajes de resultado desconocido", letters: "entregas muertas", unpaired: "remitentes por vincular",
    barred: "remitentes vetados por WhatsApp", unworked: "remitentes sin trabajador",
  },
  campaign: {
    new: "Nueva campaña", name: "Nombre", state: "Estado", created: "Creada", rows: "Filas", excluded: "Excluidos", failed: "Fallidos por motivo",
    account: "La cuenta", planned: "previstos", balanced: "La cuenta cuadra.", unbalanced: "La cuenta no cuadra: es un defecto, comuníquelo.",
    planning: "Planificando: fila {through} de {rows}", text: "Texto", messages: "Mensajes", exclusions: "Filas excluidas", report: "Informe (CSV)",
    allStates: "Todos los estados", start: "Iniciar", pause: "Pausar", resume: "Reanudar", cancel: "Cancelar la campaña",
    startExplain: "La campaña empieza a enviar, cada número a su ritmo.",
    pauseExplain: "El envío se detiene en el siguiente mensaje. Nada se pierde; todo conserva su lugar.",
    resumeExplain: "El envío sigue donde se detuvo.",
    cancelExplain: "Lo que no se envió no se enviará nunca. No se puede deshacer.",
    started: "La campaña ha empezado.", paused: "La campaña está en pausa.", resumed: "La campaña sigue.", cancelled: "La campaña se ha cancelado.",
    states: { draft: "borrador", scheduled: "programada", running: "en marcha", paused: "en pausa", completed: "completa", cancelled: "cancelada" },
    buckets: {
      sent: "enviados", delivered: "entregados", read: "leídos", replied: "respondidos", opted_out: "bajas", failed: "fallidos", unknown: "desconocidos",
      expired: "caducados", cancelled: "cancelados", waiting: "en espera", sending: "enviándose",
    },
  },
  wizard: {
    message: "Mensaje", people: "Personas", check: "Revisar", send: "Enviar",
    template: "Texto del mensaje", templateExplain: "Las variables son columnas de su archivo: {{ name }}. Valor para celdas vacías: {{ name | default(\"amigo\") }}. Variantes: {Hola|Buenas}.",
    variables: "Columnas de su archivo", pool: "Grupo de remitentes", region: "País de los números sin prefijo", regionExplain: "Dos letras, como ES. Vacío si todos los números llevan prefijo.",
    file: "Archivo CSV", choose: "Elija un archivo", phoneColumn: "Columna con el teléfono", upload: "Revisar este archivo", uploading: "Leyendo el archivo…",
    accepted: "Se puede enviar a {accepted} de {rows} filas.", refused: "{count} filas quedan fuera, cada una con su motivo:",
    missing: "El texto necesita columnas que el archivo no tiene: {names}", previewTitle: "Los primeros mensajes tal como llegarán",
    leftOut: "queda fuera: {reason}", ready: "Listo para empezar", reach: "{accepted} personas reciben este mensaje del grupo «{pool}».",
    keep: "Guardar como borrador", makeDraft: "Seguir", phoneLooks: "como lo muestra un teléfono", noSender: "Aún no hay remitentes en este grupo; añada uno en Remitentes antes de empezar.",
  },
  message: {
    title: "Mensaje", to: "Para", from: "Remitente", story: "Qué ocurrió", attempts: "Intentos", waId: "Id de WhatsApp", attempt: "intento {number}",
    resolve: "Nadie sabe si se envió. Decida:", sent: "Se envió", failed: "No se envió", resend: "Enviar otra vez",
    resendExplain: "Se envía otra vez con el mismo id. Donde la red muestra repeticiones, la persona puede verlo dos veces.", resolved: "Decidido.",
    why: "Por qué está donde está",
    states: {
      waiting: "en espera", sending: "enviándose", sent: "enviado", delivered: "entregado", read: "leído", failed: "fallido", unknown: "desconocido",
      expired: "caducado", cancelled: "cancelado",
    },
  },
  sender: {
    add: "Añadir remitente", pool: "Grupos", profile: "Perfil de ritmo", today: "Hoy", noCap: "sin límite", left: "quedan {left}", nextSlot: "Próximo turno",
    lastSent: "Último envío", worker: "Trabajador", nobody: "nadie", why: "¿Puede enviar ahora?", pause: "Pausar", resume: "Reanudar", remove: "Quitar",
    removeExplain: "Se borra su sesión. Los mensajes ligados a él pasan a otros remitentes del grupo.", pairing: "Vinculación",
    pairingCode: "El código que se escribe en el teléfono", pairingNone: "Ahora mismo no hay código.", zone: "Zona horaria", added: "El remitente se ha añadido.",
    changed: "Hecho.", poolsExplain: "Separados por comas",
    states: { active: "activo", paused: "en pausa", removed: "quitado" },
    sessions: {
      unpaired: "sin vincular", pairing: "vinculando", connected: "conectado", disconnected: "desconectado", replaced: "sustituido",
      logged_out: "desvinculado", suspended: "suspendido", banned: "vetado",
    },
  },
  attention: {
    unknown: "Mensajes de resultado desconocido", unknownExplain: "Un proceso murió mientras enviaba. WhatsApp pudo entregar el mensaje o no; un acuse aún puede aclararlo.",
    letters: "Entregas muertas", lettersExplain: "Aquello con lo que nadie pudo trabajar. Repetir lo aplica otra vez.", replay: "Repetir", replayed: "Repetido.", kind: "Tipo",
  },
  suppression: {
    explain: "A quién no se debe contactar. Las bajas llegan aquí solas.", find: "Buscar por número", add: "Añadir", scope: "Qué se prohíbe", all: "todo",
    marketing: "publicidad", added: "El número está bloqueado.", removed: "El bloqueo se ha quitado.", removeExplain: "Se podrá volver a contactar a la persona. Quítelo solo si ella lo pidió.",
  },
  webhook: {
    explain: "Adónde se envían los eventos, firmados.", url: "Dirección", add: "Añadir", secret: "El secreto que firma cada entrega. Solo se muestra esta vez:", deliveries: "Entregas",
    redeliver: "Entregar otra vez", redelivered: "Se entregará otra vez.", attempts: "Intentos", lastError: "Última respuesta", all: "todos los eventos", next: "Próximo intento",
    removeExplain: "Sus entregas se quitan con ella.", states: { waiting: "en espera", delivered: "entregada", exhausted: "abandonada" },
  },
  fleet: {
    workers: "Trabajadores", none: "Ningún trabajador se ha presentado.", host: "Equipo", slots: "Plazas", senders: "Remitentes", memory: "Memoria", seen: "Último aviso", silent: "callado",
    unleased: "Remitentes por los que nadie trabaja",
  },
  settings: {
    language: "Idioma", sessions: "Dónde está abierta esta clave", current: "este navegador", end: "Terminar", ended: "La sesión ha terminado.", policy: "Mensajes cuyo resultado sigue desconocido",
    hold: "esperan a una persona", fail: "cuentan como fallidos", resend: "se envían otra vez", policyExplain: "«Se envían otra vez» puede mostrar un mensaje dos veces en redes que no descartan repeticiones.",
    saved: "Guardado.", expires: "Termina",
  },
};
