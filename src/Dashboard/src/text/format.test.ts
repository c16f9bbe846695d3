import { describe, expect, it } from 'vitest';
import { formatsOf } from './format';
import { fill, preferredLanguage } from './language';

describe('money', () => {
  const { money, exactMoney } = formatsOf('en');

  it('shows cents from a dollar on', () => expect(money(1234.5678)).toBe('$1,234.57'));

  it('shows up to six digits of less than a dollar, because a request often costs less than a cent', () => {
    expect(money(0.0123456789)).toBe('$0.012346');
    expect(money(0.5)).toBe('$0.50');
  });

  it('shows nothing as nothing', () => expect(money(0)).toBe('$0.00'));

  it('keeps the sign of what is given back', () => expect(money(-0.001)).toBe('-$0.001'));

  it('shows every digit that is owed when asked to', () => expect(exactMoney(0.042123456789)).toBe('$0.042123456789'));

  it('says dollars in Chinese with the same sign', () => expect(formatsOf('zh').money(0.5)).toBe('$0.50'));
});

describe('durations', () => {
  const { duration } = formatsOf('en');

  it('grow from milliseconds to minutes', () => {
    expect(duration(812.4)).toBe('812 ms');
    expect(duration(4_250)).toBe('4.3 s');
    expect(duration(61_000)).toBe('1 min 1 s');
  });

  it('never show sixty seconds beside a minute', () => expect(duration(119_700)).toBe('2 min 0 s'));
});

describe('relative times', () => {
  const now = new Date('2026-11-21T12:00:00Z');

  it('are said in the largest whole unit', () => {
    expect(formatsOf('en').relative('2026-11-21T15:10:00Z', now)).toBe('in 3 hr.');
    expect(formatsOf('zh').relative('2026-11-21T11:58:00Z', now)).toBe('2分钟前');
  });
});

describe('texts', () => {
  it('are filled in by name', () => expect(fill('{used} of {max}', { used: 1, max: 2 })).toBe('1 of 2'));

  it('come in the first language of the browser that there is', () => {
    expect(preferredLanguage(['de-DE', 'zh-CN', 'en'])).toBe('zh');
    expect(preferredLanguage(['de-DE'])).toBe('en');
  });
});
