export interface Due {
  readonly dueUs: number;
  readonly seq: number;
}

/** A binary heap by due time, then place. */
export class DueHeap {
  readonly #rows: Due[] = [];

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
