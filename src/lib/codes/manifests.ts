import type { Code } from "../errors.ts";

/** TM1xxx */
export const manifestsCodes = {} as const satisfies Record<string, Code>;
