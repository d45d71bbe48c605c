import { type CallContext, fn, type GoFunction } from "../go-value.ts";

/** What reads the environment: offered only when the caller gives one. */
export const environment: readonly (readonly [string, GoFunction])[] = [
  ["env", fn(["string"], ([name], cx) => read(name, cx))],
  ["expandenv", fn(["string"], ([text], cx) => expand(text, cx))],
];

function read(name: string, cx: CallContext): string {
  return cx.env?.(name) ?? "";
}

/** `os.ExpandEnv`: `$NAME`, `${NAME}`, and one special character; `${` without an end is dropped. */
function expand(text: string, cx: CallContext): string {
  return text.replace(
    /\$(?:\{([^}]*)\}|(\{)|([*#$@!?\-0-9])|([A-Za-z_][A-Za-z0-9_]*))/g,
    (_, braced?: string, open?: string, special?: string, name?: string) => {
      if (open !== undefined) return "";
      const wanted = braced ?? special ?? name ?? "";
      return wanted === "" ? "" : read(wanted, cx);
    },
  );
}
