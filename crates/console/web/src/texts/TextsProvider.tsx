// The language of the page: the browser's, or the one that was chosen. Numbers and times are written as it writes them.

import { useDirection } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { type ReactNode, useEffect, useMemo } from "react";

import { LANGUAGES, type Language, TextsContext, isLanguage } from "./texts";

function preferred(): Language {
  const wanted = navigator.languages.map((tag) => tag.split("-")[0] ?? "");
  return wanted.find(isLanguage) ?? "en";
}

export function TextsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useLocalStorage<Language>({ key: "paceline-language", defaultValue: preferred(), getInitialValueInEffect: false });
  const { setDirection } = useDirection();
  const { texts, direction } = LANGUAGES[language];
  useEffect(() => {
    document.documentElement.lang = language;
    setDirection(direction);
  }, [language, direction, setDirection]);
  const value = useMemo(() => ({ language, texts, setLanguage }), [language, texts, setLanguage]);
  return <TextsContext value={value}>{children}</TextsContext>;
}
