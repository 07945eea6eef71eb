import type { Texts } from "./en";

export const pt: Texts = {
  name: "Português",
  nav: {
    home: "Início", campaigns: "Campanhas", senders: "Remetentes", attention: "A decidir", suppressions: "Bloqueios",
    webhooks: "Webhooks", fleet: "Frota", settings: "Definições", main: "Navegação principal", menu: "Menu", skip: "Ir para o conteúdo",
  },
  live: {
    connecting: "A ligar aos eventos em direto…",
    behind: "Os eventos em direto foram cortados: o que vê pode estar atrasado. Carregue a página de novo.",
    reload: "Carregar de novo",
  },
  signIn: {
    title: "Entrar",
    explain: "Cole uma chave de API desta instalação. É trocada por uma sessão deste navegador e não é guardada.",
    key: "Chave de API", submit: "Entrar", again: "A sua sessão terminou. Entre de novo; nada do que escreveu se perde.",
    out: "Sair", linkUsed: "A ligação expirou ou já foi usada.",
  },
  problem: { unreachable: "O servidor não responde.", tryAgain: "Tentar de novo", request: "Pedido" },
  common: {
    more: "Ver mais", loading: "A carregar", none: "Ainda não há nada aqui.", cancel: "Cancelar", close: "Fechar", since: "desde", until: "até",
    never: "nunca", details: "Detalhes", back: "Voltar", next: "Seguinte", yes: "Sim", no: "Não", remove: "Remover", add: "Adicionar", phone: "Número de telefone",
    state: "Estado", reason: "Motivo", text: "Texto", row: "Linha", time: "Hora", name: "Nome", actions: "Ações", noPage: "Essa página não existe.",
    done: "Feito",
  },
  home: {
    running: "Em curso", nothingRuns: "Nenhuma campanha em curso.", needs: "O que precisa de si", allWell: "Nada precisa de si.",
    first: "Envie a sua primeira campanha", firstExplain: "Precisa de um remetente, de uma lista de pessoas que o pediram e de um texto.",
    unknown: "mensagens de resultado desconhecido", letters: "entregas mortas", unpaired: "remetentes por associar",
    barred: "remetentes barrados pelo WhatsApp", unworked: "remetentes sem processo de trabalho",
  },
  campaign: {
    new: "Nova campanha", name: "Nome", state: "Estado", created: "Criada", rows: "Linhas", excluded: "Excluídas", failed: "Falhadas por motivo",
    account: "A conta", planned: "planeadas", balanced: "A conta bate certo.", unbalanced: "A conta não bate certo: é um defeito, comunique-o.",
    planning: "A planear: linha {through} de {rows}", text: "Texto", messages: "Mensagens", exclusions: "Linhas excluídas", report: "Relatório (CSV)",
    allStates: "Todos os estados", start: "Iniciar", pause: "Pausar", resume: "Retomar", cancel: "Cancelar a campanha",
    startExplain: "A campanha começa a enviar, cada número ao seu ritmo.",
    pauseExplain: "O envio para na mensagem seguinte. Nada se perde; tudo guarda o seu lugar.",
    resumeExplain: "O envio continua onde parou.",
    cancelExplain: "O que não foi enviado nunca será. Não se pode desfazer.",
    started: "A campanha começou.", paused: "A campanha está em pausa.", resumed: "A campanha continua.", cancelled: "A campanha foi cancelada.",
    states: { draft: "rascunho", scheduled: "agendada", running: "em curso", paused: "em pausa", completed: "completa", cancelled: "cancelada" },
    buckets: {
      sent: "enviadas", delivered: "entregues", read: "lidas", replied: "respondidas", opted_out: "saídas", failed: "falhadas", unknown: "desconhecidas",
      expired: "expiradas", cancelled: "canceladas", waiting: "à espera", sending: "a enviar",
    },
  },
  wizard: {
    message: "Mensagem", people: "Pessoas", check: "Verificar", send: "Enviar",
    template: "Texto da mensagem", templateExplain: "As variáveis são colunas do seu ficheiro: {{ name }}. Valor para células vazias: {{ name | default(\"amigo\") }}. Variantes: {Oi|Olá}.",
    variables: "Colunas do seu ficheiro", pool: "Grupo de remetentes", region: "País dos números sem indicativo", regionExplain: "Duas letras, como BR. Vazio se todos os números têm indicativo.",
    file: "Ficheiro CSV", choose: "Escolha um ficheiro", phoneColumn: "Coluna com o telefone", upload: "Verificar este ficheiro", uploading: "A ler o ficheiro…",
    accepted: "Pode enviar-se a {accepted} de {rows} linhas.", refused: "{count} linhas ficam de fora, cada uma com o seu motivo:",
    missing: "O texto precisa de colunas que o ficheiro não tem: {names}", previewTitle: "As primeiras mensagens como vão chegar",
    leftOut: "fica de fora: {reason}", ready: "Pronto a começar", reach: "{accepted} pessoas recebem esta mensagem do grupo “{pool}”.",
    keep: "Guardar como rascunho", makeDraft: "Continuar", phoneLooks: "como um telefone a mostra", noSender: "Ainda não há remetentes neste grupo; adicione um em Remetentes antes de começar.",
  },
  message: {
    title: "Mensagem", to: "Para", from: "Remetente", story: "O que aconteceu", attempts: "Tentativas", waId: "Id do WhatsApp", attempt: "tentativa {number}",
    resolve: "Ninguém sabe se foi enviada. Decida:", sent: "Foi enviada", failed: "Não foi enviada", resend: "Enviar de novo",
    resendExplain: "É enviada de novo com o mesmo id. Onde a rede mostra repetições, a pessoa pode vê-la duas vezes.", resolved: "Decidido.",
    why: "Porque está onde está",
    states: {
      waiting: "à espera", sending: "a enviar", sent: "enviada", delivered: "entregue", read: "lida", failed: "falhada", unknown: "desconhecida",
      expired: "expirada", cancelled: "cancelada",
    },
  },
  sender: {
    add: "Adicionar remetente", pool: "Grupos", profile: "Perfil de ritmo", today: "Hoje", noCap: "sem limite", left: "restam {left}", nextSlot: "Próxima vaga",
    lastSent: "Último envio", worker: "Processo", nobody: "ninguém", why: "Pode enviar agora?", pause: "Pausar", resume: "Retomar", remove: "Remover",
    removeExplain: "A sua sessão é apagada. As mensagens ligadas a ele passam para outros remetentes do grupo.", pairing: "Associação",
    pairingCode: "O código a escrever no telefone", pairingNone: "De momento não há código.", zone: "Fuso horário", added: "O remetente foi adicionado.",
    changed: "Feito.", poolsExplain: "Separados por vírgulas",
    states: { active: "ativo", paused: "em pausa", removed: "removido" },
    sessions: {
      unpaired: "por associar", pairing: "a associar", connected: "ligado", disconnected: "desligado", replaced: "substituído",
      logged_out: "desassociado", suspended: "suspenso", banned: "barrado",
    },
  },
  attention: {
    unknown: "Mensagens de resultado desconhecido", unknownExplain: "Um processo morreu enquanto enviava. O WhatsApp pode ter entregado a mensagem ou não; um recibo ainda o pode esclarecer.",
    letters: "Entregas mortas", lettersExplain: "Aquilo com que ninguém conseguiu trabalhar. Repetir aplica-o de novo.", replay: "Repetir", replayed: "Repetido.", kind: "Tipo",
  },
  suppression: {
    explain: "Quem não deve ser contactado. As saídas chegam aqui sozinhas.", find: "Procurar por número", add: "Adicionar", scope: "O que é proibido", all: "tudo",
    marketing: "publicidade", added: "O número está bloqueado.", removed: "O bloqueio foi removido.", removeExplain: "A pessoa poderá voltar a ser contactada. Remova-o só se ela o pediu.",
  },
  webhook: {
    explain: "Para onde os eventos são enviados, assinados.", url: "Endereço", add: "Adicionar", secret: "O segredo que assina cada entrega. Só é mostrado desta vez:", deliveries: "Entregas",
    redeliver: "Entregar de novo", redelivered: "Será entregue de novo.", attempts: "Tentativas", lastError: "Última resposta", all: "todos os eventos", next: "Próxima tentativa",
    removeExplain: "As suas entregas são removidas com ele.", states: { waiting: "à espera", delivered: "entregue", exhausted: "abandonada" },
  },
  fleet: {
    workers: "Processos", none: "Nenhum processo se apresentou.", host: "Máquina", slots: "Vagas", senders: "Remetentes", memory: "Memória", seen: "Último aviso", silent: "calado",
    unleased: "Remetentes para quem ninguém trabalha",
  },
  settings: {
    language: "Língua", sessions: "Onde esta chave está aberta", current: "este navegador", end: "Terminar", ended: "A sessão terminou.", policy: "Mensagens cujo resultado fica desconhecido",
    hold: "esperam por uma pessoa", fail: "contam como falhadas", resend: "são enviadas de novo", policyExplain: "“Enviadas de novo” pode mostrar uma mensagem duas vezes em redes que não descartam repetições.",
    saved: "Guardado.", expires: "Termina",
  },
};
