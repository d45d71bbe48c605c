import { clockJumps } from "./clock-jumps.ts";
import { diskFull } from "./disk-full.ts";
import { diskBroken, diskReadOnly, diskReadOnlyStart } from "./disk-read-only.ts";
import { diskSlow } from "./disk-slow.ts";
import { powerCuts } from "./power-cuts.ts";
import { describeAtSmallScale } from "./small-scale.ts";

describeAtSmallScale("tidemill on a bad disk and with a bad clock", [
  [powerCuts, 0.05],
  [diskFull, 0.02],
  [diskSlow, 0.1],
  [diskReadOnly, 0.1],
  [diskBroken, 0.1],
  [diskReadOnlyStart, 0.1],
  [clockJumps, 0.15],
]);
