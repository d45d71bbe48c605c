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
