import { parse } from "yaml";
import { compileTemplate } from "../expressions/go-template.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import { loadFunctions, type Making } from "./functions.ts";

/** Makes the JSON text of messages. */
export interface LoadTemplate {
  /** Throws LOAD_TEMPLATE when the template fails, or makes no JSON. */
  render(of: Making & { readonly nowMs: number; readonly random: () => number }): string;
}

/**
 * A Go template with sprig, whose text is the JSON of a message: `{"id": "{{ uuid }}", "n": {{ between 1 9 }}}`. With
 * `yaml` the text is YAML. What it makes depends on the message's number, the seed and the clock alone. `.seq` and `.load`
 * are as the functions of these names. Throws LOAD_TEMPLATE for a template that cannot be read.
 */
export function compileLoadTemplate(text: string, { yaml = false }: { readonly yaml?: boolean } = {}): LoadTemplate {
  let making: Making = { seq: 0, load: "" };
  const compiled = failing(() => compileTemplate(text, { name: "template", functions: loadFunctions(() => making) }));
  return {
    render({ nowMs, random, ...about }) {
      making = about;
      return failing(() => {
        const made = compiled.render({ Input: {}, ...about }, { nowMs, random });
        const json: unknown = yaml ? parse(made) : JSON.parse(made);
        // the text as it was written, where it is JSON already
        return yaml ? JSON.stringify(json) : made.trim();
      });
    },
  };
}

function failing<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new TideError("LOAD_TEMPLATE", messageOf(cause), { cause });
  }
}
