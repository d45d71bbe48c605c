import { z } from "zod";
import { fieldMeta } from "../kit/fields.ts";
import { setOwn } from "../manifests/yaml-value.ts";

/** Parameters and payload are applied, and shown as what they made. */
const applied: ReadonlySet<string> = new Set(["parameters", "payload"]);

/** A resolved configuration as answers show it: without parameters, payload, and the places of secrets. */
export function withoutSecrets(config: unknown, schema: z.ZodType | undefined): Readonly<Record<string, unknown>> {
  const shown: Record<string, unknown> = {};
  if (typeof config !== "object" || config === null) return shown;
  for (const [key, value] of Object.entries(config)) {
    if (!applied.has(key) && !isSecret(memberOf(schema, key))) setOwn(shown, key, strip(value, memberOf(schema, key)));
  }
  return shown;
}

function strip(value: unknown, schema: z.core.$ZodType | undefined): unknown {
  if (schema === undefined || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const { schema: inner } = bare(schema);
    if (!(inner instanceof z.core.$ZodArray)) return value;
    return value.map((one) => strip(one, inner._zod.def.element));
  }
  const shown: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    const member = memberOf(schema, key);
    if (!isSecret(member)) setOwn(shown, key, strip(one, member));
  }
  return shown;
}

function isSecret(schema: z.core.$ZodType | undefined): boolean {
  return schema !== undefined && bare(schema).secret;
}

/** What a schema is inside of optional and the like, and whether it is the place of a secret. */
function bare(schema: z.core.$ZodType): { readonly schema: z.core.$ZodType; readonly secret: boolean } {
  for (let inner = schema; ; ) {
    if (fieldMeta(inner).ref === "secret") return { schema: inner, secret: true };
    if (inner instanceof z.core.$ZodOptional || inner instanceof z.core.$ZodNullable) inner = inner._zod.def.innerType;
    else if (inner instanceof z.core.$ZodLazy) inner = inner._zod.def.getter();
    else return { schema: inner, secret: false };
  }
}

function memberOf(schema: z.core.$ZodType | undefined, key: string): z.core.$ZodType | undefined {
  if (schema === undefined) return undefined;
  const { schema: inner } = bare(schema);
  if (inner instanceof z.core.$ZodRecord) return inner._zod.def.valueType;
  if (!(inner instanceof z.core.$ZodObject) || !Object.hasOwn(inner._zod.def.shape, key)) return undefined;
  return inner._zod.def.shape[key];
}
