import type { StateStore } from "../../lib/state.ts";
import type { Step } from "../bus.ts";
import { after, type BusNumber, textKey } from "./keys.ts";
import type { Store } from "./store.ts";

/** One named state store of a bus. */
export function openState(parts: {
  readonly store: Store;
  readonly bus: BusNumber;
  readonly name: string;
  readonly commit: (step: Step) => Promise<void>;
}): StateStore {
  const { store, bus, name, commit } = parts;
  return {
    get: (key) => Promise.resolve(store.get("state", textKey(bus, `${name}\0${key}`))),
    put: (key, value) => commit({ state: [{ store: name, key, value }] }),
    delete: (key) => commit({ state: [{ store: name, key, value: undefined }] }),
    async *list(prefix) {
      const from = textKey(bus, `${name}\0${prefix}`);
      const skip = textKey(bus, `${name}\0`).length;
      // read whole first: what the caller does with an entry may change the table
      for (const [key, value] of [...store.range("state", { from, to: after(from) })]) {
        yield [key.toString("utf8", skip), value] as const;
      }
    },
  };
}
