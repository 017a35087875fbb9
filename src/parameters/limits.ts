/** As many parameters as Rack takes in one query or body, and as many parts or JSON members as we do. */
export const MAX_PARAMETERS = 4_096
/** As deep as Rack 2 and Ruby's JSON nest. */
export const MAX_DEPTH = 100

/** The characters that part two parameters: a form knows `&` alone, a query of Rack 2 the semicolon too. */
export type Separators = '&' | '&;'

/** Whether `text` holds at most {@link MAX_PARAMETERS}, counted by separators as Rack does, so that empty ones count. */
export function isCountWithin(text: string, separators: Separators): boolean {
  const left = countDown(text, '&', MAX_PARAMETERS)
  return left > 0 && (separators === '&' || countDown(text, ';', left) > 0)
}

function countDown(text: string, separator: string, from: number): number {
  let left = from
  for (let at = text.indexOf(separator); at >= 0 && left > 0; at = text.indexOf(separator, at + 1)) left--
  return left
}
