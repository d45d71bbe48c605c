/* Made by `tidemill schema types`; changes are lost. */

/**
 * What a producer asks for. The generator, the ingester and the processor use this one file.
 */
export type Job = {
  /**
   * Of the producer's choice; the same id is the same job.
   */
  id: string;
  kind: "digest" | "primes" | "divide";
  submittedAt: string;
  priority?: number;
  input: {
    [k: string]: unknown | undefined;
  };
  /**
   * Who is told of a failure, beside the topic: an address that the manifest allows.
   */
  notify?: string;
  /**
   * What the ingester adds; a job that was put into the second queue directly has none.
   */
  ingest?: {
    at: string;
    attempt: number;
    /**
     * An estimate: work units.
     */
    cost: number;
  };
};
