import { isValid } from "../../src/expressions/gjson.ts";
import type { Difference, Pair } from "./compare.ts";
import type { Answer } from "./language.ts";
import { canonical } from "./plain.ts";

/**
 * Where ours differs, and why that is right. Each predicate is as narrow as its sentence; what fits none is a failing
 * test.
 */
export const differences: readonly Difference[] = [
  {
    langs: ["gjson"],
    why: "the value of broken JSON (which the path itself holds behind !, or a modifier made of it) is read on differently; no event holds any",
    is: ({ ours, theirs }) => {
      const [a, b] = [found(ours), found(theirs)];
      return !isValid(a.raw) && text({ ...a, value: 0 }) === text({ ...b, value: 0 });
    },
  },
  {
    langs: ["expr"],
    why: "a function that there is not is found when the manifest is read, not when (and if) its call is reached",
    is: ({ ours }) => ours.e === "compile" && /^there is no function /.test(ours.m ?? ""),
  },
  {
    langs: ["expr"],
    why: "the library's find, findIndex, findLast and findLastIndex (also written filter(...)[0]) leave values on its stack, so that what stands around them reads the wrong one",
    is: ({ asked }) =>
      /\bfind(Last)?(Index)?\(|filter\(.*\)\s*\[|(first|last)\(\(?filter\(|filter\(.*\)\s*\|\s*(first|last)/s.test(
        asked.text,
      ),
  },
  {
    langs: ["expr", "govaluate"],
    why: "the last digit of a power with a broken exponent: Go's own assembly for exp and log gives it, and differs between processors",
    is: ({ asked, ...pair }) => /\^|\*\*/.test(asked.text) && nearly(pair),
  },
  {
    langs: ["expr"],
    why: "what can never work is found when the manifest is read, also where the library looks only when it comes to it, or, inside get(), never",
    is: ({ asked, ours, theirs }) => ours.e === "compile" && (theirs.e === "run" || /\bget\(/.test(asked.text)),
  },
  {
    langs: ["expr"],
    why: "a call through ?. of nil leaves its arguments on the library's stack",
    is: ({ asked }) => /\?\.\w+\(/.test(asked.text),
  },
  {
    langs: ["expr"],
    why: "a length that jsonpath counted is an int64, which the library will not sort among ints",
    is: ({ asked, theirs }) => /\.length/.test(asked.text) && /\bint64\b/.test(theirs.m ?? ""),
  },
  {
    langs: ["expr"],
    why: "an empty list of another type than strings can be joined here",
    is: ({ ours, theirs }) => ours.e === undefined && /^invalid argument for join \(type \[\]/.test(theirs.m ?? ""),
  },
  {
    langs: ["expr"],
    why: "sprig itself, as a value: it holds fewer functions here",
    is: ({ asked, ours, theirs }) => /\bsprig\b(?!\.)/.test(asked.text) && ours.e === theirs.e,
  },
  {
    langs: ["expr"],
    why: "a map whose keys are not strings (of groupBy, fromPairs) is no argument for sprig here",
    is: ({ ours }) =>
      ours.e === "run" && /a map with keys that are not strings cannot be an argument$/.test(ours.m ?? ""),
  },
  {
    langs: ["expr"],
    why: "whole numbers are of one type here: what a function of sprig or jsonpath counted is an int, not an int64",
    is: ({ asked, ours, theirs }) =>
      /sprig\.|\.length/.test(asked.text) &&
      (/\bint64\b/.test(theirs.m ?? "") ||
        /(kind|type)(Of|Is)|\bin\b|deepEqual|\bhas\(/.test(asked.text) ||
        text(theirs.v).replaceAll("int64", "int") === text(ours.v)),
  },
  {
    langs: ["govaluate"],
    why: "a field of a Go structure, which data never are, is refused when the manifest is read, also in a branch that is never taken",
    is: ({ ours }) => ours.e === "unsupported" && / reads a field of a Go structure/.test(ours.m ?? ""),
  },
  {
    langs: ["expr"],
    why: "the library panics where a value has another type than its checker guessed (for max, min, ?: and closures)",
    is: ({ ours, theirs }) => ours.e === undefined && /^interface conversion: /.test(theirs.m ?? ""),
  },
  {
    langs: ["expr"],
    why: "keys of several types in one map are printed in the order of the addresses of Go's types, another one in each build",
    is: ({ ours, theirs }) =>
      /map\[/i.test(text(ours.v)) && [...text(ours.v)].sort().join("") === [...text(theirs.v)].sort().join(""),
  },
  {
    langs: ["expr"],
    why: "half a character, cut off by a slice, is found inside no whole one",
    is: ({ asked, ours, theirs }) =>
      ours.e === undefined &&
      theirs.e === undefined &&
      /\[[^\]]*:[^\]]*\]/.test(asked.text) &&
      /[^\t-~]|\bt\b/.test(asked.text) &&
      /contains|With|indexOf|IndexOf|replace|split|trim|has(Pre|Suf)fix/.test(asked.text),
  },
  {
    langs: ["expr"],
    why: "a plain identifier is the data's, also where a built-in has its name (reference 1.3)",
    is: ({ theirs }) => theirs.e === "compile" && /\bfunc\(/.test(theirs.m ?? ""),
  },
  {
    langs: ["sjson"],
    why: "gjson has lost the place of what it found (a pipe or # before another #): the library then overwrites other bytes, ours refuses",
    is: ({ ours }) => ours.e === "run" && /^the place of .* is not known/s.test(ours.m ?? ""),
  },
  {
    langs: ["template", "jq", "lua"],
    why: "what never ends or kills the process there is an error here: data that hold themselves, endless recursion, lists beyond all memory",
    is: ({ theirs }) => theirs.e === "timeout" || theirs.e === "crash",
  },
  {
    langs: ["template"],
    why: "the abbreviations of zones before they had a standard time (LMT) are not in JavaScript's data: the offset stands there",
    is: ({ asked, ours, theirs }) =>
      ours.e === theirs.e &&
      /date.*"(Europe|America|Asia)\//s.test(asked.text) &&
      /"bad"|LMT/.test(asked.text + text(theirs.v)),
  },
  {
    langs: ["template"],
    why: "printf shows the insides of Go's structures for times and versions (verbs other than %v, %s and %q)",
    is: ({ ours }) => typeof ours.v === "string" && /%!\w\((time\.time|\*?semver\.version)=/i.test(ours.v),
  },
  {
    langs: ["template"],
    why: "sprig's slice may reach beyond the length of a list, as far as the capacity that Go happened to give it",
    is: ({ ours, theirs }) => theirs.e === undefined && /slice index out of bounds$/.test(ours.m ?? ""),
  },
  {
    langs: ["template"],
    why: "deepCopy of a version loses it in the library: 0.0.0",
    is: ({ asked }) => /[dD]eepCopy \(semver/.test(asked.text),
  },
  {
    langs: ["jq", "lua"],
    why: "the last digit of a logarithm, a power or an angle is another one in JavaScript's mathematics than in Go's (a remainder by it may then be any)",
    is: ({ asked, ...pair }) =>
      /sin|cos|tan|exp|log|pow|\^|cbrt|sqrt|signif|gamma/.test(asked.text) &&
      (nearly(pair) ||
        (/%|mod/.test(asked.text) && pair.ours.e === pair.theirs.e && /(sin|cos|tan|exp|log)\b/.test(asked.text))),
  },
  {
    langs: ["jq"],
    why: "gojq forgets what follows a negated number: -1[0] is -1",
    is: ({ asked }) => /-[\d.]+(\[|\.\w|\?|\.\[)/.test(asked.text),
  },
  {
    langs: ["lua"],
    why: "gopher-lua turns -0 into 0 where it stores the result of a calculation with variables",
    is: ({ ours, theirs }) => /-0\b/.test(text(ours.v)) && positive(ours) === positive(theirs),
  },
  {
    langs: ["lua"],
    why: "a run that takes more than our budget of steps or memory is an error; gopher-lua has no budget",
    is: ({ ours }) => ours.e === "run" && /took more than \d+ steps|made more than \d+ bytes/.test(ours.m ?? ""),
  },
  {
    langs: ["lua"],
    why: "gopher-lua's compiler loses a register now and then, in table constructors whose last field has a key and a call above all",
    is: ({ asked, ours, theirs }) =>
      ours.e === undefined && /\{.*=.*\(.*\}/s.test(asked.text) && /number expected, got nil/.test(text(theirs.v)),
  },
  {
    langs: ["lua"],
    why: "the address of a table or function",
    is: ({ ours, theirs }) =>
      /(table|function): 0x/.test(text(theirs.v)) && withoutAddresses(ours) === withoutAddresses(theirs),
  },
  {
    langs: ["jq"],
    why: "functions that are known but not offered are refused by name when the manifest is read",
    is: ({ ours }) => ours.e === "unsupported" && /^the function \w+\/\d is not supported$/.test(ours.m ?? ""),
  },
  {
    langs: ["jsonpath", "expr"],
    why: "a path that is written wrongly fails as such; the library reads each part only when it comes to it, and behind .., * and filters takes its own failure for nothing found",
    is: ({ asked, ours, theirs }) =>
      (asked.lang === "jsonpath" || (asked.text.includes("jsonpath(") && ours.e === "run")) &&
      (ours.invalid === true || ours.e === "unsupported") &&
      theirs.e === undefined,
  },
  {
    langs: ["jsonpath", "expr"],
    why: "$ and @ as a name behind a point: the library takes them for the root and the value itself",
    is: ({ asked, theirs }) => theirs.e === undefined && /\.[$@]([.[']|$)/.test(asked.text),
  },
  {
    langs: ["jsonpath"],
    why: "a bracket or the other quote inside quotes: the library does not read on to the quote that belongs there",
    is: ({ asked, theirs }) => theirs.e === "run" && /"[^"]*['[\]()][^"]*"|'[^']*["[\]()][^']*'/.test(asked.text),
  },
  {
    langs: ["regexp"],
    why: "two groups of one name: re2js refuses them, Go takes them",
    is: ({ ours }) => ours.e === "compile" && /duplicate capture group name/.test(ours.m ?? ""),
  },
  {
    langs: ["regexp"],
    why: "re2js takes [: inside a class for the start of a named class even where no :] follows",
    is: ({ asked, ours }) => asked.text.includes("[:") && /invalid character class range: `\[:/.test(ours.m ?? ""),
  },
  {
    langs: ["regexp"],
    why: "names of Unicode classes in any case are new in Go 1.25",
    is: ({ ours }) => /invalid character class range: `\\p/i.test(ours.m ?? ""),
  },
];

function positive({ v }: Answer): string {
  return text(v).replace(/-0\b(?!\.)/g, "0");
}

function withoutAddresses({ v }: Answer): string {
  return text(v).replace(/0x[\da-f]+/g, "0x");
}

function found({ v }: Answer): { readonly raw: string } {
  const fields = Object.entries(typeof v === "object" && v !== null ? v : {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return { raw: "", ...Object.fromEntries(fields) };
}

function text(value: unknown): string {
  return canonical(value ?? null);
}

/** The same but for numbers that are neighbours. */
function nearly({ ours, theirs }: Omit<Pair, "asked">): boolean {
  if (ours.e !== undefined || theirs.e !== undefined) return false;
  if (rounded(ours) === rounded(theirs)) return true;
  const [a, b] = [numbersOf(ours.v), numbersOf(theirs.v)];
  return (
    a.length > 0 && a.length === b.length && a.every((one, at) => Math.abs(one - (b[at] ?? 0)) <= Math.abs(one) * 1e-13)
  );
}

function rounded({ v }: Answer): string {
  return text(v).replace(/\d{15,}/g, (digits) => digits.slice(0, 14));
}

function numbersOf(value: unknown): readonly number[] {
  return Array.from(text(value).matchAll(/-?\d+(\.\d+)?(e[+-]?\d+)?/g), ([digits]) => Number(digits));
}
