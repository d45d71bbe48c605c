import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ExpressionError } from "../fault.ts";
import { compileJq } from "../jq.ts";
import { Compiler } from "./compile.ts";
import { jqJson } from "./encode.ts";
import { Machine } from "./machine.ts";
import { Meter } from "./meter.ts";
import { parse } from "./parser.ts";
import type { Value } from "./value.ts";

type Case = readonly [
  program: string,
  input: number,
  outputs: readonly string[],
  stage?: "compile" | "run",
  message?: string,
];

/** What gojq 0.12.19 answered: outputs as its Marshal writes them, the stage that failed, its words where ours agree. */
interface Agreement {
  readonly inputs: readonly Value[];
  readonly cases: readonly Case[];
  /** Go's json.Marshal of the first output. */
  readonly transforms: readonly (readonly [program: string, input: number, output: string])[];
}

const agreement: Agreement = JSON.parse(readFileSync(new URL("./agreement.json", import.meta.url), "utf8"));
/** The table was made with so many outputs at most. */
const MOST_OUTPUTS = 50;

function answer([program, input, , , message]: Case): unknown[] {
  const outputs: string[] = [];
  try {
    const node = new Compiler().compile(parse(program), null);
    const machine = new Machine(new Meter(1e6, 1e8, 0), node, structuredClone(agreement.inputs[input] ?? null));
    while (outputs.length < MOST_OUTPUTS) {
      const output = machine.next();
      if (output === undefined) break;
      outputs.push(jqJson(output.value));
    }
    return [program, input, outputs];
  } catch (error) {
    if (!(error instanceof ExpressionError)) return [program, input, String(error)];
    const stage = error.code === "EXPRESSION_FAILED" ? "run" : "compile";
    return [program, input, outputs, stage, ...(message === undefined ? [] : [error.message])];
  }
}

describe("agreement with gojq", () => {
  it("every program of the table gives gojq's outputs, and fails where gojq fails, in its words", () => {
    expect(agreement.cases.map(answer)).toEqual(agreement.cases);
    expect(agreement.cases.length).toBeGreaterThan(1500);
  });

  it("a transform writes what Go's json.Marshal writes of gojq's first output", () => {
    const written = agreement.transforms.map(([program, input]) => [
      program,
      input,
      compileJq(program).transform(JSON.stringify(agreement.inputs[input])),
    ]);
    expect(written).toEqual(agreement.transforms);
    expect(agreement.transforms.length).toBeGreaterThan(80);
  });
});
