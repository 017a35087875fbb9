const MOST = 40
/** Controls, line and paragraph separators, and what changes the direction of the text around it. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+/gu

/**
 * An application's name as messages and terminals may show it: one line of at most 40 characters, without anything that
 * steers a terminal or turns text around, and without the double quote that it is put in.
 */
export function shownName(name: string): string {
  const characters = [...name.toWellFormed().replace(UNSAFE, ' ').replaceAll('"', "'").trim()]
  return characters.length <= MOST ? characters.join('') : `${characters.slice(0, MOST - 1).join('')}…`
}

/**
 * An application for people: its id and its name, such as `3 "Payments"`; with the beginning of its client_id where no
 * name is known. The quotes keep a name that looks like a list of applications from passing for one.
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
