/** The core that the expression languages share: reading tokens, precedence, Go's powers, printing and regular expressions. */
export { climb, type Grammar, type Infix } from "./pratt/climb.ts";
export { goPow } from "./pratt/pow.ts";
export { goPrint, MAX_DATA_DEPTH, tooDeep } from "./pratt/print.ts";
export { failed, invalid, refuseLongText, type Token, TokenReader, unsupported } from "./pratt/reader.ts";
export { literalRegex, type Matcher, valueRegex } from "./pratt/regex.ts";
