import { compileRegexp, type GoRegexp } from "../expressions/go-regexp.ts";

/**
 * `pattern` and the keys of `patternProperties`, in time linear in the text. JSON Schema means regular expressions of
 * ECMAScript; what is run is RE2's syntax, which is the same for everything but: look-ahead and look-behind and
 * back-references, which are refused; `\s`, which is ASCII space only; `.`, which also matches U+2028 and a carriage return.
 * `\uXXXX` and `\u{…}` are translated. Throws an ExpressionError.
 */
export function compilePattern(pattern: string): GoRegexp {
  return compileRegexp(translated(pattern));
}

/** A pair of surrogates, one code unit, a code point, or any other escaped character: `\\u0041` is no escape of A. */
const escapes =
  /\\u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})|\\u([\da-fA-F]{4})|\\u\{([\da-fA-F]+)\}|\\./gs;

function translated(pattern: string): string {
  return pattern.replace(escapes, (whole: string, high?: string, low?: string, unit?: string, point?: string) => {
    if (high !== undefined && low !== undefined) {
      const code = ((Number.parseInt(high, 16) & 0x3ff) << 10) + (Number.parseInt(low, 16) & 0x3ff) + 0x10000;
      return `\\x{${code.toString(16)}}`;
    }
    const hex = unit ?? point;
    return hex === undefined ? whole : `\\x{${hex}}`;
  });
}
