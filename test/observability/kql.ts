/** A line of the log. */
export type Line = Readonly<Record<string, unknown>>

type Test = (line: Line) => boolean

/**
 * Compiles a query in the part of the Kibana query language that saved searches use: `field : "exact text"`, `field :
 * word`, `field : *`, joined by `and`, `or`, `not` and parentheses. As with keyword fields, a value must match
 * completely. Throws on anything else, because a misread query proves nothing.
 */
export function compileKql(query: string): Test {
  const tokens = tokensOf(query)
  let at = 0
  const take = (wanted?: string): string => {
    const token = tokens[at++]
    if (token === undefined || (wanted !== undefined && token !== wanted)) throw new Error(`not understood: ${query}`)
    return token
  }
  const isNext = (word: string) => tokens[at]?.toLowerCase() === word
  const either = (): Test => {
    let left = both()
    while (isNext('or')) {
      take()
      const [one, other] = [left, both()]
      left = (line) => one(line) || other(line)
    }
    return left
  }
  const both = (): Test => {
    let left = single()
    while (isNext('and')) {
      take()
      const [one, other] = [left, single()]
      left = (line) => one(line) && other(line)
    }
    return left
  }
  const single = (): Test => {
    if (isNext('not')) {
      take()
      const inner = single()
      return (line) => !inner(line)
    }
    if (isNext('(')) {
      take()
      const inner = either()
      take(')')
      return inner
    }
    const field = take()
    if (!/^[\w.@]+$/.test(field)) throw new Error(`not a field: ${field}`)
    take(':')
    return matching(field, take())
  }
  const test = either()
  if (at !== tokens.length) throw new Error(`not understood: ${query}`)
  return test
}

function tokensOf(query: string): string[] {
  const tokens = query.match(/"(?:[^"\\]|\\.)*"|[()]|:|[^\s():"]+/g) ?? []
  if (tokens.join('').replaceAll(/\s/g, '') !== query.replaceAll(/\s/g, '')) throw new Error(`not understood: ${query}`)
  return tokens
}

function matching(field: string, value: string): Test {
  if (value === '*') return (line) => line[field] !== undefined && line[field] !== null
  if (value.startsWith('"')) {
    const exact = JSON.parse(value) as string
    return (line) => String(line[field]) === exact
  }
  if (!/^[\w.-]+$/.test(value)) throw new Error(`not a plain value: ${value}`)
  return (line) => String(line[field]) === value
}
