import { type ParseArgsConfig, parseArgs } from "node:util";

type Flags<T extends ParseArgsConfig> = ReturnType<typeof parseArgs<T>>;

/**
 * The flags and names that a command of this repository was started with. One that it does not know ends the process: code
 * 2, the fault and `usage` on standard error.
 */
export function flagsOf<T extends ParseArgsConfig>(config: T, usage: string): Flags<T> {
  try {
    return parseArgs(config);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), usage);
  }
}

/** Ends the process for what it was started with. */
export function refuse(fault: string, usage: string): never {
  process.stderr.write(`${fault}\n${usage.trimEnd()}\n`);
  process.exit(2);
}
