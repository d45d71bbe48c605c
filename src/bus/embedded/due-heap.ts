export interface Due {
  readonly dueUs: number;
  readonly seq: number;
}

/** A clock that is set back by less is left alone: what was to come is that much late. */
const slackUs = 1e6;

/** When a firing is due. One that was made in the future, by a clock that was set back since, waits as long as it was to wait then. */
export function dueAt({ dueUs, madeUs }: { readonly dueUs: number; readonly madeUs: number }, nowUs: number): number {
  return dueUs - Math.max(0, madeUs - nowUs);
}

/** A binary heap by due time, then place. */
export class DueHeap {
  readonly #rows: Due[] = [];
  #seenUs = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#rows.length;
  }

  peek(): Due | undefined {
    return this.#rows[0];
  }

  push(row: Due): void {
    this.#rows.push(row);
    let at = this.#rows.length - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfLater(above, at)) break;
      at = above;
    }
  }

  pop(): Due | undefined {
    const first = this.#rows[0];
    const last = this.#rows.pop();
    if (first === undefined || last === undefined || this.#rows.length === 0) return first;
    this.#rows[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= this.#rows.length) break;
      const right = left + 1;
      const child = right < this.#rows.length && this.#later(left, right) ? right : left;
      if (!this.#swapIfLater(at, child)) break;
      at = child;
    }
    return first;
  }

  /** To be told the time before it is asked: a clock that was set back takes along what was to come. Answers that time. */
  at(nowUs: number): number {
    const backUs = this.#seenUs - nowUs;
    if (backUs > slackUs) {
      for (const [at, row] of this.#rows.entries()) this.#rows[at] = { ...row, dueUs: row.dueUs - backUs };
    }
    this.#seenUs = nowUs;
    return nowUs;
  }

  #later(a: number, b: number): boolean {
    const one = this.#rows[a];
    const two = this.#rows[b];
    if (one === undefined || two === undefined) return false;
    return one.dueUs > two.dueUs || (one.dueUs === two.dueUs && one.seq > two.seq);
  }

  #swapIfLater(above: number, below: number): boolean {
    const one = this.#rows[above];
    const two = this.#rows[below];
    if (one === undefined || two === undefined || !this.#later(above, below)) return false;
    this.#rows[above] = two;
    this.#rows[below] = one;
    return true;
  }
}
