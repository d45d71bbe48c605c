import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeBus } from "../conformance.ts";
import { openBusFolder } from "./open.ts";

const dirs: string[] = [];
let dataDir: string | undefined;

describeBus(
  "embedded",
  {
    async open(options) {
      dataDir ??= await mkdtemp(join(tmpdir(), "tidemill-bus-"));
      dirs.push(dataDir);
      return openBusFolder({ dataDir, facts: true, ...options });
    },
    async clear() {
      dataDir = undefined;
      for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
    },
  },
  { survives: true },
);

describeBus(
  "in-memory",
  {
    open: (options) => openBusFolder({ dataDir: undefined, facts: true, ...options }),
    clear: () => Promise.resolve(),
  },
  { survives: false },
);
