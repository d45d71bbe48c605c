import { queryJsonPath } from "../../../src/expressions/jsonpath.ts";
import { type Language, staged } from "../language.ts";
import { plain } from "../plain.ts";
import { mutate, type Random } from "../random.ts";

const json = JSON.stringify({
  store: {
    book: [
      { category: "ref", author: "N R", title: "S", price: 8.95 },
      { category: "fic", author: "E W", title: "H", price: 12.99, isbn: "x" },
      { category: "fic", title: "M", price: 8, isbn: "y", tags: ["a", "b"], on: true, nul: null },
    ],
    bicycle: { color: "red", price: 19.95, length: 7 },
  },
  "k-x": { "a b": 1 },
  exp: 10,
  list: [1, 2, 3, 4, 5],
  nested: [
    [1, 2],
    [3, [4]],
  ],
  s: "str",
  é: "ü",
  n: null,
  t: true,
  e: [],
});
const names = "store book bicycle color price title isbn list exp nested s n tags length zz k-x on nul category e é";
const left = "@.price @.category @.isbn @.zz @ @.title @.on @.nul $.exp @.tags[0] @.tags @.length @[0] @['price']";
const right = "10 8.95 'fic' \"fic\" true null $.exp 3 'x' @.price 8 '8' @.title";
const exists = "@.isbn @.price @.zz @.tags @.on @ !@.on @.nul true 1 false 0 @.tags.length @.title";

export const jsonpath: Language = {
  name: "jsonpath",
  make(random) {
    const base = random.pick("$ $ $.store $.store.book $.store.book $.list $.nested $..book");
    const made = base + random.list(3, () => segment(random)).join("");
    const text = random.chance(0.1) ? mutate(random, made, ". [ ] ( ) ? @ $ ' \" * : , -1 0 a .. && == \\ é") : made;
    return { lang: "jsonpath", text, json };
  },
  ours: ({ text }) =>
    staged(
      () => text,
      () => ({ is: plain(queryJsonPath(json, text)) }),
    ),
};

function segment(random: Random): string {
  const kind = random.next();
  if (kind < 0.4) return `.${random.pick(names)}`;
  if (kind < 0.48) return `['${random.pick(names)}']`;
  if (kind < 0.56) return `[${random.pick("0 1 -1 2 9 -9")}]`;
  if (kind < 0.62) return random.pick(".* [*]");
  if (kind < 0.72) return `..${random.pick(`${names} * book price [0] ['price']`)}`;
  if (kind < 0.8)
    return `[${random.pick(["", "0", "1", "-2"])}:${random.pick(["", "2", "-1", "9"])}${random.pick(["", "", ":2", ":-1", ":", ":1"])}]`;
  if (kind < 0.87) {
    return random.pick([
      "[0,1]",
      "['title','price']",
      "[0,-1]",
      '["title","zz"]',
      "[ 0 , 9 ]",
      "[0,'a']",
      "[(@.length-1)]",
      "[0,(@.length-1)]",
      "[1:(@.length-1)]",
    ]);
  }
  return `[?(${filter(random)})]`;
}

function filter(random: Random): string {
  if (random.chance(0.3)) return random.pick(exists);
  const first = comparison(random);
  return random.chance(0.65) ? first : first + random.pick([" && ", " || "]) + comparison(random);
}

function comparison(random: Random): string {
  const space = random.pick([" ", ""]);
  return random.pick(left) + space + random.pick("== != < <= > >= =~ + - * %") + space + random.pick(right);
}
