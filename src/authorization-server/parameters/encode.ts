/** Encodes one name or value of `application/x-www-form-urlencoded`: all but letters, digits and `*-._` is escaped, a space becomes `+`. */
export function encodeFormComponent(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
