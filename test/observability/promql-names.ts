/** One `label="value"` of a selector. */
export interface Matcher {
  readonly label: string
  readonly operator: string
  readonly value: string
}

/** The names in an expression. */
export interface ExpressionNames {
  readonly selectors: ReadonlyArray<{ readonly metric: string; readonly matchers: readonly Matcher[] }>
  /** Labels in `by`, `on` and their like. */
  readonly grouping: readonly string[]
}

const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'])
const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'sum', 'min', 'max', 'avg', 'count', 'topk', 'bottomk'])
const TOKEN = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[a-zA-Z_:][\w:]*|\d[\w.]*|=~|!~|!=|==|[<>]=?|[^\s]/g

/** The metrics and labels in an expression that Prometheus itself has parsed and formatted (`/api/v1/format_query`). */
export function namesIn(formatted: string): ExpressionNames {
  const tokens: readonly string[] = formatted.match(TOKEN) ?? []
  const selectors: Array<{ metric: string; matchers: Matcher[] }> = []
  const grouping: string[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] ?? ''
    if (!/^[a-zA-Z_:]/.test(token)) continue
    const next = tokens[at + 1]
    if (GROUPING.has(token) && next === '(') {
      const end = tokens.indexOf(')', at)
      grouping.push(...tokens.slice(at + 2, end).filter((label) => label !== ','))
      at = end
    } else if (next === '{') {
      const end = tokens.indexOf('}', at)
      selectors.push({ metric: token, matchers: matchersIn(tokens.slice(at + 2, end)) })
      at = end
    } else if (next !== '(' && !WORDS.has(token)) selectors.push({ metric: token, matchers: [] })
  }
  return { selectors, grouping }
}

function matchersIn(tokens: readonly string[]): Matcher[] {
  const matchers: Matcher[] = []
  for (let at = 0; at < tokens.length; at += 4) {
    const [label = '', operator = '', value = '""'] = tokens.slice(at, at + 3)
    matchers.push({ label, operator, value: JSON.parse(value) as string })
  }
  return matchers
}
