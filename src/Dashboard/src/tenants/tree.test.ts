import { expect, it } from 'vitest';
import { treeOf } from './tree';

const shown = (items: { id: string; parent?: string }[]) => treeOf(items).map(({ item, depth }) => `${'-'.repeat(depth)}${item.id}`);

it('Tenants stand below their parents', () => {
  expect(shown([{ id: 'ann', parent: 'team' }, { id: 'team' }, { id: 'bob', parent: 'team' }, { id: 'kid', parent: 'ann' }])).toEqual(['team', '-ann', '--kid', '-bob']);
});

it('A tenant whose parent is not in the list stands at the top', () => {
  expect(shown([{ id: 'ann', parent: 'elsewhere' }])).toEqual(['ann']);
});

it('A ring of parents loses nobody', () => {
  expect(shown([{ id: 'a', parent: 'b' }, { id: 'b', parent: 'a' }])).toEqual(['a', '-b']);
});
