import { type ParseArgsConfig, parseArgs } from "node:util";

type Described = Readonly<
  Record<string, { readonly value?: string; readonly says: string; readonly fallback?: string }>
>;

/** The values of a command line: what has a `value` is a text, all else is a flag. */
export interface Options {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  /** A whole number of at least `min`. Throws a UsageError. */
  whole(name: string, min: number): number | undefined;
}

/** The command line cannot be understood: exit code 2. */
export class UsageError extends Error {}

/** Reads `argv` by a table of options. Throws a UsageError; with `--help` the help is its message. */
export function readOptions(command: string, described: Described, argv: readonly string[]): Options {
  const options: NonNullable<ParseArgsConfig["options"]> = { help: { type: "boolean" } };
  for (const [name, { value, fallback }] of Object.entries(described)) {
    options[name] =
      value === undefined
        ? { type: "boolean" }
        : { type: "string", ...(fallback === undefined ? {} : { default: fallback }) };
  }
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ args: [...argv], options, strict: true }));
  } catch (error) {
    const said = error instanceof Error ? error.message.split(". To specify")[0] : String(error);
    throw new UsageError(`${said}\n${helpOf(command, described)}`);
  }
  if (values.help === true) throw new UsageError(helpOf(command, described));
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    text,
    flag: (name) => values[name] === true,
    whole(name, min) {
      const given = text(name);
      if (given === undefined) return undefined;
      const number = Number(given);
      if (given.trim() !== "" && Number.isSafeInteger(number) && number >= min) return number;
      throw new UsageError(`--${name} must be a whole number of at least ${min}, not "${given}"`);
    },
  };
}

function helpOf(command: string, described: Described): string {
  const rows = Object.entries(described).map(([name, { value, says, fallback }]) => {
    const left = `  --${name}${value === undefined ? "" : ` ${value}`}`;
    return `${left.padEnd(24)} ${says}${fallback === undefined ? "" : ` Default ${fallback}.`}`;
  });
  return [`usage: ${command} [options]`, ...rows].join("\n");
}

/** Ends a program as its error asks for: usage with 2, all else with 1. */
export function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
