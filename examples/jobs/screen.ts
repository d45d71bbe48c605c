import { styleText } from "node:util";
import type { Sent } from "./send.ts";

/** Where a run prints: lines on stdout, one live line or milestones on stderr. */
export interface Screen extends Disposable {
  say(line: string): void;
  warn(line: string): void;
  sent(one: Sent): void;
  progress(now: { readonly executed: number; readonly dead: number; readonly of: number }): void;
  /** No more progress. */
  end(): void;
}

export function createScreen(out: NodeJS.WriteStream, err: NodeJS.WriteStream): Screen {
  let live = "";
  let ended = false;
  let sentCount = 0;
  let refused = 0;
  let milestone = 0;
  const clear = (): void => {
    if (err.isTTY && live !== "") err.write("\r\u001b[K");
  };
  const draw = (): void => {
    if (err.isTTY && !ended) err.write(`\r\u001b[K${live.slice(0, (err.columns ?? 80) - 1)}`);
  };
  const print = (to: NodeJS.WriteStream, line: string): void => {
    clear();
    to.write(`${line}\n`);
    draw();
  };
  const dim = (text: string): string => (out.isTTY ? styleText("dim", text) : text);
  return {
    say: (line) => print(out, line),
    warn: (line) => print(err, line),
    sent({ draft, refused: why }) {
      sentCount += 1;
      if (why !== undefined) {
        refused += 1;
        print(out, dim(`refused       message ${draft.n}, ${draft.malformed ?? "a job"}: ${why}`));
      }
      live = `${sentCount} sent, ${refused} refused`;
      draw();
    },
    progress({ executed, dead, of }) {
      live = `${sentCount} sent, ${refused} refused; of ${of} on their way ${executed} executed, ${dead} dead`;
      draw();
      const tenth = of === 0 ? 10 : Math.floor((10 * Math.min(executed + dead, of)) / of);
      if (!err.isTTY && tenth > milestone) err.write(`progress: ${tenth * 10} % (${live})\n`);
      milestone = Math.max(milestone, tenth);
    },
    end() {
      clear();
      ended = true;
      live = "";
    },
    [Symbol.dispose]() {
      clear();
      ended = true;
    },
  };
}
