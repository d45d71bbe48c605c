import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError } from "./fault.ts";
import { compileTemplate, type TemplateOptions } from "./go-template.ts";

const cx = { nowMs: Date.UTC(2024, 2, 10, 11, 12, 13, 456), random: () => 0.5 };

function render(template: string, input: unknown = {}, options: TemplateOptions = {}): string {
  return compileTemplate(template, options).render({ Input: input }, cx);
}

function faultOf(body: () => unknown): ExpressionError {
  try {
    body();
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

interface Agreement {
  readonly input: unknown;
  readonly cases: readonly (readonly [template: string, output: string | null, fails?: "parse" | "execute"])[];
}

/** What Go 1.26 with sprig 3.3.0 printed for these templates and this input, or at what stage it failed. */
const agreement: Agreement = JSON.parse(readFileSync(new URL("./go-template/agreement.json", import.meta.url), "utf8"));

describe("agreement with Go", () => {
  it("every template of the table prints what Go prints, and fails where Go fails", () => {
    const outcomes = agreement.cases.map(([template]) => {
      try {
        const options = { env: () => "/root" };
        return [template, render(template, structuredClone(agreement.input), options)];
      } catch (error) {
        const stage = error instanceof ExpressionError && error.code === "EXPRESSION_INVALID" ? "parse" : "execute";
        return [template, null, error instanceof ExpressionError ? stage : String(error)];
      }
    });
    expect(outcomes).toEqual(agreement.cases);
    expect(agreement.cases.length).toBeGreaterThan(1000);
  });
});

describe("faults", () => {
  it("a syntax error says where it is", () => {
    const fault = faultOf(() => compileTemplate("line 1\n{{ .Input.a ) }}"));
    expect(fault.code).toBe("EXPRESSION_INVALID");
    expect(fault.message).toContain("template: param:2:");
    expect(fault.position).toBeGreaterThan(7);
    expect(faultOf(() => compileTemplate("a {{ nope 1 }}")).position).toBe(5);
    expect(faultOf(() => compileTemplate("{{ if true }}")).message).toContain("unexpected EOF");
  });

  it("a failing execution is told as Go tells it", () => {
    const fault = faultOf(() => render("{{ .Input.name | repeat 2.5 }}", { name: "a" }));
    expect(fault.code).toBe("EXPRESSION_FAILED");
    expect(fault.message).toBe('template: param:1:24: executing "param" at <2.5>: expected integer; found 2.5');
    expect(faultOf(() => render('{{ fail "boom" }}')).message).toBe(
      'template: param:1:3: executing "param" at <fail "boom">: error calling fail: boom',
    );
  });

  it("functions that are left out are refused when the template is compiled", () => {
    for (const name of ["genCA", "bcrypt", "getHostByName", "derivePassword"]) {
      const fault = faultOf(() => compileTemplate(`x {{ ${name} "a" }}`));
      expect([fault.code, fault.position]).toEqual(["EXPRESSION_UNSUPPORTED", 5]);
    }
  });

  it("env is read only where an environment is given", () => {
    expect(faultOf(() => compileTemplate('{{ env "HOME" }}')).code).toBe("EXPRESSION_UNSUPPORTED");
    const env = (name: string): string => `<${name}>`;
    const text = `$X-$${"{Y}"}-$`;
    expect(render('{{ env "HOME" }} {{ expandenv .Input }}', text, { env })).toBe("<HOME> <X>-<Y>-$");
  });

  it("no text makes the compiler or a rendering throw anything but an ExpressionError", () => {
    const word = fc.constantFrom(
      "{{",
      "}}",
      " ",
      "-",
      ".",
      "a",
      "$x",
      ":=",
      "|",
      "(",
      ")",
      "if",
      "end",
      "range",
      '"',
      "1",
      "`",
      "/*",
      "*/",
      "upper",
      "=",
      ",",
      "define",
      "\\",
      "'",
      "é",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        try {
          render(words.join(""), { a: 1 });
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("what goes in", () => {
  it("clock and randomness are the caller's", () => {
    expect(render('{{ now | date "2006-01-02T15:04:05.000Z07:00" }}')).toBe("2024-03-10T11:12:13.456Z");
    expect(render('{{ ago (toDate "2006-01-02" "2024-03-10") }}')).toBe("11h12m13s");
    expect(render("{{ uuidv4 }}")).toBe("80808080-8080-4080-8080-808080808080");
    expect(render("{{ randNumeric 3 }} {{ randInt 0 10 }}")).toBe("555 5");
    expect(render('{{ date "15:04 MST" 0 }}', {}, { localZone: "Europe/Berlin" })).toBe("01:00 CET");
  });

  it("the caller's data are never changed, and the template sees its own changes", () => {
    const input = { a: { b: 1 } };
    expect(render('{{ $_ := set .Input.a "c" 2 }}{{ $_ := unset .Input.a "b" }}{{ .Input }}', input)).toBe(
      "map[a:map[c:2]]",
    );
    expect(input).toEqual({ a: { b: 1 } });
  });

  it("maps, objects without a prototype and plain objects are the same; only own keys exist", () => {
    expect(render("{{ .Input.a.b }}", new Map([["a", new Map([["b", 1e6]])]]))).toBe("1e+06");
    expect(render("{{ .Input.a }}", Object.assign(Object.create(null), { a: "x" }))).toBe("x");
    expect(render("{{ .Input.constructor }} {{ .Input.__proto__ }} {{ .Input.toString }}")).toBe(
      "<no value> <no value> <no value>",
    );
    expect(render("{{ $d := fromJson .Input }}{{ $d.__proto__.x }} {{ (dict).x }}", '{"__proto__":{"x":1}}')).toBe(
      "1 <no value>",
    );
  });

  it("bytes that are not UTF-8 survive inside and come out as U+FFFD", () => {
    expect(render('{{ b64dec "/+8=" | b64enc }} {{ trunc 2 .Input }}|', "aé")).toBe("/+8= a\ufffd|");
  });
});

describe("limits", () => {
  const ends = (template: string, input: unknown = {}): void => {
    expect(faultOf(() => render(template, input)).code).toBe("EXPRESSION_FAILED");
  };

  it("no template runs for ever or fills the memory", () => {
    ends("{{ range 999999999999 }}{{ end }}");
    ends('{{ repeat 999999999 "abcdef" }}');
    ends("{{ until 999999999 }}");
    ends('{{ $s := "a" }}{{ range 60 }}{{ $s = print $s $s }}{{ end }}');
    ends("{{ $x := list 1 }}{{ range 60 }}{{ $x = list $x $x }}{{ end }}{{ $x }}");
    ends('{{ printf "%999999d" 1 | repeat 1000 }}');
    ends("{{ randAlpha 999999999 }}");
    ends('{{ replace "" .Input .Input }}', "x".repeat(100_000));
  });

  it("recursion ends", () => {
    ends('{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}');
    ends('{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}');
    ends('{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ mustToJson $d }}');
    ends("{{ .Input }}", JSON.parse("[".repeat(50_000) + "]".repeat(50_000)));
    expect(faultOf(() => compileTemplate(`{{ ${"(".repeat(9000)}1${")".repeat(9000)} }}`)).code).toBe(
      "EXPRESSION_INVALID",
    );
    expect(faultOf(() => compileTemplate("{{if 1}}".repeat(9000) + "{{end}}".repeat(9000))).code).toBe(
      "EXPRESSION_INVALID",
    );
  });

  it("the output has a limit of its own", () => {
    expect(faultOf(() => render("{{ .Input }}", "x".repeat(11), { maxOutput: 10 })).message).toContain(
      "longer than 10",
    );
  });
});
