import type { Audit } from "../../src/record/record.ts";
import type { Status } from "../../src/runtime/status.ts";
import { until } from "../until.ts";
import type { Product } from "./product.ts";

/** Waits until nothing is left to decide, to act on, or to remember; answers the sums. */
export async function drained(product: Product, { timeoutMs = 30_000 } = {}): Promise<Audit> {
  await until(
    "everything is decided, settled and remembered",
    async () => {
      const status = await product.get<Status>("/status");
      const idle = status.sensors.every(({ triggers }) =>
        triggers.every(({ pending, running }) => pending === 0 && running === 0),
      );
      const read = status.buses.every(({ lag }) => lag.sensors.entries === 0 && lag.record.entries === 0);
      if (idle && read) return true;
      throw new Error(JSON.stringify({ sensors: status.sensors, buses: status.buses }));
    },
    { timeoutMs, everyMs: 50 },
  );
  return product.get<Audit>("/audit");
}

/** Fails unless the sums of an audit fit: nothing is missing, undecided or still under way. */
export function sumsUp(audit: Audit): string[] {
  const faults = audit.missing.map(({ id, what }) => `${id}: ${what}`);
  if (audit.decisions.undecided > 0) faults.push(`${audit.decisions.undecided} undecided`);
  const { pending, running } = audit.firings;
  if (pending + running > 0) faults.push(`${pending} firings pending, ${running} running`);
  return faults;
}
