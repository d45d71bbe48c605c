import { TideError } from "../lib/errors.ts";

/**
 * A fault in an expression of a user's manifest. `position` is the offset, in UTF-16 units, inside the expression's own
 * text, so that lint can point into the YAML string.
 */
export class ExpressionError extends TideError {
  readonly position: number | undefined;

  constructor(
    code: "EXPRESSION_INVALID" | "EXPRESSION_UNSUPPORTED" | "EXPRESSION_FAILED",
    message: string,
    options: { position?: number; cause?: unknown } = {},
  ) {
    super(code, message, options.cause === undefined ? {} : { cause: options.cause });
    this.position = options.position;
  }
}
