import { describe, expect, it } from "vitest";
import { compileTemplate } from "./go-template.ts";
import { environmentFunctions, sprigFunctions, unsupportedFunctions } from "./sprig.ts";

/** The keys of sprig 3.3.0's TxtFuncMap. */
const NAMES: readonly string[] = (
  "abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc b64dec b64enc " +
  "base bcrypt biggest buildCustomCert camelcase cat ceil chunk clean coalesce compact concat contains " +
  "date dateInZone dateModify date_in_zone date_modify decryptAES deepCopy deepEqual default " +
  "derivePassword dict dig dir div divf duration durationRound empty encryptAES env expandenv ext fail " +
  "first float64 floor fromJson genCA genCAWithKey genPrivateKey genSelfSignedCert " +
  "genSelfSignedCertWithKey genSignedCert genSignedCertWithKey get getHostByName has hasKey hasPrefix " +
  "hasSuffix hello htmlDate htmlDateInZone htpasswd indent initial initials int int64 isAbs join " +
  "kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul mulf " +
  "mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas " +
  "mustInitial mustLast mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind " +
  "mustRegexFindAll mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit " +
  "mustRest mustReverse mustSlice mustToDate mustToJson mustToPrettyJson mustToRawJson mustUniq " +
  "mustWithout must_date_modify nindent nospace now omit osBase osClean osDir osExt osIsAbs pick pluck " +
  "plural prepend push quote randAlpha randAlphaNum randAscii randBytes randInt randNumeric regexFind " +
  "regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat " +
  "replace rest reverse round semver semverCompare seq set sha1sum sha256sum sha512sum shuffle slice " +
  "snakecase sortAlpha split splitList splitn squote sub subf substr swapcase ternary title toDate " +
  "toDecimal toJson toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix trimSuffix " +
  "trimall trunc tuple typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper " +
  "urlJoin urlParse uuidv4 values without wrap wrapWith"
).split(" ");

describe("sprig", () => {
  it("every function of sprig 3.3.0 is either here, asks for an environment, or is refused by name", () => {
    const ours = [...sprigFunctions.keys(), ...environmentFunctions.keys(), ...unsupportedFunctions];
    expect(ours.toSorted()).toEqual(NAMES.toSorted());
  });

  it("arithmetic gives int64, which functions that want an int refuse, as in Go", () => {
    const render = (text: string): string =>
      compileTemplate(text).render({ Input: { n: 2 } }, { nowMs: 0, random: () => 0 });
    expect(render('{{ typeOf (add 1 2) }} {{ repeat (int (add 1 2)) "x" }} {{ add .Input.n 1 }}')).toBe("int64 xxx 3");
    expect(() => render('{{ repeat (add 1 2) "x" }}')).toThrow("wrong type for value; expected int; got int64");
    expect(() => render("{{ eq .Input.n 2 }}")).toThrow("incompatible types for comparison");
  });

  it.each([
    // sprig 3.3.0 on Go 1.26
    ['{{ snakecase "a:-7 b,_c" }}', "a:-7_b,_c"],
    ['{{ kebabcase "Ⓐ ǅx Ab" }}', "Ⓐ-ǅx-ab"],
    ["{{ chunk -1 (list 1 2) }}", "[]"],
    ["{{ chunk -5 (list 1 2 3) }}", "[]"],
    ["{{ chunk 2 (list) }}", "[]"],
    ["{{ round 1e3 97 }}", "1000"],
    [
      '{{ atoi "99999999999999999999x" }} {{ atoi "-99999999999999999999x" }}',
      "9223372036854775807 -9223372036854775808",
    ],
    ['{{ atoi "9999999999999999999x" }} {{ atoi "x" }} {{ atoi "-" }}', "0 0 0"],
    ['{{ camelcase " _" }}|{{ camelcase "" }}|{{ camelcase "_a" }}', " __||_A"],
    ['{{ b32dec "42" }}', "illegal base32 data at input byte 0"],
    ['{{ b32dec "MFRGG===4" }}', "abc"],
    ['{{ b32dec "MF=GG===" }}', "illegal base32 data at input byte 2"],
    ['{{ b32dec "MFR=====" }}', "illegal base32 data at input byte 3"],
    ['{{ b32dec "MFRGG===MFRGG===" }}', "illegal base32 data at input byte 5"],
    ['{{ b32dec "=FRGG===" }}', "illegal base32 data at input byte 0"],
    ['{{ b32dec "MFRGG=" }}', "illegal base32 data at input byte 6"],
    ['{{ b32dec "MFR\\nGG===" }}', "abc"],
    ['{{ durationRound (toDate "2006" "bad") }}', "292y"],
  ])("%s is %s", (text, printed) => {
    expect(compileTemplate(text).render({ Input: {} }, { nowMs: 0, random: () => 0 })).toBe(printed);
  });

  it.each([
    "{{ chunk -1 (list 1 2 3) }}",
    "{{ chunk -1 (list 1) }}",
    "{{ chunk 0 (list 1 2) }}",
    "{{ chunk -1 (list) }}",
  ])("%s fails, as in Go", (text) => {
    expect(() => compileTemplate(text).render({ Input: {} }, { nowMs: 0, random: () => 0 })).toThrow("makeslice");
  });

  it("dig looks at all of its keys before it follows the first", () => {
    const dig = compileTemplate('{{ dig "k" (dict) 1 (dict) }}');
    expect(() => dig.render({ Input: {} }, { nowMs: 0, random: () => 0 })).toThrow("not string");
  });

  it("no function is quadratic on a long hostile text", () => {
    const input = `${"=".repeat(200_000)}x ${"0.".repeat(100_000)}`;
    const calls = [
      "b32dec .Input",
      "b64dec .Input",
      "int .Input",
      "trim .Input",
      "urlParse .Input | len",
      "semverCompare .Input .Input",
      'toDate "2006" .Input',
      "durationRound .Input",
      "snakecase .Input | len",
      "title .Input | len",
    ];
    for (const call of calls) {
      const template = compileTemplate(`{{ ${call} }}`);
      const start = performance.now();
      try {
        template.render({ Input: input }, { nowMs: 0, random: () => 0 });
      } catch {
        // A refusal is as good as an answer; only the time counts.
      }
      expect([call, performance.now() - start < 5000]).toEqual([call, true]);
    }
  });
});
