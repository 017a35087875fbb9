/**
 * Encodes one name or value of `application/x-www-form-urlencoded`: escapes everything except letters, digits and
 * `*-._`, and turns a space into `+`.
 */
export function encodeFormComponent(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}
