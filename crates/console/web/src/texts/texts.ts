// What a component needs of the language.

import { createContext, useContext } from "react";

import { ar } from "./ar";
import { de } from "./de";
import { type Texts, en } from "./en";
import { es } from "./es";
import { pt } from "./pt";

export const LANGUAGES = {
  en: { texts: en, direction: "ltr" },
  de: { texts: de, direction: "ltr" },
  es: { texts: es, direction: "ltr" },
  pt: { texts: pt, direction: "ltr" },
  ar: { texts: ar, direction: "rtl" },
} as const satisfies Record<string, { texts: Texts; direction: "ltr" | "rtl" }>;

export type Language = keyof typeof LANGUAGES;

export function isLanguage(tag: string): tag is Language {
  return tag in LANGUAGES;
}

interface Spoken {
  language: Language;
  texts: Texts;
  setLanguage: (language: Language) => void;
}

export const TextsContext = createContext<Spoken>({ language: "en", texts: en, setLanguage: () => undefined });

export function useTexts(): Texts {
  return useContext(TextsContext).texts;
}

export function useLanguage(): Spoken {
  return useContext(TextsContext);
}

/** Numbers and times as the language writes them, times in the person's own zone. */
export function useFormats() {
  const { language } = useContext(TextsContext);
  return {
    number: (value: number) => new Intl.NumberFormat(language).format(value),
    time: (at: string) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at)),
    timeIn: (at: string, timeZone: string) =>
      new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZone, timeZoneName: "short" }).format(new Date(at)),
    bytes: (value: number) => new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 }).format(value / 1e6),
  };
}

/** Puts values where the text names them. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
