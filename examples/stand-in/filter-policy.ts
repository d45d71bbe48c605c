import type { MessageAttribute, MessageAttributes } from "./query.ts";

type Scalar = string | number | boolean | null;
type Test = (values: readonly Scalar[] | undefined) => boolean;

/** Per attribute the tests of which one must pass; every attribute must have one that does. */
export type FilterPolicy = ReadonlyMap<string, readonly Test[]>;

const compare: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

const any =
  (passes: (value: Scalar) => boolean): Test =>
  (values) =>
    values?.some(passes) ?? false;

const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";

function numericTest(operands: unknown): Test | undefined {
  if (!Array.isArray(operands) || operands.length === 0 || operands.length % 2 !== 0) return undefined;
  const bounds: ((value: number) => boolean)[] = [];
  for (let n = 0; n < operands.length; n += 2) {
    const [operator, bound]: unknown[] = operands.slice(n, n + 2);
    const test = typeof operator === "string" && Object.hasOwn(compare, operator) ? compare[operator] : undefined;
    if (test === undefined || typeof bound !== "number") return undefined;
    bounds.push((value) => test(value, bound));
  }
  return any((value) => typeof value === "number" && bounds.every((within) => within(value)));
}

function operatorTest(name: string, operand: unknown): Test | undefined {
  if (name === "exists" && typeof operand === "boolean") return (values) => (values !== undefined) === operand;
  if (name === "prefix" && typeof operand === "string")
    return any((v) => typeof v === "string" && v.startsWith(operand));
  if (name === "suffix" && typeof operand === "string") return any((v) => typeof v === "string" && v.endsWith(operand));
  if (name === "equals-ignore-case" && typeof operand === "string")
    return any((v) => typeof v === "string" && v.toLowerCase() === operand.toLowerCase());
  if (name === "numeric") return numericTest(operand);
  if (name !== "anything-but") return undefined;
  const excluded: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  return excluded.every(isScalar) ? any((value) => !excluded.includes(value)) : undefined;
}

function testOf(condition: unknown): Test | undefined {
  if (isScalar(condition)) return any((value) => value === condition);
  if (typeof condition !== "object" || condition === null) return undefined;
  const [entry, ...more] = Object.entries(condition);
  return entry === undefined || more.length > 0 ? undefined : operatorTest(entry[0], entry[1]);
}

/**
 * Reads a subscription's `FilterPolicy` over message attributes: exact values, `prefix`, `suffix`,
 * `equals-ignore-case`, `anything-but`, `numeric`, `exists`. Anything else (`$or`, `wildcard`, `cidr`) is answered
 * with a sentence that says so, so that no policy is ever half obeyed.
 */
export function readFilterPolicy(text: string): FilterPolicy | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "FilterPolicy: not JSON";
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return "FilterPolicy: not an object";
  const policy = new Map<string, readonly Test[]>();
  for (const [name, conditions] of Object.entries(parsed)) {
    if (!Array.isArray(conditions))
      return `FilterPolicy: "${name}" must be a list (the stand-in has no nested policies)`;
    const tests = conditions.map(testOf);
    if (!tests.every((test) => test !== undefined)) {
      return `FilterPolicy: the stand-in does not have a condition of "${name}": ${JSON.stringify(conditions)}`;
    }
    policy.set(name, tests);
  }
  return policy;
}

function valuesOf(attribute: MessageAttribute): readonly Scalar[] {
  if (attribute.type.startsWith("Number")) return [Number(attribute.value)];
  if (!attribute.type.startsWith("String.Array")) return [attribute.value];
  try {
    const list: unknown = JSON.parse(attribute.value);
    return Array.isArray(list) ? list.filter(isScalar) : [];
  } catch {
    return [];
  }
}

/** Whether a message with these attributes passes the policy. */
export function admits(policy: FilterPolicy, attributes: MessageAttributes): boolean {
  return [...policy].every(([name, tests]) => {
    const attribute = attributes.get(name);
    const values = attribute === undefined ? undefined : valuesOf(attribute);
    return tests.some((test) => test(values));
  });
}
