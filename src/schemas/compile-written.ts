import type { Finding, Path } from "../lib/finding.ts";
import { type SchemaBundle, writtenSchema } from "./bundle.ts";
import type { CheckSchema } from "./check.ts";
import { compileSchema } from "./compile.ts";

/** A schema that events are held against. */
export interface UsedSchema {
  readonly check: CheckSchema;
  readonly bundle: SchemaBundle;
}

export interface CompiledField {
  /** undefined when a finding is an error. */
  readonly schema: UsedSchema | undefined;
  readonly findings: readonly Finding[];
}

/**
 * The field `schema` of an entry or a dependency, compiled. A file must have been read before (its bundle stands there then):
 * this is pure. Paths of findings begin with `path`; inside of a bundle they go through it, so that whoever read the files
 * can say where that is.
 */
export function compileWritten(value: unknown, path: Path): CompiledField {
  const written = writtenSchema(value);
  const error = { severity: "error", code: "SCHEMA_BAD" } as const;
  if ("fault" in written) {
    const { fault: message, fix, key } = written;
    const at = key === undefined ? { path } : { path: [...path, key], key: true };
    return { schema: undefined, findings: [{ ...error, ...at, message, fix }] };
  }
  if ("file" in written) {
    const message = `${written.file} cannot be read here: the manifest is from no folder`;
    return { schema: undefined, findings: [{ severity: "error", code: "SCHEMA_UNREADABLE", path, message }] };
  }
  const { bundle, to } = bundleOf(written, path);
  const { check, findings } = compileSchema(bundle);
  return {
    schema: check === undefined ? undefined : { check, bundle },
    findings: findings.map(({ document, path: inside, severity, message, key, fix }) => ({
      severity,
      code: severity === "error" ? "SCHEMA_BAD" : "SCHEMA_DOUBTFUL",
      path: [...to(document), ...inside],
      message,
      ...(key === undefined ? {} : { key }),
      ...(fix === undefined ? {} : { fix }),
    })),
  };
}

type Usable = Extract<
  ReturnType<typeof writtenSchema>,
  { readonly inline: unknown } | { readonly bundle: SchemaBundle }
>;

function bundleOf(
  written: Usable,
  path: Path,
): { readonly bundle: SchemaBundle; readonly to: (document: number) => Path } {
  if ("bundle" in written)
    return { bundle: written.bundle, to: (index) => [...path, "bundle", "documents", index, "schema"] };
  const { inline, at, inlineKey } = written;
  const bundle = { documents: [{ name: "inline", schema: inline }], ...(at === undefined ? {} : { at }) };
  return { bundle, to: () => (inlineKey ? [...path, "inline"] : path) };
}
