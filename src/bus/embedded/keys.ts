/**
 * Keys sort as their parts do: a bus number (2 bytes), for queues a queue number (4 bytes), then a place in a log
 * (6 bytes, big-endian: 281 billion entries per bus) or text.
 */
export type BusNumber = number;

/** The number under which the names of the buses themselves lie. */
export const allBuses = 0xffff;

/** The greatest place. */
export const lastPlace = 2 ** 48 - 1;

export function logKey(bus: BusNumber, seq: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt16BE(bus, 0);
  key.writeUIntBE(seq, 2, 6);
  return key;
}

export function placeOf(key: Buffer): number {
  return key.readUIntBE(key.length - 6, 6);
}

export function queueKey(bus: BusNumber, queue: number, seq: number): Buffer {
  const key = Buffer.allocUnsafe(12);
  key.writeUInt16BE(bus, 0);
  key.writeUInt32BE(queue, 2);
  key.writeUIntBE(seq, 6, 6);
  return key;
}

/** The bit of a queue's number under which its index of order keys lies, away from its rows. */
const ordered = 0x80000000;

/** A place in a queue by its order key (8 bytes as hex), so that the places of one key lie together. */
export function orderKey(of: {
  readonly bus: BusNumber;
  readonly queue: number;
  readonly key: string;
  readonly seq: number;
}): Buffer {
  const key = Buffer.allocUnsafe(20);
  key.writeUInt16BE(of.bus, 0);
  key.writeUInt32BE(of.queue + ordered, 2);
  key.write(of.key, 6, "hex");
  key.writeUIntBE(of.seq, 14, 6);
  return key;
}

/** Text under a bus, and under a queue where it has one. */
export function textKey(bus: BusNumber, text: string): Buffer {
  const key = Buffer.allocUnsafe(2 + Buffer.byteLength(text));
  key.writeUInt16BE(bus, 0);
  key.write(text, 2);
  return key;
}

export function textOf(key: Buffer): string {
  return key.toString("utf8", 2);
}

/** Dedup keys: 16 bytes for ids of 32 hex digits, the text for others (Kafka's). */
export function idKey(bus: BusNumber, id: string): Buffer {
  if (!/^[0-9a-f]{32}$/.test(id)) return textKey(bus, id);
  const key = Buffer.allocUnsafe(18);
  key.writeUInt16BE(bus, 0);
  key.write(id, 2, "hex");
  return key;
}

/** The first key after all keys that begin with `prefix`. */
export function after(prefix: Buffer): Buffer {
  const key = Buffer.from(prefix);
  for (let i = key.length - 1; i >= 0; i--) {
    const byte = key[i] ?? 0;
    if (byte < 0xff) {
      key[i] = byte + 1;
      return key.subarray(0, i + 1);
    }
  }
  return Buffer.alloc(prefix.length + 1, 0xff);
}
