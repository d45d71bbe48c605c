import type { TapAttempt, TapDecision, TapLine, TapReceipt } from "../runtime/taps.ts";
import { type Io, printable } from "./io.ts";

/** One line for people. */
export function tellTap(line: TapLine, io: Io): string {
  const words =
    line.k === "receipt" ? receipt(line, io) : line.k === "decision" ? decision(line, io) : attempt(line, io);
  return `${line.at.slice(11, 23)}  ${words.join("  ")}\n`;
}

function receipt({ source, event, outcome, reason }: TapReceipt, io: Io): readonly string[] {
  const colour = outcome === "refused" ? "red" : outcome === "stored" ? "green" : "yellow";
  return [source, event, io.paint(colour, outcome), ...(reason === undefined ? [] : [printable(reason)])];
}

function decision({ source, event, matched, filtered, fired, waiting, data }: TapDecision, io: Io): readonly string[] {
  const became = [
    ...fired.map(({ sensor, trigger }) => io.paint("green", `→ ${sensor}/${trigger}`)),
    ...waiting.map(({ sensor, trigger, reason = "waits" }) =>
      io.paint("yellow", `… ${sensor}/${trigger} ${printable(reason)}`),
    ),
    ...(filtered > 0 ? [`${filtered} of ${matched} filtered: tidemill why ${event}`] : []),
    ...(matched === 0 ? ["nobody subscribes"] : []),
  ];
  return [source, event, ...became, io.paint("dim", printable(data).slice(0, shownData))];
}

function attempt(line: TapAttempt, io: Io): readonly string[] {
  const { sensor, trigger, state, attempt: n, tookMs, status, code, error, events } = line;
  const mark =
    state === "done"
      ? io.paint("green", "✓")
      : state === "dead"
        ? io.paint("red", "✗ dead")
        : io.paint("yellow", "✗ to be tried again");
  const why = [code, error].filter((one) => one !== undefined).map((one) => printable(one));
  const again = n > 1 ? [`attempt ${n}`] : [];
  const said = status === undefined ? [] : [printable(status)];
  return [`${sensor}/${trigger}`, events.join(","), mark, ...said, `${Math.round(tookMs)} ms`, ...again, ...why];
}

const shownData = 100;
