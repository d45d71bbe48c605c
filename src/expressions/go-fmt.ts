/** Go's package fmt over `GoValue`. */
export { printPlain } from "./go-fmt/print.ts";
export { sprint, sprintf, sprintln } from "./go-fmt/printf.ts";
