import { expect, test } from "vitest";
import { TideError } from "../lib/errors.ts";
import { randomOf } from "./random.ts";
import { compileLoadTemplate } from "./template.ts";

const of = (seq: number, seed = "s") => ({ seq, load: "0123456789abcdef", nowMs: 0, random: randomOf(seed, seq) });

test("the functions of a load stand beside those of Go and sprig", () => {
  const text = `{"id": "{{ uuid }}", "seq": {{ seq }}, "load": "{{ loadId }}", "n": {{ between 3 5 }}, "p": {{ decimal 1 2 3 }},
    "kind": "{{ choice "a" "b" }}", "at": "{{ timestamp }}", "text": "{{ words 3 }}", "x": "{{ randAlphaNum 5 }}", "dot": {{ .seq }}{{ if chance 0 }}, "never": 1{{ end }}}`;
  const template = compileLoadTemplate(text);
  const made = JSON.parse(template.render(of(7))) as Record<string, unknown>;
  expect(made).toEqual({
    id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/),
    ...{ seq: 7, dot: 7, load: "0123456789abcdef", at: "1970-01-01T00:00:00.000Z" },
    n: expect.toSatisfy((n: number) => [3, 4, 5].includes(n)),
    p: expect.toSatisfy((p: number) => p >= 1 && p <= 2),
    kind: expect.stringMatching(/^[ab]$/),
    text: expect.stringMatching(/^[a-z]+ [a-z]+ [a-z]+$/),
    x: expect.stringMatching(/^\w{5}$/),
  });
});

test("the same seed and number make the same message, other numbers other ones", () => {
  const text = '{"id": "{{ uuid }}", "n": {{ randInt 0 1000000 }}}';
  const one = compileLoadTemplate(text);
  expect(one.render(of(2))).toBe(compileLoadTemplate(text).render(of(2)));
  expect(one.render(of(3))).not.toBe(one.render(of(2)));
  expect(one.render(of(2, "other"))).not.toBe(one.render(of(2)));
});

test("numbers spread over their whole range", () => {
  const counts = new Map<string, number>();
  const template = compileLoadTemplate("{{ between 1 6 }}");
  for (let seq = 1; seq <= 6_000; seq++) {
    const face = template.render(of(seq));
    counts.set(face, (counts.get(face) ?? 0) + 1);
  }
  expect([...counts.keys()].sort()).toEqual(["1", "2", "3", "4", "5", "6"]);
  for (const count of counts.values()) expect(count).toBeGreaterThan(800);
});

test("YAML becomes JSON", () => {
  expect(compileLoadTemplate("id: '{{ seq }}'\nlist: [1, {{ seq }}]\n", { yaml: true }).render(of(4))).toBe(
    '{"id":"4","list":[1,4]}',
  );
});

test.each([
  ["{{ nothing }}", /function "nothing" not defined/],
  ['{"a": {{ seq }', /.*/],
  ['{"a": "{{ seq }}"', /JSON/],
  ["{{ choice }}", /choice needs something/],
  ["{{ between 5 1 }}", /there is nothing/],
])("the template %s is refused", (text, said) => {
  let caught: unknown;
  try {
    compileLoadTemplate(text).render(of(1));
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(TideError);
  expect(caught).toMatchObject({ code: "LOAD_TEMPLATE", message: expect.stringMatching(said) });
});
