import { setTimeout as pause } from "node:timers/promises";
import type { Case } from "../figure.ts";
import { freePort } from "../processes.ts";
import { startTidemill, webhookManifest } from "../systems.ts";

const seconds = 30;
/** The start and the collection after it are over. */
const settleSeconds = 40;

/** Nothing comes, nothing is due; the record is on, admin API and metrics listen as they do unless told otherwise. */
export const idle: Case = {
  name: "idle",
  title: "idle",
  usual: true,
  size: () => `${seconds} s`,
  async run(rig) {
    const manifest = webhookManifest(await freePort(), "http://127.0.0.1:9/");
    const flags = ["--admin", `127.0.0.1:${await freePort()}`, "--metrics", `127.0.0.1:${await freePort()}`];
    await using child = await startTidemill(rig, { manifest, record: "on", flags });
    await pause(settleSeconds * 1000);
    const before = child.cpuMs();
    await pause(seconds * 1000);
    const share = (child.cpuMs() - before) / (seconds * 1000);
    const anonMb = child.rssAnonMb();
    const value = `${anonMb.toFixed(0)} MB (VmRSS ${child.vmRssMb().toFixed(0)} MB)`;
    rig.found({ what: "RssAnon", value, goal: "< 70 MB", good: anonMb < 70 });
    rig.found({
      what: `of a core, over ${seconds} s`,
      value: `${(share * 100).toFixed(2)} %`,
      goal: "< 0.3 %",
      good: share < 0.003,
    });
  },
};
