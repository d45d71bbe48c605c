const MAX_REMEMBERED = 64;

/** Keeps a few made things (a pattern, a time zone) by key; when it is full it starts anew. */
export function memory(): <T>(key: string, make: () => T) => T {
  const known = new Map<string, unknown>();
  return <T>(key: string, make: () => T): T => {
    // The key says what kind of thing it is, so the type is the one that `make` gave.
    if (known.has(key)) return known.get(key) as T;
    const value = make();
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(key, value);
    return value;
  };
}
