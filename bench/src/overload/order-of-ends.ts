/** When an order was created and when it ended, in milliseconds of one clock. */
export interface Lifetime {
  readonly created: number;
  readonly ended: number;
}

/** For each order, in the given order: how many younger ones ended before it. */
export function overtakings(orders: readonly Lifetime[]): number[] {
  return orders.map(({ created, ended }) => {
    let count = 0;
    for (const other of orders) if (other.created > created && other.ended < ended) count += 1;
    return count;
  });
}
