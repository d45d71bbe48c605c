import { didYouMean } from "../../lib/did-you-mean.ts";
import { isWithin, parseAddress, parseRange } from "./address.ts";
import { PatternError, type PatternPath, shown } from "./fault.ts";
import { numericTest } from "./numeric.ts";
import { endsIgnoringCase, equalsIgnoringCase, startsIgnoringCase, type TextTest, wildcard } from "./texts.ts";
import { readNumber, type Scalar, type ValueTest } from "./value.ts";

const operators = [
  "anything-but",
  "cidr",
  "equals-ignore-case",
  "exactly",
  "exists",
  "numeric",
  "prefix",
  "suffix",
  "wildcard",
] as const;

/** Reads one value of a leaf's list. */
export function readTest(wanted: unknown, path: PatternPath): ValueTest {
  switch (typeof wanted) {
    case "string":
      return exactText(wanted);
    case "boolean":
      return { wanted: String(wanted), test: (value) => value === wanted };
    case "number":
    case "bigint": {
      const number = readNumber(wanted, path);
      return { wanted: shown(wanted), test: (value) => value === number };
    }
    default:
      if (wanted === null) return { wanted: "null", test: (value) => value === null };
      if (typeof wanted === "object" && !Array.isArray(wanted)) return readOperator(wanted, path);
      throw new PatternError("a value is a text, a number, true, false, null or one operator", path);
  }
}

/** An IP address is also met by its other spellings (`::1`, `0:0:0:0:0:0:0:1`), as in event-ruler. */
function exactText(wanted: string): ValueTest {
  const address = parseAddress(wanted);
  const name = shown(wanted);
  if (address === undefined) return { wanted: name, test: (value) => value === wanted };
  const range = { bits: address.bits, first: address.value, last: address.value };
  return { wanted: name, test: (value) => typeof value === "string" && isWithin(range, value) };
}

/** The only member of an operator's object. */
function onlyMember(object: object, path: PatternPath): readonly [name: string, operand: unknown] {
  const [first, ...more] = Object.entries(object);
  if (first === undefined) throw new PatternError("an operator is missing: { } matches nothing", path);
  if (more.length > 0) {
    throw new PatternError(
      `an operator stands alone in its { }, but here are ${more.length + 1}: list them one by one`,
      path,
    );
  }
  return first;
}

function unknownOperator(name: string, known: readonly string[], path: PatternPath): PatternError {
  const meant = didYouMean(name, known);
  const hint = meant === undefined ? `there are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return new PatternError(`there is no operator "${name}" here; ${hint}`, path);
}

function readOperator(object: object, path: PatternPath): ValueTest {
  const [name, operand] = onlyMember(object, path);
  const at = [...path, name];
  switch (name) {
    case "exists":
      return existence(operand, at);
    case "numeric":
      return numericTest(operand, at);
    case "cidr":
      return cidr(operand, at);
    case "anything-but":
      return anythingBut(operand, at);
    case "exactly":
      return textTest(name, operand, at, (text) => (value) => value === text);
    case "prefix":
    case "suffix":
      if (isObject(operand)) return affixIgnoringCase(name, operand, at);
      return textTest(name, operand, at, name === "prefix" ? startsWith : endsWith);
    case "equals-ignore-case":
      return textTest(name, operand, at, equalsIgnoringCase);
    case "wildcard":
      return textTest(name, operand, at, (text) => readWildcard(text, at));
    default:
      throw unknownOperator(name, operators, at);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function startsWith(wanted: string): TextTest {
  return (text) => text.startsWith(wanted);
}

function endsWith(wanted: string): TextTest {
  return (text) => text.endsWith(wanted);
}

function readWildcard(text: string, path: PatternPath): TextTest {
  const made = wildcard(text);
  if (typeof made === "function") return made;
  throw new PatternError(`${made.fault}, at character ${made.offset + 1} of ${shown(text)}`, path);
}

function readText(operand: unknown, path: PatternPath, operator: string): string {
  if (typeof operand === "string") return operand;
  throw new PatternError(`${operator} takes a text, not ${shown(operand)}`, path);
}

function textTest(name: string, operand: unknown, path: PatternPath, make: (text: string) => TextTest): ValueTest {
  const text = readText(operand, path, name);
  const test = make(text);
  return { wanted: `${name} ${shown(text)}`, test: (value) => typeof value === "string" && test(value) };
}

function affixIgnoringCase(affix: "prefix" | "suffix", operand: object, path: PatternPath): ValueTest {
  const [name, inner] = onlyMember(operand, path);
  const at = [...path, name];
  if (name !== "equals-ignore-case") throw unknownOperator(name, ["equals-ignore-case"], at);
  const made = textTest(name, inner, at, affix === "prefix" ? startsIgnoringCase : endsIgnoringCase);
  return { ...made, wanted: `${affix} ${shown(inner)} in any case` };
}

function existence(operand: unknown, path: PatternPath): ValueTest {
  if (operand === true) return { wanted: "any value", test: () => true };
  if (operand === false) return { wanted: "no value", absent: true, test: () => false };
  throw new PatternError(`exists is true or false, not ${shown(operand)}`, path);
}

function cidr(operand: unknown, path: PatternPath): ValueTest {
  const text = readText(operand, path, "cidr");
  const range = parseRange(text);
  if ("fault" in range) throw new PatternError(range.fault, path);
  return {
    wanted: `an address of ${text}`,
    test: (value) => typeof value === "string" && isWithin(range, value),
  };
}

/** The operators that anything-but takes, each with one text or a list of them. */
const negatable: Readonly<Record<string, (text: string, path: PatternPath) => TextTest>> = {
  "equals-ignore-case": equalsIgnoringCase,
  prefix: startsWith,
  suffix: endsWith,
  wildcard: readWildcard,
};

/** True for every value that is none of those, also for one of another type; there must be a value. */
function anythingBut(operand: unknown, path: PatternPath): ValueTest {
  if (isObject(operand)) return anythingLike(operand, path);
  const values = listed(operand, path).map(([value, at]) => {
    if (typeof value === "string") return value;
    if (typeof value === "number" || typeof value === "bigint") return readNumber(value, at);
    throw new PatternError(`anything-but takes texts or numbers, not ${shown(value)}`, at);
  });
  if (new Set(values.map((value) => typeof value)).size > 1) {
    throw new PatternError("anything-but takes texts or numbers, not both in one list", path);
  }
  const refused: ReadonlySet<Scalar> = new Set(values);
  return { wanted: `anything but ${values.map(shown).join(", ")}`, test: (value) => !refused.has(value) };
}

function anythingLike(operand: object, path: PatternPath): ValueTest {
  const [name, inner] = onlyMember(operand, path);
  const at = [...path, name];
  const make = Object.hasOwn(negatable, name) ? negatable[name] : undefined;
  if (make === undefined) throw unknownOperator(name, Object.keys(negatable), at);
  const tests = listed(inner, at).map(([value, place]) => {
    const text = readText(value, place, `anything-but ${name}`);
    if (text === "" && (name === "prefix" || name === "suffix")) {
      throw new PatternError(`every text has the empty ${name}: nothing could match`, place);
    }
    return make(text, place);
  });
  return {
    wanted: `anything but ${name} ${shown(inner)}`,
    test: (value) => typeof value !== "string" || !tests.some((test) => test(value)),
  };
}

/** One value, or a list of at least one, each with its place. */
function listed(operand: unknown, path: PatternPath): readonly (readonly [value: unknown, path: PatternPath])[] {
  if (!Array.isArray(operand)) return [[operand, path]];
  if (operand.length === 0) throw new PatternError("an empty list says nothing", path);
  return Array.from(operand, (value: unknown, index) => [value, [...path, index]] as const);
}
