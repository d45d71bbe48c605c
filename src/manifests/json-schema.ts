import { z } from "zod";
import { sensorSpecSchema, triggerSchema } from "../sensors/schema.ts";
import { commonEntrySchema, eventSourceSpecSchema } from "./event-source.ts";
import type { Lists } from "./lists.ts";
import { knownTriggers, typeOf } from "./sensor.ts";
import { eventBusSpecSchema } from "./types/bus-types.ts";
import { describedSources } from "./types/source-types.ts";

/** The part of JSON Schema that the field builders make, with their marks. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly ref?: "secret" | "configMap";
  readonly extension?: true;
  readonly opaque?: true;
}

export const schemaKinds = ["EventSource", "Sensor", "EventBus"] as const;
export type SchemaKind = (typeof schemaKinds)[number];

const kindTexts: Readonly<Record<SchemaKind, string>> = {
  EventSource: "Takes events from outside: under each type, its events by name.",
  Sensor: "Decides by its dependencies what its triggers do.",
  EventBus: "Keeps events between EventSources and Sensors.",
};

const metadata: JsonSchema = {
  type: "object",
  description: "Name, namespace, labels and annotations of the object.",
  properties: {
    name: { type: "string", description: "Name of the object." },
    namespace: { type: "string", description: "Its namespace. Default default." },
    labels: { type: "object", description: "Labels.", additionalProperties: { type: "string" } },
    annotations: { type: "object", description: "Annotations.", additionalProperties: { type: "string" } },
  },
  required: ["name"],
};

/** The whole of a kind, every type included, with the marks of the field builders. `#/$defs/trigger` is a trigger. */
export function kindSchema(kind: SchemaKind, lists: Lists): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: kind,
    description: kindTexts[kind],
    type: "object",
    properties: {
      apiVersion: { const: "argoproj.io/v1alpha1", description: "Version of the kind." },
      kind: { const: kind, description: "The kind." },
      metadata,
      spec: specOf(kind, lists),
    },
    required: ["apiVersion", "kind", "metadata", "spec"],
    ...(kind === "Sensor" ? { $defs: { trigger: triggerOf(lists) } } : {}),
  };
}

function specOf(kind: SchemaKind, lists: Lists): JsonSchema {
  if (kind === "EventBus") return jsonSchemaOf(eventBusSpecSchema);
  if (kind === "Sensor") {
    const spec = jsonSchemaOf(sensorSpecSchema);
    const triggers = { ...spec.properties?.triggers, items: { $ref: "#/$defs/trigger" } };
    return { ...spec, properties: { ...spec.properties, triggers } };
  }
  const spec = jsonSchemaOf(eventSourceSpecSchema);
  const connected = new Set(lists.sources.map((source) => source.kind));
  const types = [...lists.sources, ...describedSources.filter((source) => !connected.has(source.kind))];
  const common = jsonSchemaOf(commonEntrySchema).properties;
  const entries = types
    .toSorted((a, b) => (a.kind < b.kind ? -1 : 1))
    .map(({ kind: type, title, summary, config }): [string, JsonSchema] => {
      const own = jsonSchemaOf(config);
      const entry = { title, ...own, properties: { ...own.properties, ...common } };
      return [type, { title, description: summary, type: "object", additionalProperties: entry }];
    });
  return { ...spec, properties: { ...spec.properties, ...Object.fromEntries(entries) } };
}

function triggerOf(lists: Lists): JsonSchema {
  const trigger = jsonSchemaOf(triggerSchema);
  const template = trigger.properties?.template;
  const types = knownTriggers(lists).all.flatMap((kind): [string, JsonSchema][] => {
    const type = typeOf(kind, lists);
    return type === undefined ? [] : [[kind, { title: type.title, ...jsonSchemaOf(type.config) }]];
  });
  return {
    ...trigger,
    properties: {
      ...trigger.properties,
      template: { ...template, properties: { ...template?.properties, ...Object.fromEntries(types) } },
      dlqTrigger: { $ref: "#/$defs/trigger", description: trigger.properties?.dlqTrigger?.description ?? "" },
    },
  };
}

function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return made as JsonSchema;
}

/** Keywords whose members are named by the manifest, and are no keywords themselves. */
const named = new Set(["properties", "$defs"]);

/**
 * The schema without our own marks, which strict validators refuse, and without `format: duration`, which has another form
 * in JSON Schema.
 */
export function forEditors(schema: JsonSchema): unknown {
  return plain(schema, false);
}

function plain(value: unknown, names: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => plain(one, false));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key, one]) => names || !isOwnMark(key, one));
  return Object.fromEntries(entries.map(([key, one]) => [key, plain(one, !names && named.has(key))]));
}

function isOwnMark(key: string, value: unknown): boolean {
  if (key === "ref" || key === "extension" || key === "opaque") return true;
  if (key === "format") return value === "duration";
  if (key === "additionalProperties") return typeof value === "object" && Object.keys(Object(value)).length === 0;
  return (key === "minimum" || key === "maximum") && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;
}

/** A type in words: `list of text`, `key of a Secret`. */
export function typeWords(field: JsonSchema): string {
  if (field.ref !== undefined) return field.ref === "secret" ? "key of a Secret" : "key of a ConfigMap";
  if (field.const !== undefined) return JSON.stringify(field.const);
  if (field.enum !== undefined)
    return field.enum
      .filter((word) => word !== "")
      .map((word) => JSON.stringify(word))
      .join(", ");
  if (field.format === "duration") return "duration";
  if (field.items !== undefined) return `list of ${typeWords(field.items)}`;
  if (field.anyOf !== undefined) return field.anyOf.map(typeWords).join(" or ");
  if (field.properties !== undefined || field.$ref !== undefined) return "object";
  if (typeof field.additionalProperties === "object" && Object.keys(field.additionalProperties).length > 0)
    return `map of ${typeWords(field.additionalProperties)}`;
  const words = Array.isArray(field.type) ? field.type : [field.type];
  return words.map((word: string | undefined) => plainTypes[word ?? ""] ?? word ?? "anything").join(" or ");
}

const plainTypes: Readonly<Record<string, string>> = {
  string: "text",
  integer: "whole number",
  boolean: "true or false",
};
