/** The seed of an event's randomness: from its id, so that deciding it again decides the same. */
export function seedOf(id: string): number {
  const seed = Number.parseInt(id.slice(0, 8), 16);
  return Number.isNaN(seed) ? 1 : seed;
}
