import type { Texts } from "./en";

export const ar: Texts = {
  name: "العربية",
  nav: {
    home: "الرئيسية", campaigns: "الحملات", senders: "المرسِلون", attention: "بانتظار قرار", suppressions: "المحظورون",
    webhooks: "نقاط الاستدعاء", fleet: "الأسطول", settings: "الإعدادات", main: "التنقل الرئيسي", menu: "القائمة", skip: "انتقل إلى المحتوى",
  },
  live: {
    connecting: "جارٍ الاتصال بالأحداث المباشرة…",
    behind: "انقطعت الأحداث المباشرة: قد يكون ما تراه قديمًا. أعد تحميل الصفحة.",
    reload: "أعد التحميل",
  },
  signIn: {
    title: "تسجيل الدخول",
    explain: "ألصق مفتاح API لهذا التثبيت. يُستبدل بجلسة لهذا المتصفح ولا يُحفظ.",
    key: "مفتاح API", submit: "دخول", again: "انتهت جلستك. سجّل الدخول من جديد؛ لن يضيع ما كتبته.",
    out: "خروج", linkUsed: "انتهت صلاحية الرابط أو استُخدم من قبل.",
  },
  problem: { unreachable: "الخادم لا يجيب.", tryAgain: "حاول مجددًا", request: "الطلب" },
  common: {
    more: "عرض المزيد", loading: "جارٍ التحميل", none: "لا شيء هنا بعد.", cancel: "إلغاء", close: "إغلاق", since: "منذ", until: "حتى",
    never: "أبدًا", details: "التفاصيل", back: "رجوع", next: "التالي", yes: "نعم", no: "لا", remove: "إزالة", add: "إضافة", phone: "رقم الهاتف",
    state: "الحالة", reason: "السبب", text: "النص", row: "الصف", time: "الوقت", name: "الاسم", actions: "الإجراءات", noPage: "لا توجد صفحة كهذه.",
    done: "تم",
  },
  home: {
    running: "قيد التنفيذ", nothingRuns: "لا توجد حملة قيد التنفيذ.", needs: "ما يحتاج إليك", allWell: "لا شيء يحتاج إليك.",
    first: "أرسل حملتك الأولى", firstExplain: "تحتاج إلى مرسِل، وقائمة بمن طلبوا ذلك، ونص.",
    unknown: "رسائل مجهولة النتيجة", letters: "عناصر متعذرة", unpaired: "مرسِلون بانتظار الربط",
    barred: "مرسِلون منعهم واتساب", unworked: "مرسِلون بلا عامل",
  },
  campaign: {
    new: "حملة جديدة", name: "الاسم", state: "الحالة", created: "أُنشئت", rows: "الصفوف", excluded: "المستبعدون", failed: "الفاشلة حسب السبب",
    account: "الحساب", planned: "مخطط لها", balanced: "الحساب متوازن.", unbalanced: "الحساب غير متوازن: هذا خلل، نرجو الإبلاغ عنه.",
    planning: "التخطيط: الصف {through} من {rows}", text: "النص", messages: "الرسائل", exclusions: "الصفوف المستبعدة", report: "التقرير (CSV)",
    allStates: "كل الحالات", start: "ابدأ", pause: "أوقف مؤقتًا", resume: "استأنف", cancel: "ألغِ الحملة",
    startExplain: "تبدأ الحملة بالإرسال، كل رقم بوتيرته.",
    pauseExplain: "يتوقف الإرسال عند الرسالة التالية. لا يضيع شيء؛ كل شيء يحفظ مكانه.",
    resumeExplain: "يستمر الإرسال من حيث توقف.",
    cancelExplain: "ما لم يُرسل لن يُرسل أبدًا. لا يمكن التراجع عن ذلك.",
    started: "بدأت الحملة.", paused: "أُوقفت الحملة مؤقتًا.", resumed: "استؤنفت الحملة.", cancelled: "أُلغيت الحملة.",
    states: { draft: "مسودة", scheduled: "مجدولة", running: "قيد التنفيذ", paused: "متوقفة", completed: "مكتملة", cancelled: "ملغاة" },
    buckets: {
      sent: "أُرسلت", delivered: "سُلّمت", read: "قُرئت", replied: "أُجيب عنها", opted_out: "انسحبوا", failed: "فشلت", unknown: "مجهولة",
      expired: "انتهت مهلتها", cancelled: "أُلغيت", waiting: "تنتظر", sending: "تُرسل الآن",
    },
  },
  wizard: {
    message: "الرسالة", people: "الأشخاص", check: "المراجعة", send: "الإرسال",
    template: "نص الرسالة", templateExplain: "المتغيرات هي أعمدة ملفك: {{ name }}. قيمة للخلايا الفارغة: {{ name | default(\"صديقنا\") }}. صيغ بديلة: {مرحبا|أهلا}.",
    variables: "أعمدة ملفك", pool: "مجموعة المرسِلين", region: "بلد الأرقام التي بلا رمز دولة", regionExplain: "حرفان مثل SA. اتركه فارغًا إن كانت كل الأرقام تحمل رمزها.",
    file: "ملف CSV", choose: "اختر ملفًا", phoneColumn: "عمود رقم الهاتف", upload: "راجع هذا الملف", uploading: "جارٍ قراءة الملف…",
    accepted: "يمكن الإرسال إلى {accepted} من {rows} صفًا.", refused: "يُستبعد {count} صفًا، لكل منها سببه:",
    missing: "يحتاج النص إلى أعمدة ليست في الملف: {names}", previewTitle: "الرسائل الأولى كما ستصل",
    leftOut: "مستبعد: {reason}", ready: "جاهزة للبدء", reach: "يتلقى {accepted} شخصًا هذه الرسالة من المجموعة «{pool}».",
    keep: "احفظها مسودة", makeDraft: "تابع", phoneLooks: "كما يعرضها الهاتف", noSender: "لا يوجد مرسِل في هذه المجموعة بعد؛ أضف واحدًا في صفحة المرسِلين قبل البدء.",
  },
  message: {
    title: "الرسالة", to: "إلى", from: "المرسِل", story: "ما حدث", attempts: "المحاولات", waId: "معرّف واتساب", attempt: "المحاولة {number}",
    resolve: "لا أحد يعلم هل أُرسلت. قرّر:", sent: "أُرسلت", failed: "لم تُرسل", resend: "أرسلها مجددًا",
    resendExplain: "تُرسل مجددًا بالمعرّف نفسه. حيث تعرض الشبكة التكرار قد يراها الشخص مرتين.", resolved: "تم القرار.",
    why: "لماذا هي حيث هي",
    states: {
      waiting: "تنتظر", sending: "تُرسل", sent: "أُرسلت", delivered: "سُلّمت", read: "قُرئت", failed: "فشلت", unknown: "مجهولة",
      expired: "انتهت مهلتها", cancelled: "أُلغيت",
    },
  },
  sender: {
    add: "أضف مرسِلًا", pool: "المجموعات", profile: "نمط الوتيرة", today: "اليوم", noCap: "بلا حد", left: "بقي {left}", nextSlot: "الموعد التالي",
    lastSent: "آخر إرسال", worker: "العامل", nobody: "لا أحد", why: "هل يجوز له الإرسال الآن؟", pause: "أوقف مؤقتًا", resume: "استأنف", remove: "أزل",
    removeExplain: "تُحذف جلسته. تنتقل الرسائل المرتبطة به إلى مرسِلين آخرين في المجموعة.", pairing: "الربط",
    pairingCode: "الرمز الذي يُدخل في الهاتف", pairingNone: "لا يوجد رمز في هذه اللحظة.", zone: "المنطقة الزمنية", added: "أُضيف المرسِل.",
    changed: "تم.", poolsExplain: "تفصل بينها فواصل",
    states: { active: "نشط", paused: "متوقف", removed: "مُزال" },
    sessions: {
      unpaired: "غير مربوط", pairing: "قيد الربط", connected: "متصل", disconnected: "منقطع", replaced: "استُبدل",
      logged_out: "أُخرج", suspended: "معلّق", banned: "محظور",
    },
  },
  attention: {
    unknown: "رسائل مجهولة النتيجة", unknownExplain: "توقفت عملية أثناء الإرسال. ربما سلّم واتساب الرسالة وربما لا؛ قد يحسم ذلك إيصال لاحق.",
    letters: "عناصر متعذرة", lettersExplain: "ما لم يستطع أحد معالجته. الإعادة تطبقه من جديد.", replay: "أعد", replayed: "أُعيد.", kind: "النوع",
  },
  suppression: {
    explain: "من لا يجوز التواصل معهم. تصل طلبات الانسحاب إلى هنا من تلقاء نفسها.", find: "ابحث برقم", add: "أضف", scope: "ما هو محظور", all: "كل شيء",
    marketing: "التسويق", added: "الرقم محظور.", removed: "أُزيل الحظر.", removeExplain: "يصبح التواصل مع الشخص جائزًا. لا تُزله إلا إذا طلب ذلك.",
  },
  webhook: {
    explain: "إلى أين تُرسل الأحداث موقّعة.", url: "العنوان", add: "أضف", secret: "السر الذي يوقّع كل تسليم. يُعرض هذه المرة فقط:", deliveries: "عمليات التسليم",
    redeliver: "سلّم مجددًا", redelivered: "سيُسلّم مجددًا.", attempts: "المحاولات", lastError: "آخر جواب", all: "كل الأحداث", next: "المحاولة التالية",
    removeExplain: "تُزال معها عمليات تسليمها.", states: { waiting: "ينتظر", delivered: "سُلّم", exhausted: "تُرك" },
  },
  fleet: {
    workers: "العمال", none: "لم يعرّف أي عامل بنفسه.", host: "الجهاز", slots: "الأماكن", senders: "المرسِلون", memory: "الذاكرة", seen: "آخر تقرير", silent: "صامت",
    unleased: "مرسِلون لا يعمل لهم أحد",
  },
  settings: {
    language: "اللغة", sessions: "أين سُجّل الدخول بهذا المفتاح", current: "هذا المتصفح", end: "أنهِ", ended: "انتهت الجلسة.", policy: "الرسائل التي تبقى نتيجتها مجهولة",
    hold: "تنتظر شخصًا", fail: "تُعد فاشلة", resend: "تُرسل مجددًا", policyExplain: "قد يُظهر «الإرسال مجددًا» الرسالة مرتين في شبكات لا تسقط التكرار.",
    saved: "حُفظ.", expires: "تنتهي",
  },
};
