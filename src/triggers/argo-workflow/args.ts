import { type Operation, operations } from "./config.ts";

/** What the flags of `args` ask for. */
export interface Options {
  /** `NAME=VALUE`, in their order. */
  readonly parameters: readonly string[];
  readonly values: ReadonlyMap<ValueFlag, string>;
  readonly set: ReadonlySet<SwitchFlag>;
}

/** A flag that cannot be followed. */
export interface ArgumentFault {
  /** Of the argument in the list. */
  readonly index: number;
  readonly message: string;
  readonly fix: string;
}

type ValueFlag =
  | "name"
  | "generate-name"
  | "entrypoint"
  | "serviceaccount"
  | "labels"
  | "annotations"
  | "priority"
  | "instanceid"
  | "node-field-selector"
  | "message";
type SwitchFlag = "memoized" | "restart-successful";

const submits: readonly Operation[] = ["submit", "submit-from"];

/** Which operations take a flag. */
const valueFlags: ReadonlyMap<string, readonly Operation[]> = new Map([
  ["parameter", [...submits, "resubmit", "retry"] as const],
  ...["name", "generate-name", "entrypoint", "serviceaccount", "labels", "annotations", "instanceid"].map(
    (flag) => [flag, submits] as const,
  ),
  ["priority", [...submits, "resubmit"]],
  ["node-field-selector", ["resume", "stop", "retry"]],
  ["message", ["stop"]],
]);
const switchFlags: ReadonlyMap<string, readonly Operation[]> = new Map([
  ["memoized", ["resubmit"] as const],
  ["restart-successful", ["retry"] as const],
]);

/** They say what the command prints, and change nothing else. */
const silentValues: ReadonlyMap<string, readonly Operation[]> = new Map([
  ...["output", "loglevel", "gloglevel", "log-format"].map((flag) => [flag, operations] as const),
  ...["node-field-selector", "status"].map((flag) => [flag, submits] as const),
]);
const silentSwitches: ReadonlySet<string> = new Set(["verbose", "strict", "no-color", "no-utf8"]);
const shortNames: ReadonlyMap<string, string> = new Map([
  ...([
    ["p", "parameter"],
    ["l", "labels"],
    ["o", "output"],
    ["v", "verbose"],
  ] as const),
  ...([
    ["w", "wait"],
    ["f", "parameter-file"],
    ["n", "namespace"],
  ] as const),
]);

const waiting = "Wait with policy.k8s for the label workflows.argoproj.io/completed.";
/** What is refused although argo has it, and what to do instead. */
const refused: ReadonlyMap<string, string> = new Map([
  ...["wait", "watch", "log"].map((flag) => [flag, waiting] as const),
  ["from", "Use operation submit-from; the object's kind and metadata.name say from what."],
  ["parameter-file", "Write the parameters as -p NAME=VALUE."],
  ["namespace", "Write it as metadata.namespace of the object."],
  ["dry-run", "Remove it: nothing would be made. `tidemill eval` shows the object."],
  ["server-dry-run", "Remove it: nothing would be made. `tidemill eval` shows the object."],
]);

/** Reads the flags as the argo command does (`--flag value`, `--flag=value`, `-p value`, `-pvalue`). Pure. */
export function parseArgs(
  operation: Operation,
  args: readonly string[],
): { readonly options: Options; readonly faults: readonly ArgumentFault[] } {
  const parameters: string[] = [];
  const values = new Map<ValueFlag, string>();
  const set = new Set<SwitchFlag>();
  const faults: ArgumentFault[] = [];
  for (let index = 0; index < args.length; index++) {
    const at = index;
    const fault = (message: string, fix: string): void => {
      faults.push({ index: at, message, fix });
    };
    const flag = splitFlag(args[index] ?? "");
    if (flag === undefined) {
      fault(`${JSON.stringify(args[index])} is no flag`, "The workflow is named by the object in source alone.");
      continue;
    }
    const { name, written } = flag;
    const use = useOf(name, operation);
    // a flag that is not known may have a value: what follows is taken for it, so that one mistake is one finding
    const next = args[index + 1];
    if (
      flag.inline === undefined &&
      (use.takes === "value" || (use.takes === "any" && next?.startsWith("-") === false))
    ) {
      index++;
    }
    const value = flag.inline ?? (index > at ? next : undefined);
    if (use.what === "refused") fault(use.message(written), use.fix);
    else if (use.takes === "switch") {
      const on = truthOf(value ?? "true");
      if (on === undefined) fault(`${written} takes true or false`, "Correct it.");
      else if (on && use.what === "followed") set.add(name as SwitchFlag);
    } else if (value === undefined) fault(`${written} needs a value`, "Write it as the next argument.");
    else if (use.what === "followed") {
      const wrong = faultOfValue(name, value);
      if (wrong !== undefined) fault(`${written}: ${wrong}`, "Correct it.");
      else if (name === "parameter") parameters.push(value);
      else values.set(name as ValueFlag, value);
    }
  }
  return { options: { parameters, values, set }, faults };
}

type Use = { readonly takes: "value" | "switch" | "any" } & (
  | { readonly what: "followed" | "silent" }
  | { readonly what: "refused"; readonly message: (written: string) => string; readonly fix: string }
);

/** What a flag is for an operation. */
function useOf(name: string, operation: Operation): Use {
  const isValue = valueFlags.has(name) || silentValues.has(name);
  const takes = isValue ? "value" : switchFlags.has(name) || silentSwitches.has(name) ? "switch" : "any";
  if (valueFlags.get(name)?.includes(operation) || switchFlags.get(name)?.includes(operation)) {
    return { takes, what: "followed" };
  }
  if (silentValues.get(name)?.includes(operation) || silentSwitches.has(name)) return { takes, what: "silent" };
  const fix = refused.get(name);
  if (fix !== undefined) {
    return { takes, what: "refused", fix, message: (written) => `the flag ${written} cannot be followed here` };
  }
  const message = (written: string) =>
    takes === "any" ? `argo's flag ${written} is not known here` : `${written} is no flag for operation ${operation}`;
  return { takes, what: "refused", fix: "Remove it.", message };
}

interface Flag {
  /** As a person wrote it, without its value. */
  readonly written: string;
  readonly name: string;
  readonly inline: string | undefined;
}

function splitFlag(arg: string): Flag | undefined {
  const long = /^--([^=]+)(?:=([\s\S]*))?$/.exec(arg);
  if (long !== null) return { written: `--${long[1]}`, name: long[1] ?? "", inline: long[2] };
  const short = /^-([^-=])=?([\s\S]*)$/.exec(arg);
  if (short === null) return undefined;
  const [, letter = "", rest = ""] = short;
  return {
    written: `-${letter}`,
    name: shortNames.get(letter) ?? `-${letter}`,
    inline: rest === "" ? undefined : rest,
  };
}

function faultOfValue(name: string, value: string): string | undefined {
  if (name === "parameter" && !/^[^=]*=/.test(value)) return `${JSON.stringify(value)} is not NAME=VALUE`;
  if (name === "priority" && !/^[+-]?\d{1,10}$/.test(value)) return `${JSON.stringify(value)} is no whole number`;
  if ((name === "labels" || name === "annotations") && value !== "" && pairsOf(value) === undefined) {
    return `${JSON.stringify(value)} is not NAME=VALUE,NAME=VALUE`;
  }
  if (name === "node-field-selector" && compileSelector(value) === undefined) {
    return `${JSON.stringify(value)} is not FIELD=VALUE,FIELD!=VALUE`;
  }
  return undefined;
}

/** Go's `strconv.ParseBool`. */
function truthOf(text: string): boolean | undefined {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  return ["0", "f", "F", "FALSE", "false", "False"].includes(text) ? false : undefined;
}

/** `a=1,b=2`; undefined when it is not that. */
export function pairsOf(text: string): readonly (readonly [string, string])[] | undefined {
  const pairs = text.split(",").map((one) => one.split("="));
  if (!pairs.every(([key, , ...more]) => key !== "" && more.length === 0)) return undefined;
  if (!pairs.every(({ length }) => length === 2)) return undefined;
  return pairs.map(([key = "", value = ""]) => [key, value]);
}

/** Whether the fields of something fit. */
export type Selector = (field: (name: string) => string) => boolean;

const term = /(?:\\[\s\S]|[^,\\])+/g;

/** A field selector of Kubernetes: `phase=Running,name!=a`, where `\` makes `,`, `=` and itself plain. */
export function compileSelector(text: string): Selector | undefined {
  const terms = [...text.matchAll(term)].map(([one]) => {
    const [, name, operator, value] = /^((?:\\[\s\S]|[^\\=!])+)(!=|==|=)((?:\\[\s\S]|[^\\=])*)$/.exec(one) ?? [];
    if (name === undefined || operator === undefined || value === undefined) return undefined;
    return { name: plain(name), equal: operator !== "!=", value: plain(value) };
  });
  const all = terms.filter((term) => term !== undefined);
  const read = terms.length - 1 + [...text.matchAll(term)].reduce((sum, [part]) => sum + part.length, 0);
  if (all.length < terms.length || read !== text.length) return undefined;
  return (field) => all.every(({ name, equal, value }) => (field(name) === value) === equal);
}

function plain(text: string): string {
  return text.replace(/\\([\s\S])/g, "$1");
}
