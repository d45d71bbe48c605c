import type { Code } from "../errors.ts";

/** TM6xxx */
export const recordCodes = {} as const satisfies Record<string, Code>;
