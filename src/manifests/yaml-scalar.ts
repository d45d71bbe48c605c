/** What an unquoted scalar is to Kubernetes, and whether a reader would be surprised. */
export interface PlainScalar {
  readonly value: unknown;
  /** Why it is surprising, for a warning. */
  readonly surprise?: string;
}

const yes = new Set(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"]);
const no = new Set(["n", "N", "no", "No", "NO", "off", "Off", "OFF"]);

/** True for a word that YAML 1.1 reads as a boolean and YAML 1.2 as text. */
export function isOldBoolean(text: string): boolean {
  return yes.has(text) || no.has(text);
}

/**
 * Reads an unquoted scalar as Kubernetes does, which is YAML 1.1 in part: `yes` is true, `017` is fifteen, `1_000` a
 * thousand, a date is text. Compared with sigs.k8s.io/yaml 1.4 value by value. `core` is what YAML 1.2 makes of it.
 */
export function readPlain(source: string, core: unknown): PlainScalar {
  if (yes.has(source)) return { value: true, surprise: `Kubernetes reads the unquoted ${source} as true` };
  if (no.has(source)) return { value: false, surprise: `Kubernetes reads the unquoted ${source} as false` };
  if (typeof core === "number" && !Number.isFinite(core) && /\d/.test(source)) return { value: source };
  if (!/^[-+]?\d/.test(source)) return { value: core };
  const bare = source.replaceAll("_", "");
  const radix = /^([-+]?)0(?:o?([0-7]+)|b([01]+)|x([0-9a-fA-F]+))$/.exec(bare);
  if (radix !== null) {
    const [, sign, octal, binary, hex] = radix;
    const size =
      octal !== undefined ? parseInt(octal, 8) : binary !== undefined ? parseInt(binary, 2) : parseInt(hex ?? "", 16);
    const value = sign === "-" ? -size : size;
    if (value === core) return { value };
    return { value, surprise: `Kubernetes reads the unquoted ${source} as the number ${value}` };
  }
  if (bare !== source && /^[-+]?\d+(\.\d*)?([eE][-+]?\d+)?$/.test(bare)) {
    const value = Number(bare);
    return { value, surprise: `Kubernetes reads the unquoted ${source} as the number ${value}` };
  }
  if (typeof core === "number" && Number.isInteger(core) && !Number.isSafeInteger(core) && /^[-+]?\d+$/.test(source)) {
    return { value: core, surprise: `${source} is too large to be kept exactly as a number` };
  }
  return { value: core };
}
