import { marshalJson, unmarshalJson } from "../go-json.ts";
import { CallFault, fn, type GoFunction, type GoValue, variadic } from "../go-value.ts";
import { both } from "./lists.ts";
import { isEmpty } from "./values.ts";

/** Defaults, JSON, flow control. */
export const defaults: readonly (readonly [string, GoFunction])[] = [
  ["default", variadic(["any"], "any", ([fallback, given]) => (isEmpty(given) ? fallback : given))],
  ["empty", fn(["any"], ([value]) => isEmpty(value))],
  ["coalesce", variadic([], "any", (args) => args.find((arg) => !isEmpty(arg)) ?? null)],
  ["all", variadic([], "any", (args) => args.every((arg) => !isEmpty(arg)))],
  ["any", variadic([], "any", (args) => args.some((arg) => !isEmpty(arg)))],
  ["ternary", fn(["any", "any", "bool"], ([yes, no, test]) => (test ? yes : no))],
  ["fromJson", fn(["string"], ([text]) => lenient(null, () => unmarshalJson(text)))],
  ["mustFromJson", fn(["string"], ([text]) => unmarshalJson(text))],
  ["toJson", fn(["any"], ([value], cx) => lenient("", () => marshalJson(value, cx.meter)))],
  ["mustToJson", fn(["any"], ([value], cx) => marshalJson(value, cx.meter))],
  ["toPrettyJson", fn(["any"], ([value], cx) => lenient("", () => marshalJson(value, cx.meter, { indent: "  " })))],
  ["mustToPrettyJson", fn(["any"], ([value], cx) => marshalJson(value, cx.meter, { indent: "  " }))],
  ...both(
    "toRawJson",
    fn(["any"], ([value], cx) => marshalJson(value, cx.meter, { raw: true })),
  ),
  [
    "fail",
    fn(["string"], ([message]) => {
      throw new CallFault(message);
    }),
  ],
];

/** Sprig drops the error and gives what is left; a used-up budget comes back at the next node. */
function lenient(otherwise: GoValue, body: () => GoValue): GoValue {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof CallFault) return otherwise;
    throw cause;
  }
}
