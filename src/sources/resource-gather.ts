/**
 * What comes one by one, in lists of all that is there already, `max` at most: whoever is slow gets more at once. A failure
 * comes after what was there before it. Reads ahead of its consumer by `max`.
 */
export async function* gather<T>(items: AsyncIterable<T>, max: number): AsyncIterable<readonly T[]> {
  let held: T[] = [];
  let end: { readonly failed?: { readonly error: unknown } } | undefined;
  let left = false;
  let bell = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  const read = async (): Promise<void> => {
    try {
      for await (const item of items) {
        held.push(item);
        bell.resolve();
        if (held.length >= max) await room.promise;
        if (left) break;
      }
      end = {};
    } catch (error) {
      end = { failed: { error } };
    }
    bell.resolve();
  };
  void read();
  try {
    for (;;) {
      await bell.promise;
      bell = Promise.withResolvers<void>();
      const taken = held;
      held = [];
      room.resolve();
      room = Promise.withResolvers<void>();
      if (taken.length > 0) yield taken;
      if (end === undefined || held.length > 0) continue;
      if (end.failed !== undefined) throw end.failed.error;
      return;
    }
  } finally {
    left = true;
    room.resolve();
  }
}
