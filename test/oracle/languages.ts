import { expr } from "./generate/expr.ts";
import { gjson } from "./generate/gjson.ts";
import { govaluate } from "./generate/govaluate.ts";
import { jq } from "./generate/jq.ts";
import { jsonpath } from "./generate/jsonpath.ts";
import { lua } from "./generate/lua.ts";
import { regexp } from "./generate/regexp.ts";
import { sjson } from "./generate/sjson.ts";
import { template } from "./generate/template.ts";
import type { Language } from "./language.ts";

export const languages: readonly Language[] = [gjson, sjson, template, govaluate, expr, jsonpath, regexp, jq, lua];
