import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, type ContextManager, ROOT_CONTEXT } from "@opentelemetry/api";
import type { CallState } from "./call.ts";

/** What goes along with promises, timers and callbacks of one call. */
interface Frame {
  readonly call: CallState | undefined;
  readonly context: Context;
}

const nothing: Frame = { call: undefined, context: ROOT_CONTEXT };

/** OpenTelemetry's active context and the call that runs, in one store: what a call left behind is told from the next one. */
export class ActiveContext implements ContextManager {
  readonly #frames = new AsyncLocalStorage<Frame>();

  active(): Context {
    return this.#frame.context;
  }

  /** The call that the current code belongs to. */
  get call(): CallState | undefined {
    return this.#frame.call;
  }

  get #frame(): Frame {
    return this.#frames.getStore() ?? nothing;
  }

  runCall<T>(call: CallState, context: Context, work: () => T): T {
    return this.#frames.run({ call, context }, work);
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#frames.run({ call: this.call, context }, () => Reflect.apply(work, thisArg, args) as ReturnType<F>);
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== "function") return target;
    const frame = { call: this.call, context };
    const frames = this.#frames;
    function bound(this: unknown, ...args: readonly unknown[]): unknown {
      return frames.run(frame, () => Reflect.apply(target as unknown as (...given: unknown[]) => unknown, this, args));
    }
    return bound as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}
