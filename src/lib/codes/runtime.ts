import type { Code } from "../errors.ts";

/** TM7xxx */
export const runtimeCodes = {} as const satisfies Record<string, Code>;
