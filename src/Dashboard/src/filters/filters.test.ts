import { describe, expect, it } from 'vitest';
import { addressOf, csvAddressOf } from '../api/client';
import { readFilters, writeFilters } from './filters';
import { periodOf } from './periods';

describe('filters in the address', () => {
  const names = ['tenant', 'model', 'q'] as const;

  it('come back as they were written', () => {
    const written = writeFilters(new URLSearchParams(), { tenant: '研发部 & co', q: 'a=b' });
    expect(readFilters(names, new URLSearchParams(written.toString()))).toEqual({ tenant: '研发部 & co', q: 'a=b' });
  });

  it('leave what belongs to others', () => {
    const written = writeFilters(new URLSearchParams('open=1&tenant=a'), { tenant: undefined, model: 'm' });
    expect(written.toString()).toBe('open=1&model=m');
  });

  it('are not there when they are empty', () => expect(readFilters(names, new URLSearchParams('tenant=&other=1'))).toEqual({}));
});

describe('periods', () => {
  const now = new Date('2026-11-21T12:07:31Z');

  it('begin on a quarter of an hour', () => expect(periodOf({ period: '1h' }, now, '7d')).toEqual({ from: '2026-11-21T11:00:00.000Z' }));

  it('are the usual one when the name is unknown', () => expect(periodOf({ period: 'toString' }, now, '24h')).toEqual({ from: '2026-11-20T12:00:00.000Z' }));

  it('are between the bounds that were typed', () => {
    const typed = periodOf({ period: '1h', from: '2026-11-01T00:00', to: 'nonsense' }, now, '7d');
    expect(typed).toEqual({ from: new Date('2026-11-01T00:00').toISOString(), to: undefined });
  });
});

describe('addresses of the API', () => {
  it('leave out what is not set', () => expect(addressOf('/api/requests', { tenant: 'a b', key: undefined, q: '' })).toBe('/api/requests?tenant=a+b'));

  it('ask for a file without the place in the list', () => expect(csvAddressOf('/api/requests', { cursor: 'x', tenant: 'a' })).toBe('/api/requests?tenant=a&format=csv'));
});
