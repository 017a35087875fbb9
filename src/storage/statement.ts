/** A prepared statement: `name` must stand for one text only, for as long as a connection lives. */
export interface Statement {
  readonly name: string
  readonly text: string
  /**
   * It touches a few rows by an index, so that outside of a transaction it may share a connection with others of its
   * kind: a quarter less CPU than a connection to itself.
   */
  readonly isBrief?: boolean
}
