import { fn, type GoFunction, int, int64, typedList } from "../go-value.ts";
import { parseInt64, toFloat64, toInt64 } from "./numbers.ts";
import { isList, stringsOf, textOf } from "./values.ts";

/** Type conversion. */
export const conversion: readonly (readonly [string, GoFunction])[] = [
  ["atoi", fn(["string"], ([text]) => int(atoi(text)))],
  ["int", fn(["any"], ([value]) => int(toInt64(value)))],
  ["int64", fn(["any"], ([value]) => int64(toInt64(value)))],
  ["float64", fn(["any"], ([value]) => toFloat64(value))],
  ["toString", fn(["any"], ([value], cx) => textOf(value, cx.meter))],
  [
    "toStrings",
    fn(["any"], ([value], cx) =>
      isList(value) && value.elem === "string" ? value : typedList("string", stringsOf(value, cx.meter)),
    ),
  ],
  // An octal number, such as a file mode, as the integer it is.
  ["toDecimal", fn(["any"], ([value], cx) => int64(parseInt64(textOf(value, cx.meter), 8) ?? 0n))],
];

/** Out of range, Go's Atoi gives the nearest int beside the error that sprig drops. */
function atoi(text: string): bigint {
  const digits = /^[+-]?0*([0-9]*)/.exec(text)?.[1] ?? "";
  // Go stops at the first digit that is too much, before it comes to one that is none.
  const isTooMuch = digits.length > 20 || (digits.length === 20 && BigInt(digits) >= 1n << 64n);
  if (!isTooMuch && !/^[+-]?[0-9]+$/.test(text)) return 0n;
  return parseInt64(text, 10) ?? (text.startsWith("-") ? -(1n << 63n) : (1n << 63n) - 1n);
}
