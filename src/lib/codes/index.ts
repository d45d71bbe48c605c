import { busCodes } from "./bus.ts";
import { lintCodes } from "./lint.ts";
import { manifestsCodes } from "./manifests.ts";
import { recordCodes } from "./record.ts";
import { runtimeCodes } from "./runtime.ts";
import { sensorsCodes } from "./sensors.ts";
import { sourcesCodes } from "./sources.ts";
import { triggersCodes } from "./triggers.ts";

/** Every code of tidemill, a file per stage and one for lint: docs, `TMnnnn` ids and retry classes all come from here. */
export const codes = {
  ...manifestsCodes,
  ...lintCodes,
  ...sensorsCodes,
  ...sourcesCodes,
  ...triggersCodes,
  ...busCodes,
  ...recordCodes,
  ...runtimeCodes,
};
