import type { Code } from "../errors.ts";

/** TM3xxx */
export const sourcesCodes = {} as const satisfies Record<string, Code>;
