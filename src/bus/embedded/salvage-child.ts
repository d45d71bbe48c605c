import { isTide } from "../../lib/errors.ts";
import { verify } from "./codec.ts";
import { createLmdbStore } from "./lmdb-store.ts";
import type { SalvageOrder } from "./salvage.ts";
import { everything, type Write } from "./store.ts";

/**
 * Run as a process of its own by `salvage.ts`: copies rows of one table in order, and says after each commit how far it
 * came. A bad page ends it, by an error or by a signal; what it said before is in the new folder.
 */
const [given = "{}"] = process.argv.slice(2);
const order = JSON.parse(given) as SalvageOrder;
const { table, reverse, rows } = order;
const from = createLmdbStore(order.from);
const to = createLmdbStore(order.to);
const start = Buffer.from(order.start, "hex");
const beyond = Buffer.from(order.beyond, "hex");
const bounds = reverse
  ? { from: beyond.length > 0 ? beyond : everything.from, to: start.length > 0 ? start : everything.to }
  : { from: start.length > 0 ? start : everything.from, to: everything.to };

let copied = 0;
let damaged = 0;
let at = "";
let waiting: Write[] = [];
const say = (ended: boolean): boolean => process.stdout.write(`${JSON.stringify({ at, copied, damaged, ended })}\n`);
const keep = async (): Promise<void> => {
  const last = waiting.at(-1);
  if (last === undefined) return;
  await to.commit(waiting);
  copied += waiting.length;
  at = last.key.toString("hex");
  waiting = [];
  say(false);
};

let before: Buffer | undefined;
for (const [key, value] of from.range(table, { ...bounds, reverse })) {
  // a bad page can lead back to where reading was
  const step = before === undefined ? 0 : Buffer.compare(key, before);
  if (before !== undefined && (reverse ? step >= 0 : step <= 0)) break;
  before = key;
  if (start.length > 0 && key.equals(start)) continue;
  if (reverse && beyond.length > 0 && Buffer.compare(key, beyond) <= 0) break;
  if (isSound(value)) waiting.push({ table, key, value });
  else damaged += 1;
  if (waiting.length >= rows) await keep();
}
await keep();
// reading ends without an error at some bad pages
say(order.already + copied + damaged === from.count(table));
await to.close();
await from.close();

function isSound(value: Buffer): boolean {
  try {
    verify(table, value);
    return true;
  } catch (error) {
    if (isTide(error, "BUS_DAMAGED")) return false;
    throw error;
  }
}
