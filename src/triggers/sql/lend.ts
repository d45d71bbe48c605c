import { abortable } from "../../lib/abort.ts";

/** Connections of a pool, lent for one step each. */
export interface Lending<Connection> {
  take(): Promise<Connection>;
  /** `whole`: it can be used again; otherwise it is ended, which undoes what is open on it. */
  giveBack(connection: Connection, whole: boolean): void;
}

/** Runs `step` on a connection. Rejects with the signal's reason as soon as it aborts; the connection is then ended. */
export async function lend<Connection, T>(
  { take, giveBack }: Lending<Connection>,
  signal: AbortSignal,
  step: (connection: Connection) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const taking = take();
  const connection = await abortable(taking, signal).catch((error: unknown) => {
    // nobody waits for it any more
    taking.then((late) => giveBack(late, true)).catch(() => undefined);
    throw error;
  });
  let whole = false;
  try {
    const result = await abortable(step(connection), signal);
    whole = true;
    return result;
  } finally {
    giveBack(connection, whole);
  }
}
