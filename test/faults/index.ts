import { clockJumps } from "./clock-jumps.ts";
import { manyDeadLetters } from "./dead-letters-many.ts";
import { diskFull } from "./disk-full.ts";
import { diskBroken, diskReadOnly, diskReadOnlyStart } from "./disk-read-only.ts";
import { diskSlow } from "./disk-slow.ts";
import { dnsFails } from "./dns-fails.ts";
import { kills, killsUnderRetention } from "./kills.ts";
import { killsOverRedis } from "./kills-redis.ts";
import { manySources } from "./many-sources.ts";
import { memoryPressure } from "./memory-pressure.ts";
import { powerCuts } from "./power-cuts.ts";
import { reloadEdits } from "./reload-edits.ts";
import type { Scenario } from "./scenario.ts";
import { sigterm } from "./sigterm.ts";
import { slowLoris } from "./slow-loris.ts";
import { targetFaults } from "./target-faults.ts";
import { redisAway } from "./upstream-redis.ts";
import { sqsAway } from "./upstream-sqs.ts";

/** What `npm run faults` does to tidemill, in this order. */
export const scenarios: readonly Scenario[] = [
  kills,
  killsUnderRetention,
  killsOverRedis,
  powerCuts,
  diskFull,
  diskSlow,
  diskReadOnly,
  diskBroken,
  diskReadOnlyStart,
  clockJumps,
  sigterm,
  reloadEdits,
  manySources,
  memoryPressure,
  slowLoris,
  targetFaults,
  dnsFails,
  manyDeadLetters,
  redisAway,
  sqsAway,
];
