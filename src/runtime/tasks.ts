/** Tasks that come and go while a part runs. */
export class Tasks {
  readonly #end = Promise.withResolvers<void>();
  #open = 0;
  #closed = false;

  constructor() {
    // whoever never asks for the end has no unhandled rejection for it
    this.#end.promise.catch(() => undefined);
  }

  add(task: Promise<void>): void {
    this.#open += 1;
    task.then(
      () => {
        this.#open -= 1;
        this.#look();
      },
      (error: unknown) => this.#end.reject(error),
    );
  }

  /** No more will come. Resolves with the last one, or rejects with the first failure, also one from before. */
  close(): Promise<void> {
    this.#closed = true;
    this.#look();
    return this.#end.promise;
  }

  /** Rejects with the first failure; resolves after `close`. */
  get ended(): Promise<void> {
    return this.#end.promise;
  }

  #look(): void {
    if (this.#closed && this.#open === 0) this.#end.resolve();
  }
}
