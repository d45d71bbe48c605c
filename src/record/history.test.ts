import { describeHistories } from "./history/conformance.ts";
import { inMemory } from "./options.ts";
import { openSqlite } from "./sqlite/store.ts";

describeHistories({
  runs: 150,
  async withStore(step) {
    const store = await openSqlite({ path: inMemory, readOnly: false, busyTimeoutMs: 0 });
    try {
      await step(store);
    } finally {
      await store.close();
    }
  },
});
