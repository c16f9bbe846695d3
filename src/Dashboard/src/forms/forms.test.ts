import { describe, expect, it } from 'vitest';
import { readMember, writeMember } from './document';
import { sortProblems } from './problems';

describe('A document', () => {
  it('gets a member where there was no object for it', () => {
    expect(writeMember({ id: 'a' }, 'limits.daily.maxUSD', 5)).toEqual({ id: 'a', limits: { daily: { maxUSD: 5 } } });
  });

  it('loses the objects that a removed member leaves empty', () => {
    expect(writeMember({ id: 'a', limits: { daily: { maxUSD: 5 } } }, 'limits.daily.maxUSD', undefined)).toEqual({ id: 'a' });
  });

  it('keeps what the form knows nothing of', () => {
    expect(writeMember({ limits: { daily: { maxUSD: 5, later: 1 } }, other: [1] }, 'limits.daily.maxUSD', undefined)).toEqual({ limits: { daily: { later: 1 } }, other: [1] });
  });

  it('can be read where a part of the path is missing', () => {
    expect(readMember({ limits: 3 }, 'limits.daily.maxUSD')).toBeUndefined();
  });
});

describe('Problems', () => {
  it('go to the field they are about', () => {
    expect(sortProblems({ '$.limits.daily.maxUSD': ['is negative'] }, ['limits.daily', 'limits.daily.maxUSD']).members).toEqual({ 'limits.daily.maxUSD': 'is negative' });
  });

  it('of an element go to the field of the list', () => {
    expect(sortProblems({ '$.document.groups[1]': ['is empty'] }, ['groups']).members).toEqual({ groups: '[1]: is empty' });
  });

  it('without a field are kept, with their path', () => {
    expect(sortProblems({ '$.colour': ['is unknown'], $: ['is not an object'] }, ['name']).rest).toEqual(['colour: is unknown', 'is not an object']);
  });

  it('do not go to a field whose name only begins alike', () => {
    expect(sortProblems({ '$.keys': ['is wrong'] }, ['key']).rest).toEqual(['keys: is wrong']);
  });
});
