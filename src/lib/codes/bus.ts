import type { Code } from "../errors.ts";

/** TM5xxx */
export const busCodes = {} as const satisfies Record<string, Code>;
