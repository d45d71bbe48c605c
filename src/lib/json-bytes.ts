/**
 * Bytes that are known to be JSON: whoever made or checked them says so, and nobody has to look again. The mark lies on the
 * array itself, which nobody changes, and goes with an event to the disk and back.
 */
const known = Symbol("JSON");

interface Marked {
  [known]?: true;
}

/** Marks bytes whose text is one JSON document in UTF-8. */
export function markJson<T extends Uint8Array>(bytes: T & Marked): T {
  bytes[known] = true;
  return bytes;
}

export function isMarkedJson(bytes: Uint8Array & Marked): boolean {
  return bytes[known] === true;
}
