export interface TreeRow<Item> {
  item: Item;
  /** How far it is below the top. */
  depth: number;
}

/** Items below their parents, in the order they come in. Whose parent is not here stands at the top; so does everybody of a ring. */
export function treeOf<Item extends { id: string; parent?: string }>(items: readonly Item[]): TreeRow<Item>[] {
  const ids = new Set(items.map((item) => item.id));
  const below = new Map<string, Item[]>();
  for (const item of items) {
    const parent = item.parent !== undefined && ids.has(item.parent) ? item.parent : '';
    below.set(parent, [...(below.get(parent) ?? []), item]);
  }

  const rows: TreeRow<Item>[] = [];
  const seen = new Set<string>();
  const add = (item: Item, depth: number) => {
    if (seen.has(item.id)) {
      return;
    }

    seen.add(item.id);
    rows.push({ item, depth });
    below.get(item.id)?.forEach((child) => add(child, depth + 1));
  };
  below.get('')?.forEach((item) => add(item, 0));
  items.forEach((item) => add(item, 0));
  return rows;
}
