/**
 * Wildcard patterns of keys and of the `%` operator: `*` any run of characters, `?` any one, `\x` the character x. A
 * character is a code point. gjson gives up on patterns that make its matcher slow and calls them unmatched; this one
 * takes at most (text * pattern) steps and always answers.
 */
export interface Glob {
  readonly tokens: readonly number[];
}

const ANY_RUN = -1;
const ANY_ONE = -2;
const NEVER = -3;

export function compileGlob(pattern: string): Glob {
  const tokens: number[] = [];
  const chars = Array.from(pattern, (char) => char.codePointAt(0) ?? NEVER);
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i];
    if (char === 0x2a) {
      if (tokens.at(-1) !== ANY_RUN) tokens.push(ANY_RUN);
    } else if (char === 0x3f) {
      tokens.push(ANY_ONE);
    } else if (char === 0x5c) {
      i++;
      // A lone `\` at the end: gjson compares it as itself behind a star, and never matches without one.
      tokens.push(chars[i] ?? (tokens.includes(ANY_RUN) ? 0x5c : NEVER));
    } else {
      tokens.push(char ?? NEVER);
    }
  }
  return { tokens };
}

export function matchesGlob(text: string, { tokens }: Glob): boolean {
  let i = 0;
  let token = 0;
  // Where to go on when the tokens after the last star turn out not to fit: the star takes one character more.
  let afterRun = -1;
  let runEnd = 0;
  while (i < text.length) {
    const char = text.codePointAt(i) ?? NEVER;
    const wanted = tokens[token];
    if (wanted === ANY_RUN) {
      token++;
      if (token === tokens.length) return true;
      afterRun = token;
      runEnd = i;
    } else if (wanted === char || wanted === ANY_ONE) {
      token++;
      i += char > 0xffff ? 2 : 1;
    } else if (afterRun >= 0) {
      runEnd += (text.codePointAt(runEnd) ?? 0) > 0xffff ? 2 : 1;
      i = runEnd;
      token = afterRun;
    } else {
      return false;
    }
  }
  while (tokens[token] === ANY_RUN) token++;
  return token === tokens.length;
}
