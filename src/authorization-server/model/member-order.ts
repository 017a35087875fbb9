/** The members of an object in the order of a list that names each of them; JSON preserves that order. */
export function inOrder<Members extends object>(members: Members, order: ReadonlyArray<keyof Members>): Members {
  return Object.fromEntries(order.map((name) => [name, members[name]])) as Members
}
