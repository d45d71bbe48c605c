import { totalmem } from "node:os";

/**
 * Room in memory for the bodies of all requests that are under way, of every port: from their first byte until they are
 * answered. Without a limit some hundred senders of large bodies take gigabytes (200 with 900 KB each: 1.7 GB), and the
 * system ends the process. Who finds no room is told to come again.
 */
export interface BodyRoom {
  readonly maxBytes: number;
  /** What is taken now. */
  readonly usedBytes: number;
  /** For one request; disposing it gives all back. */
  open(): HeldBody;
}

export interface HeldBody extends Disposable {
  /** Whether a body of this length would find room now. It takes none: a length is only a promise. */
  fits(bytes: number): boolean;
  /** Takes room for what has come; false, and nothing is taken, when there is none. */
  take(bytes: number): boolean;
}

const most = 32 * 2 ** 20;
const least = 8 * 2 ** 20;

/**
 * A 32nd of the memory that the process may have (the machine's, or its container's), from 8 to 32 MiB: until it is
 * durable an event is in memory some six times (its pieces, whole, as the event, encoded, and in pages of the database).
 */
export function bodyRoomBytes(memoryBytes: number = ownMemoryBytes()): number {
  return Math.min(most, Math.max(least, Math.floor(memoryBytes / 32)));
}

/** What a container grants; without a limit the system says 0, or more than there is. */
function ownMemoryBytes(): number {
  const granted = process.constrainedMemory();
  return granted > 0 ? Math.min(granted, totalmem()) : totalmem();
}

/** `full` is called when room runs out, and not again before half of it was free. */
export function createBodyRoom(maxBytes: number, full: () => void): BodyRoom {
  let usedBytes = 0;
  let told = false;
  const refuse = (): false => {
    if (!told) full();
    told = true;
    return false;
  };
  return {
    maxBytes,
    get usedBytes() {
      return usedBytes;
    },
    open() {
      let held = 0;
      // one alone may be larger than the room: a route that allows such bodies must be able to take them
      const fits = (bytes: number): boolean => usedBytes + bytes <= maxBytes || usedBytes === held;
      return {
        fits: (bytes) => fits(bytes) || refuse(),
        take(bytes) {
          if (!fits(bytes)) return refuse();
          held += bytes;
          usedBytes += bytes;
          return true;
        },
        [Symbol.dispose]() {
          usedBytes -= held;
          held = 0;
          if (usedBytes <= maxBytes / 2) told = false;
        },
      };
    },
  };
}
