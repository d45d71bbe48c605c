import { ExpressionError } from "../expressions/fault.ts";
import type { CodeName } from "../lib/errors.ts";
import type { Finding, Path } from "../lib/finding.ts";

/** Collects what compiling finds: everything wrong with a sensor is said at once. */
export class Report {
  readonly findings: Finding[] = [];

  get failed(): boolean {
    return this.findings.some((finding) => finding.severity === "error");
  }

  error(path: Path, message: string, more: { readonly code?: CodeName; readonly fix?: string } = {}): void {
    const { code = "SENSOR_INVALID", fix } = more;
    this.findings.push({ severity: "error", code, message, path, ...(fix === undefined ? {} : { fix }) });
  }

  warn(path: Path, message: string, fix?: string): void {
    const found: Finding = { severity: "warning", code: "SENSOR_DOUBTFUL", message, path };
    this.findings.push(fix === undefined ? found : { ...found, fix });
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
