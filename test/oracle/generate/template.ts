import { parse } from "../../../src/expressions/gjson/value.ts";
import { asString, asValue } from "../../../src/expressions/gjson.ts";
import { compileTemplate } from "../../../src/expressions/go-template.ts";
import { type Language, staged } from "../language.ts";
import { mutate, type Random } from "../random.ts";
import { type Kind, sprigCalls } from "./sprig-calls.ts";

const data = {
  name: "ada Lovelace",
  n: 42,
  f: 1.5,
  big: 1234567,
  neg: -7.25,
  zero: 0,
  t: true,
  fl: false,
  nul: null,
  empty: "",
  list: [3, "a", null, true, { k: "v" }],
  strs: ["b", "a", "c", "a"],
  nums: [3, 1, 2.5],
  map: { b: 2, a: 1, "c d": [1, 2] },
  uni: "héllo wörld ✓",
  deep: { er: { x: "y", "no-id": 1 } },
  no: [],
  none: {},
  url: "https://user:p%40ss@example.com:8080/a/b?x=1&y=2#frag",
  html: `<a href="x">'&'</a>`,
  json: `{"a":[1,2,{"b":null}],"z":1e3}`,
  multi: "line1\nline2\n  line3",
  version: "1.2.3-beta.1+b2",
  date: "2024-02-29T23:59:58Z",
  epoch: 1709251198,
  path: "/a/b/../c.tar.gz",
  huge: 123456789e11,
  tiny: 1e-9,
} as const;
const json = JSON.stringify(data);

const fields: Readonly<Record<Kind, string>> = {
  s: ".Input.name .Input.uni .Input.empty .Input.html .Input.json .Input.multi .Input.version .Input.path .Input.url .Input.deep.er.x $.Input.name",
  i: ".Input.n .Input.big .Input.zero .Input.epoch .Input.list|len .Input.strs|len",
  f: ".Input.f .Input.neg .Input.n .Input.big .Input.huge .Input.tiny",
  l: ".Input.list .Input.strs .Input.nums .Input.no",
  d: ".Input.map .Input.deep .Input.none .Input.deep.er $.Input.map",
  b: ".Input.t .Input.fl true false",
  a: ".Input.nul .Input.missing .Input.list .Input.map .Input.n .Input.name . nil .Input.deep.zz",
};
const constants: Readonly<Record<Kind, readonly [string, ...string[]]>> = {
  s: [
    '"a"',
    '"Hello World"',
    '"a-b_c d"',
    "`raw`",
    '"é"',
    '"x,y,z"',
    '""',
    '"12"',
    '"3.7"',
    '"\\t\\"q\\""',
    '"fooBar baz"',
    '"1h30m"',
  ],
  i: ["0", "1", "2", "3", "5", "-1", "10", "0x1F", "1_000", "'a'"],
  f: ["1.5", "0.1", "-2.25", "1e3", "3", "1e21", ".5"],
  l: [
    "(list 1 2 3)",
    '(list "a" "b")',
    "(list)",
    "(until 4)",
    '(list 1 nil "" 2)',
    '(splitList "," "x,y,z")',
    '(list (list 1) (dict "a" 1))',
  ],
  d: ['(dict "a" 1 "b" "x")', "(dict)", '(dict "k" (dict "a" 1))', '(dict "a" (list 1 2))'],
  b: ["true", "false"],
  a: ["nil", "1", '"x"', "1.5", "true", '(dict "a" 1)', "(list 1)"],
};
const literal = ["text", " ", "\n", "a b", "é", "", "{", "}", '"'] as const;

export const template: Language = {
  name: "template",
  make(random) {
    const made = random.list(3, () => node(random, 3), 1).join("");
    const text = random.chance(0.12)
      ? mutate(random, made, '{{ }} {{- -}} ( ) . | $ := = " ` end else if range , 1 nil \\ /* */ é')
      : made;
    // of a time it counts from the clock
    if (/durationRound (\(|\.)/.test(text)) return template.make(random);
    return random.chance(0.1)
      ? { lang: "template", op: "text", text, json: '{"a": 1}' }
      : { lang: "template", text, json };
  },
  ours: ({ op, text, json: document = "" }) =>
    staged(
      () => compileTemplate(text),
      (compiled) => {
        const found = parse(document);
        const Input = op === "text" ? asString(found) : asValue(found);
        return compiled.render({ Input }, { nowMs: 0, random: () => 0.5 });
      },
    ),
};

function node(random: Random, depth: number): string {
  const kind = random.next();
  if (depth <= 0 || kind < 0.62) return action(random, pipeline(random, depth));
  if (kind < 0.7) return random.pick(literal);
  const inner = (): string => random.list(2, () => node(random, depth - 1), 1).join("");
  const elsewhere = random.chance(0.4) ? `{{ else }}${inner()}` : "";
  if (kind < 0.76) return `{{ if ${pipeline(random, 1)} }}${inner()}${elsewhere}{{ end }}`;
  if (kind < 0.8) return `{{ with ${pipeline(random, 1)} }}${inner()}{{ . }}${elsewhere}{{ end }}`;
  if (kind < 0.87) return range(random, inner(), elsewhere);
  if (kind < 0.91)
    return `{{ $x := ${pipeline(random, 1)} }}{{ $x }}${random.chance(0.5) ? `{{ $x = ${pipeline(random, 1)} }}{{ $x }}` : ""}`;
  if (kind < 0.94) return `{{ define "t" }}[{{ . }}]{{ end }}{{ template "t" ${term(random, "a", 1)} }}`;
  return random.pick([
    "{{/* c */}}",
    "{{- /* c */ -}}",
    `{{ block "b" .Input.n }}<{{ . }}>{{ end }}`,
    '{{ template "no" }}',
  ]);
}

function action(random: Random, inner: string): string {
  return `${random.chance(0.1) ? "{{-" : "{{"} ${inner} ${random.chance(0.1) ? "-}}" : "}}"}`;
}

function range(random: Random, inner: string, elsewhere: string): string {
  const over = random.pick([
    ".Input.list",
    ".Input.map",
    ".Input.no",
    "3",
    ".Input.nul",
    "(until 3)",
    ".Input.strs",
    ".Input.n | int | min 3",
    ".Input.name",
  ]);
  const named = random.pick(["", "$i := ", "$i, $e := "]);
  const shown = named === "" ? "{{ . }};" : named.includes("$e") ? "{{ $i }}={{ $e }};" : "{{ $i }},";
  const jump = random.chance(0.2)
    ? `{{ if ${pipeline(random, 0)} }}{{ ${random.pick("break continue")} }}{{ end }}`
    : "";
  return `{{ range ${named}${over} }}${jump}${shown}${random.chance(0.4) ? inner : ""}${elsewhere}{{ end }}`;
}

function pipeline(random: Random, depth: number): string {
  let made = random.chance(0.8) ? call(random, depth) : term(random, random.pick("s i f l d b a") as Kind, depth);
  while (random.chance(0.2))
    made += ` | ${random.pick('upper toString len toJson quote not print kindOf default|1 first int join|"," toPrettyJson typeOf empty sha256sum').replace("|", " ")}`;
  return made;
}

/** A call with mostly fitting arguments. */
function call(random: Random, depth: number): string {
  const { name, takes } = random.pick(sprigCalls.all);
  return write(random, name, takes, depth);
}

function write(random: Random, name: string, takes: string, depth: number): string {
  const kinds = [...takes].flatMap((sign) => (sign === "*" ? random.list(2, () => "a") : [sign]));
  const slip = (kind: string): Kind => (random.chance(0.03) ? random.pick("s i f l d b a") : kind) as Kind;
  const terms = kinds.map((kind) =>
    kind.length === 1 && /[a-z]/.test(kind) ? term(random, slip(kind), depth - 1) : ownArgument(random, kind),
  );
  return [name, ...terms].join(" ");
}

function term(random: Random, kind: Kind, depth: number): string {
  const which = random.next();
  const makers = sprigCalls.making[kind];
  const maker = depth > 0 && which < 0.35 ? makers[random.int(makers.length)] : undefined;
  if (maker !== undefined) return `(${write(random, maker.name, maker.takes, depth)})`;
  if (which < 0.7) {
    const [field = "", filter] = random.pick(fields[kind]).split("|");
    return filter === undefined ? field : `(${field} | ${filter})`;
  }
  return random.pick(constants[kind]);
}

/** Arguments of a language of their own: capital letters in `takes`. */
function ownArgument(random: Random, kind: string): string {
  switch (kind) {
    case "F":
      return random.pick([
        '"%v"',
        '"%s"',
        '"%d"',
        '"%5.2f|"',
        '"%q"',
        '"%x"',
        '"%-8v|"',
        '"%+v"',
        '"%T"',
        '"%08.3f"',
        '"%t %v"',
        '"%[2]v %[1]v"',
        '"%e"',
        '"%g"',
        '"%c"',
        '"%U"',
        '"%#v"',
        '"%b"',
        '"%6s|"',
        '"%*d"',
        '"%%"',
        '"%z"',
      ]);
    case "L":
      return random.pick([
        '"2006-01-02"',
        '"Mon Jan _2 15:04:05 2006"',
        '"02/01/06 3:04PM"',
        '"2006-01-02T15:04:05.000Z07:00"',
        '"Monday, 02-Jan-06 15:04:05 MST"',
        '"-0700 MST .999 002 Z0700"',
        '"literal"',
      ]);
    case "Z":
      return random.pick([
        '"UTC"',
        '"Europe/Berlin"',
        '"America/New_York"',
        '"Asia/Kolkata"',
        '"No/Where"',
        '"Local"',
        '""',
      ]);
    case "T":
      return random.pick([
        '(toDate "2006-01-02" "2024-02-29")',
        '(toDate "2006-01-02T15:04:05Z07:00" .Input.date)',
        '(toDate "2006-01-02 15:04" "1969-07-20 20:17")',
        '(toDate "2006-01-02" "bad")',
        "(int64 .Input.epoch)",
        "0",
      ]);
    case "R":
      return random.pick([
        '"[a-z]+"',
        '"(\\\\w)(\\\\w)"',
        '"l"',
        '"^"',
        '""',
        '"[0-9]*"',
        '"(?i)HELLO|A"',
        '"("',
        '"(?P<x>a)b?"',
        '"\\\\s+"',
      ]);
    case "D":
      return random.pick(['"1h30m"', '"-90s"', '"1.5h"', '"24h"', '"x"', '"100ms"']);
    case "V":
      return random.pick([
        '"^1.2.0"',
        '"~1.2"',
        '">=1.0.0, <2.0.0"',
        '"1.x"',
        '">1.2.3-alpha"',
        '"=1.2.3"',
        '"!=1.2.3"',
        '"1.2 - 1.4"',
        '"bad"',
        '"^0.2 || >3"',
        '"*"',
      ]);
    case "N":
      return random.pick(['"1.2.3"', '"v1.2"', '"1.2.3-beta.1"', '"2.0.0+build"', '"0.2.9"', '"x"', ".Input.version"]);
    default:
      return random.pick(['"a"', '"b"', '"k"', '"er"', '"c d"', '"zz"']);
  }
}
