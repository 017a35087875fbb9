const MOST = 40
/** Control characters, line and paragraph separators, and characters that change the direction of surrounding text. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+/gu

/**
 * An application's name made safe for messages and terminals: one line of at most 40 characters, without terminal
 * controls, direction marks, or the double quote that delimits it.
 */
export function shownName(name: string): string {
  const characters = [...name.toWellFormed().replace(UNSAFE, ' ').replaceAll('"', "'").trim()]
  return characters.length <= MOST ? characters.join('') : `${characters.slice(0, MOST - 1).join('')}…`
}

/**
 * A human-readable description of an application: its id and its name, such as `3 "Payments"`, or the beginning of its
 * client_id when the name is unknown. The quotes keep a name that looks like a list of applications from passing for
 * one.
 */
export function applicationInWords(application: {
  readonly id: number
  readonly client_id: string
  readonly name?: string | null | undefined
}): string {
  const name = shownName(application.name ?? '')
  return name === ''
    ? `${application.id} (${shownName(application.client_id.slice(0, 16))})`
    : `${application.id} "${name}"`
}
