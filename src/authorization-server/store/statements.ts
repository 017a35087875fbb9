import type { Statement } from '../../storage/index.ts'

/** The transaction that a write belongs to. */
export interface StoreScope {
  query<Row extends object>(
    statement: { readonly name: string; readonly text: string } | string,
    values?: readonly unknown[],
  ): Promise<Row[]>
}

/** The statements of one schema, with names that are unique across schemas, so that they can be prepared. */
export function named<Name extends string>(
  schema: string,
  texts: Readonly<Record<Name, string>>,
): Readonly<Record<Name, Statement>> {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, { name: `${schema}_as_${name}`, text }])
  return Object.fromEntries(entries) as Record<Name, Statement>
}

/** Like {@link named}, for statements that find or write single rows by an index: they share connections. */
export function namedBrief<Name extends string>(
  schema: string,
  texts: Readonly<Record<Name, string>>,
): Readonly<Record<Name, Statement>> {
  const statements = Object.entries<Statement>(named(schema, texts))
  return Object.fromEntries(statements.map(([name, one]) => [name, { ...one, isBrief: true }])) as Record<
    Name,
    Statement
  >
}
