import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';

export type Language = 'en' | 'zh';

/** One text in every language; leaving one out does not compile. */
export type Text = Readonly<Record<Language, string>>;

type Names<Written extends string> = Written extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<Written extends string> = Readonly<Record<Names<Written>, string | number>>;

/** Says a text in the language of the page; what stands in braces has to be given. */
export type Say<Texts extends Record<string, Text>> = <Key extends keyof Texts & string>(
  key: Key,
  ...values: [Names<Texts[Key]['en']>] extends [never] ? [] : [Values<Texts[Key]['en']>]
) => string;

/** The texts of one feature. `const` keeps the braces' names known to the compiler. */
export const defineTexts = <const Texts extends Record<string, Text>>(texts: Texts): Texts => texts;

const storageKey = 'ccgate.language';

const LanguageContext = createContext<{ language: Language; choose: (language: Language) => void }>({ language: 'en', choose: () => undefined });

export const preferredLanguage = (wanted: readonly string[]): Language => (wanted.find((tag) => /^(en|zh)\b/i.test(tag))?.toLowerCase().startsWith('zh') ? 'zh' : 'en');

function storedLanguage(): Language {
  const stored = localStorage.getItem(storageKey);
  return stored === 'en' || stored === 'zh' ? stored : preferredLanguage(navigator.languages);
}

/** Makes the language known to everything below, and to the browser. */
export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(storedLanguage);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  }, [language]);
  const value = useMemo(
    () => ({
      language,
      choose: (chosen: Language) => {
        localStorage.setItem(storageKey, chosen);
        setLanguage(chosen);
      },
    }),
    [language],
  );
  return <LanguageContext value={value}>{children}</LanguageContext>;
}

export const useLanguage = () => useContext(LanguageContext);

export const fill = (written: string, values: Readonly<Record<string, string | number>> = {}) =>
  written.replace(/\{(\w+)\}/g, (braces, name: string) => String(values[name] ?? braces));

export function useTexts<Texts extends Record<string, Text>>(texts: Texts): Say<Texts> {
  const { language } = useLanguage();
  return useMemo(() => (key: string, values?: Record<string, string | number>) => fill(texts[key]?.[language] ?? key, values), [texts, language]);
}
