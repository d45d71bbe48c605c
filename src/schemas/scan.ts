/** What `JSON.parse` does not tell about a text. */
export interface Scanned {
  /** Colons outside of strings: members, counting a name that is there twice as two. */
  readonly members: number;
  readonly depth: number;
}

/** Linear, in constant memory. The text must be JSON. */
export function scan(json: string): Scanned {
  let members = 0;
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case 0x22:
        i = stringEnd(json, i);
        break;
      case 0x3a:
        members += 1;
        break;
      case 0x5b:
      case 0x7b:
        depth += 1;
        if (depth > deepest) deepest = depth;
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
    }
  }
  return { members, depth: deepest };
}

/** The place of the closing quote. */
function stringEnd(json: string, start: number): number {
  let i = json.indexOf('"', start + 1);
  while (i > 0 && escaped(json, i)) i = json.indexOf('"', i + 1);
  return i < 0 ? json.length : i;
}

function escaped(json: string, quote: number): boolean {
  let slashes = 0;
  while (json.charCodeAt(quote - 1 - slashes) === 0x5c) slashes += 1;
  return slashes % 2 === 1;
}

/** Members of a decoded value, all levels. Without recursion: the depth is the data's. */
export function memberCount(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const members: readonly unknown[] = Array.isArray(next) ? next : Object.values(next);
    if (!Array.isArray(next)) count += members.length;
    for (const member of members) if (typeof member === "object" && member !== null) open.push(member);
  }
  return count;
}

/** The way to the first member whose name is there twice; undefined where there is none. */
export function repeatedName(json: string): readonly (string | number)[] | undefined {
  const open: { readonly names: Set<string> | undefined; at: string | number }[] = [];
  for (let i = 0; i < json.length; i++) {
    const top = open.at(-1);
    switch (json.charCodeAt(i)) {
      case 0x7b:
        open.push({ names: new Set(), at: "" });
        break;
      case 0x5b:
        open.push({ names: undefined, at: 0 });
        break;
      case 0x7d:
      case 0x5d:
        open.pop();
        break;
      case 0x2c:
        if (top !== undefined && typeof top.at === "number") top.at += 1;
        break;
      case 0x22: {
        const end = stringEnd(json, i);
        if (top?.names !== undefined && isName(json, end)) {
          top.at = String(JSON.parse(json.slice(i, end + 1)));
          if (top.names.has(top.at)) return open.map(({ at }) => at);
          top.names.add(top.at);
        }
        i = end;
        break;
      }
    }
  }
  return undefined;
}

function isName(json: string, end: number): boolean {
  let i = end + 1;
  while (i < json.length && json.charCodeAt(i) <= 0x20) i += 1;
  return json.charCodeAt(i) === 0x3a;
}
