import { kills, killsUnderRetention } from "./kills.ts";
import { killsOverRedis } from "./kills-redis.ts";
import { manySources } from "./many-sources.ts";
import { memoryPressure } from "./memory-pressure.ts";
import { reloadEdits } from "./reload-edits.ts";
import { sigterm } from "./sigterm.ts";
import { describeAtSmallScale } from "./small-scale.ts";

// 20 kills, where `npm run faults` has 200
describeAtSmallScale("tidemill under faults", [
  [kills, 0.1],
  [killsUnderRetention, 0.1],
  [killsOverRedis, 0.1],
  [sigterm, 0.1],
  [reloadEdits, 0.04],
  [manySources, 0.04],
  [memoryPressure, 0.05],
]);
