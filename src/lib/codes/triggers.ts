import type { Code } from "../errors.ts";
import { clusterCodes } from "./trigger-clusters.ts";
import { functionCodes } from "./trigger-functions.ts";
import { jobCodes } from "./trigger-jobs.ts";
import { serviceCodes } from "./trigger-services.ts";
import { targetCodes } from "./trigger-targets.ts";

/** TM4xxx: acting on targets, a file per family of triggers. */
export const triggersCodes = {
  ...targetCodes,
  ...clusterCodes,
  ...jobCodes,
  ...serviceCodes,
  ...functionCodes,
} as const satisfies Record<string, Code>;
