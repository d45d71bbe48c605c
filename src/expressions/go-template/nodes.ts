import type { GoFunction } from "../go-value.ts";

/** A number literal and every type it can stand for, as Go's untyped constants. */
export interface NumberNode {
  readonly kind: "number";
  readonly pos: number;
  readonly text: string;
  /** Its value as an int, if it has one. */
  readonly int: bigint | undefined;
  readonly float: number;
  /** What it is where no type is asked for. */
  readonly ideal: "int" | "float" | "overflow";
}

export type Operand =
  | NumberNode
  | { readonly kind: "dot"; readonly pos: number }
  | { readonly kind: "nil"; readonly pos: number }
  | { readonly kind: "bool"; readonly pos: number; readonly value: boolean }
  | { readonly kind: "string"; readonly pos: number; readonly quoted: string; readonly value: string }
  | { readonly kind: "field"; readonly pos: number; readonly names: readonly string[] }
  /** `$x.a.b`: the name with its dollar, then the fields. */
  | { readonly kind: "variable"; readonly pos: number; readonly name: string; readonly names: readonly string[] }
  | { readonly kind: "chain"; readonly pos: number; readonly of: Operand; readonly names: readonly string[] }
  | { readonly kind: "function"; readonly pos: number; readonly name: string; readonly fn: GoFunction }
  | Pipe;

export interface Pipe {
  readonly kind: "pipe";
  readonly pos: number;
  /** Variables that get the value: declared (`:=`) or assigned (`=`). */
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

interface Branch {
  readonly pos: number;
  readonly pipe: Pipe;
  readonly body: List;
  readonly otherwise: List | undefined;
}

export type Node =
  | { readonly kind: "text"; readonly pos: number; readonly text: string }
  | { readonly kind: "action"; readonly pos: number; readonly pipe: Pipe }
  | ({ readonly kind: "if" } & Branch)
  | ({ readonly kind: "with" } & Branch)
  | ({ readonly kind: "range" } & Branch)
  | { readonly kind: "template"; readonly pos: number; readonly name: string; readonly pipe: Pipe | undefined }
  | { readonly kind: "break"; readonly pos: number }
  | { readonly kind: "continue"; readonly pos: number };

export type List = readonly Node[];

/** The templates of one text by name; the main one has the name given to `parse`. */
export type Templates = ReadonlyMap<string, List>;

/** The source form of an operand, for error messages. */
export function operandText(node: Operand): string {
  switch (node.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(node.value);
    case "number":
      return node.text;
    case "string":
      return node.quoted;
    case "field":
      return `.${node.names.join(".")}`;
    case "variable":
      return [node.name, ...node.names].join(".");
    case "chain":
      return `${node.of.kind === "pipe" ? `(${pipeText(node.of)})` : operandText(node.of)}.${node.names.join(".")}`;
    case "function":
      return node.name;
    case "pipe":
      return pipeText(node);
  }
}

export function commandText(command: readonly Operand[]): string {
  return command.map((node) => (node.kind === "pipe" ? `(${pipeText(node)})` : operandText(node))).join(" ");
}

export function pipeText(pipe: Pipe): string {
  const target = pipe.variables.length === 0 ? "" : `${pipe.variables.join(", ")} ${pipe.assigns ? "=" : ":="} `;
  return target + pipe.commands.map(commandText).join(" | ");
}
