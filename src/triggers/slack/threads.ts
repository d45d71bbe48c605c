/**
 * The threads that messages were gathered in, by channel and key: the first message of a key begins one, those after it
 * answer it. In memory, as in the peer: after a restart a new thread begins. The longest unused is forgotten.
 */
export class Threads implements AsyncDisposable {
  readonly #begun = new Map<string, Promise<string>>();
  readonly #most: number;

  constructor(most = 10_000) {
    this.#most = most;
  }

  /**
   * Sends a message of a thread: `post` is given the thread's beginning, undefined where it is to be the beginning, and
   * resolves with its own place. Messages that come while the first is under way wait for it.
   */
  async post(key: string, post: (thread: string | undefined) => Promise<string>): Promise<void> {
    for (let begun = this.#begun.get(key); begun !== undefined; begun = this.#begun.get(key)) {
      const thread = await begun.catch(() => undefined);
      // it could not begin: whoever wakes first begins it, and the others wait for that one
      if (thread === undefined) continue;
      this.#keep(key, Promise.resolve(thread));
      const placed = await post(thread);
      // forgotten meanwhile: what was posted began another one
      if (!this.#begun.has(key)) this.#keep(key, Promise.resolve(placed));
      return;
    }
    const first = post(undefined);
    this.#keep(key, first);
    try {
      await first;
    } catch (error) {
      this.#begun.delete(key);
      throw error;
    }
  }

  forget(key: string): void {
    this.#begun.delete(key);
  }

  #keep(key: string, thread: Promise<string>): void {
    this.#begun.delete(key);
    this.#begun.set(key, thread);
    const [oldest] = this.#begun.keys();
    if (this.#begun.size > this.#most && oldest !== undefined) this.#begun.delete(oldest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#begun.clear();
  }
}
