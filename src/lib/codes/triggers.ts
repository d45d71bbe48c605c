import type { Code } from "../errors.ts";

/** TM4xxx */
export const triggersCodes = {} as const satisfies Record<string, Code>;
