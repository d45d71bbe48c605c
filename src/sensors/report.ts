import { ExpressionError } from "../expressions/fault.ts";
import type { CodeName } from "../lib/errors.ts";
import type { Finding, Path, Repair } from "../lib/finding.ts";

/** What may be said of a finding beside its message. */
interface Told {
  readonly code?: CodeName;
  readonly fix?: string;
  /** The key is meant. */
  readonly key?: boolean;
  readonly repair?: Repair;
}

/** Collects what compiling finds: everything wrong with a sensor is said at once. */
export class Report {
  readonly findings: Finding[] = [];

  get failed(): boolean {
    return this.findings.some((finding) => finding.severity === "error");
  }

  error(path: Path, message: string, more: Told = {}): void {
    this.findings.push({ severity: "error", code: "SENSOR_INVALID", message, path, ...more });
  }

  /** `more`: the fix, or the fix and a code of its own. */
  warn(path: Path, message: string, more: string | Told = {}): void {
    const told = typeof more === "string" ? { fix: more } : more;
    this.findings.push({ severity: "warning", code: "SENSOR_DOUBTFUL", message, path, ...told });
  }

  /** What `compile` returns; undefined with a finding when the expression at `path` is at fault. */
  expression<T>(path: Path, compile: () => T): T | undefined {
    try {
      return compile();
    } catch (cause) {
      if (!(cause instanceof ExpressionError)) throw cause;
      const found: Finding = { severity: "error", code: cause.code, message: cause.message, path };
      this.findings.push(cause.position === undefined ? found : { ...found, offset: cause.position });
      return undefined;
    }
  }
}
