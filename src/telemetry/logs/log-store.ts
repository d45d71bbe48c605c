/** Where log lines are kept beside the terminal: Elasticsearch, OpenSearch, or whatever takes OTLP. */
export interface LogStore extends AsyncDisposable {
  /**
   * Resolves once the store holds the lines, however long it was away: tries again until `signal` aborts, and then
   * rejects with its reason. A line that the store will never take is counted in `refused`, told, and left out.
   */
  put(lines: readonly LogLine[], signal: AbortSignal): Promise<void>;
  /** Lines that it would not take, for good. */
  readonly refused: number;
  /** Why it does not take lines now; undefined: it does, as far as is known. */
  readonly failing: string | undefined;
}

export interface LogLine {
  /** One JSON object by the Elastic Common Schema, with `@timestamp`; no newline in it. */
  readonly json: string;
  /** The same line has the same id, so that one that is put again is not there twice; made up by the store unless given. */
  readonly id?: string;
}
