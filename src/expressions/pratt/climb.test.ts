import { expect, test } from "vitest";
import { climb } from "./climb.ts";
import { MAX_TOKENS, type Token, TokenReader } from "./reader.ts";

const end: Token = { kind: "end", text: "", at: 0 };
const strength: Readonly<Record<string, { readonly precedence: number; readonly right?: boolean }>> = {
  "+": { precedence: 1 },
  "*": { precedence: 2 },
  "^": { precedence: 3, right: true },
};

function shape(text: string): string {
  const tokens = Array.from(text, (sign, at) => ({ kind: "sign", text: sign, at }));
  const reader = new TokenReader<Token>(tokens, end);
  return climb<string>(
    {
      operand: () => reader.advance().text,
      infix(least) {
        const rule = strength[reader.current.text];
        if (rule === undefined || rule.precedence < least) return undefined;
        const name = reader.advance().text;
        return {
          name,
          rightPrecedence: rule.right ? rule.precedence : rule.precedence + 1,
          join: (left, right) => `(${left}${name}${right()})`,
        };
      },
    },
    0,
  );
}

test("operators of one precedence join from the left, those marked so from the right", () => {
  expect(shape("a+b+c")).toBe("((a+b)+c)");
  expect(shape("a^b^c")).toBe("(a^(b^c))");
});

test("tighter operators take their operands first", () => {
  expect(shape("a+b*c^d*e+f")).toBe("((a+((b*(c^d))*e))+f)");
});

test("too many tokens and too deep a nesting are refused with a place", () => {
  const tokens = Array.from({ length: MAX_TOKENS + 1 }, (_, at) => ({ kind: "sign", text: "a", at }));
  expect(() => new TokenReader(tokens, end)).toThrow(/more than 4000/);
  const reader = new TokenReader<Token>([], end);
  const dig = (): number => reader.nested(dig);
  expect(dig).toThrow(/nested more than/);
});

test("the end of the tokens is never passed", () => {
  const reader = new TokenReader<Token>([], end);
  reader.advance();
  expect(reader.current).toBe(end);
});
