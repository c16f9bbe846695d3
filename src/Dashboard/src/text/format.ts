import { useMemo } from 'react';
import { useLanguage, type Language } from './language';

const locales: Record<Language, string> = { en: 'en-US', zh: 'zh-CN' };

/** Numbers, money and dates as people of one language write them. */
export function formatsOf(language: Language) {
  const locale = locales[language];
  const cents = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' });
  const small = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: 2, maximumFractionDigits: 6 });
  const exact = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: 2, maximumFractionDigits: 12 });
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const short = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
  const percentage = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const instant = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });

  return {
    /** Cents from a dollar on; below, up to six digits, because a request often costs less than a cent. */
    money: (usd: number) => (Math.abs(usd) >= 1 || usd === 0 ? cents : small).format(usd),
    /** As it is owed, to the picodollar. */
    exactMoney: (usd: number) => exact.format(usd),
    number: (value: number) => whole.format(value),
    /** 12,300 as 12.3K: where there is no room. */
    short: (value: number) => short.format(value),
    share: (value: number) => percentage.format(value),
    instant: (at: string | Date) => instant.format(new Date(at)),
    day: (at: string | Date) => day.format(new Date(at)),
    clock: (at: string | Date) => clock.format(new Date(at)),
    duration: (milliseconds: number) => durationText(milliseconds, whole),
    /** Such as "in 3 hours". */
    relative: (at: string | Date, now: Date) => relativeText(new Date(at).getTime() - now.getTime(), relative),
  };
}

export type Formats = ReturnType<typeof formatsOf>;

function durationText(milliseconds: number, number: Intl.NumberFormat) {
  if (milliseconds < 1000) {
    return `${number.format(Math.round(milliseconds))} ms`;
  }

  const tenths = Math.round(milliseconds / 100) / 10;
  const seconds = Math.round(milliseconds / 1000);
  return tenths < 60 ? `${number.format(tenths)} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function relativeText(milliseconds: number, format: Intl.RelativeTimeFormat) {
  const units: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000]];
  for (const [unit, length] of units) {
    if (Math.abs(milliseconds) >= length) {
      return format.format(Math.trunc(milliseconds / length), unit);
    }
  }

  return format.format(Math.trunc(milliseconds / 1000), 'second');
}

export function useFormats(): Formats {
  const { language } = useLanguage();
  return useMemo(() => formatsOf(language), [language]);
}
