import type { Statement } from '../../storage/index.ts'

/** The transaction that a write shall be part of. */
export interface StoreScope {
  query<Row extends object>(
    statement: { readonly name: string; readonly text: string } | string,
    values?: readonly unknown[],
  ): Promise<Row[]>
}

/** Statements of one schema, each with a name that no other schema's has, so that they can be prepared. */
export function named<Name extends string>(
  schema: string,
  texts: Readonly<Record<Name, string>>,
): Readonly<Record<Name, Statement>> {
  const entries = Object.entries<string>(texts).map(([name, text]) => [name, { name: `${schema}_as_${name}`, text }])
  return Object.fromEntries(entries) as Record<Name, Statement>
}

/** The same for statements that find or write single rows by an index: they share connections. */
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
