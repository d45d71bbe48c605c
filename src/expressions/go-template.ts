import { ExpressionError } from "./fault.ts";
import { builtins } from "./go-template/builtins.ts";
import { execute } from "./go-template/execute.ts";
import type { Run } from "./go-template/faults.ts";
import type { Templates } from "./go-template/nodes.ts";
import { parse } from "./go-template/parse.ts";
import { wellFormed } from "./go-text.ts";
import { type CallContext, CallFault, type GoFunction, Meter, wrap } from "./go-value.ts";
import { memory } from "./memory.ts";
import { environmentFunctions, sprigFunctions, unsupportedFunctions } from "./sprig.ts";

/** A compiled template: made once when a manifest is loaded, rendered per event. */
export interface GoTemplate {
  /**
   * The text for these data (decoded JSON: `.Input` and more). The data are never changed. What Go would refuse, and a
   * template that runs too long or prints too much, is an ExpressionError EXPRESSION_FAILED that names the place.
   */
  render(data: TemplateData, cx: TemplateContext): string;
}

export interface TemplateData {
  readonly Input: unknown;
  readonly [name: string]: unknown;
}

/** The only clock and randomness a template has, so that an evaluation can be repeated. */
export interface TemplateContext {
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** In [0, 1). */
  random(): number;
}

export interface TemplateOptions {
  /** What `env` and `expandenv` read (reference F4); without it they are refused when the template is compiled. */
  readonly env?: (name: string) => string;
  /** Go's time.Local for `date` and its kin: an IANA name. Argo's images run in UTC, so that is the default. */
  readonly localZone?: string;
  /** Functions beside sprig's, and before them. */
  readonly functions?: ReadonlyMap<string, GoFunction>;
  /** The name in error messages. */
  readonly name?: string;
  /** Characters that one rendering may give; the default is 4 Mi. */
  readonly maxOutput?: number;
}

/**
 * One unit is about a character made or an eighth of a node evaluated. An endless loop ends after 0.2 to 0.5 s; the dearest
 * template found (`trunc` of a megabyte of two-byte characters, in a loop) after 2 s, on a busy machine.
 */
const BUDGET = 32 * 1024 * 1024;
const MAX_OUTPUT = 4 * 1024 * 1024;

/**
 * Compiles a Go text/template with sprig 3.3.0's functions, as Argo Events has them for parameters and data filters
 * (reference 3.4, 3.7). A syntax error or an unknown function is an ExpressionError EXPRESSION_INVALID with its position;
 * a function that is known but not offered is EXPRESSION_UNSUPPORTED.
 */
export function compileTemplate(text: string, options: TemplateOptions = {}): GoTemplate {
  const name = options.name ?? "param";
  const templates = parse(name, text, (word, pos) => findFunction(word, pos, options));
  const remember = memory();
  return {
    render: (data, cx) => {
      const context: CallContext = {
        nowMs: cx.nowMs,
        random: () => cx.random(),
        meter: new Meter(BUDGET),
        localZone: options.localZone ?? "UTC",
        env: options.env,
        remember,
      };
      return render({ name, text, templates, maxOutput: options.maxOutput ?? MAX_OUTPUT }, data, context);
    },
  };
}

function findFunction(word: string, pos: number, options: TemplateOptions): GoFunction | undefined {
  const own = options.functions?.get(word);
  if (own !== undefined) return own;
  if (unsupportedFunctions.has(word)) {
    throw new ExpressionError("EXPRESSION_UNSUPPORTED", `the template function "${word}" is not supported`, {
      position: pos,
    });
  }
  if (environmentFunctions.has(word) && options.env === undefined) {
    throw new ExpressionError(
      "EXPRESSION_UNSUPPORTED",
      `the template function "${word}" needs an environment: run with --template-env`,
      {
        position: pos,
      },
    );
  }
  // Sprig's `slice` replaces the built-in one, as in Argo.
  return sprigFunctions.get(word) ?? environmentFunctions.get(word) ?? builtins.get(word);
}

interface Compiled {
  readonly name: string;
  readonly text: string;
  readonly templates: Templates;
  readonly maxOutput: number;
}

function render(template: Compiled, data: TemplateData, cx: CallContext): string {
  const dot = wrap(data);
  const run: Run = {
    name: template.name,
    source: template.text,
    templates: template.templates,
    cx,
    maxOutput: template.maxOutput,
    out: "",
    variables: [{ name: "$", value: dot }],
    depth: 0,
    template: template.name,
  };
  try {
    execute(run, dot, template.templates.get(template.name) ?? []);
  } catch (cause) {
    if (cause instanceof CallFault)
      throw new ExpressionError("EXPRESSION_FAILED", `template: ${template.name}: ${cause.reason}`);
    if (cause instanceof RangeError) {
      throw new ExpressionError("EXPRESSION_FAILED", `template: ${template.name}: nested too deeply`, { cause });
    }
    throw cause;
  }
  return wellFormed(run.out);
}
