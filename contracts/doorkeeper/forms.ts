/** The values of a form: a list is sent as one field per member, undefined is omitted. */
export type Fields = Readonly<Record<string, string | number | readonly string[] | undefined>>

/** A form as a page contains it. */
export interface PageForm {
  readonly action: string
  /** In lower case; a field `_method` overrides the attribute. */
  readonly method: string
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
}

/** One name or value, encoded as browsers encode it. */
export function encodeField(value: string | number): string {
  return encodeURIComponent(value).replaceAll('%20', '+')
}

/** `application/x-www-form-urlencoded`, in the order of the fields. */
export function encodeForm(fields: Fields): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => {
      if (value === undefined) return []
      const values = typeof value === 'string' || typeof value === 'number' ? [value] : value
      return values.map((one) => `${encodeField(name)}=${encodeField(one)}`)
    })
    .join('&')
}

/** Decodes the HTML entities that Rails writes. */
export function unescapeHtml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

/** Reads the forms of a page. Written for the plain pages of authorization servers, not for HTML in general. */
export function formsIn(html: string): PageForm[] {
  return Array.from(html.matchAll(/(<form\b[^>]*>)([\s\S]*?)<\/form>/gi), ([, open = '', inner = '']) => {
    const fields = Array.from(inner.matchAll(/<(?:input|button|textarea)\b[^>]*>/gi), ([tag]) => tag).flatMap((tag) => {
      const name = attributeOf(tag, 'name')
      return name ? [[name, attributeOf(tag, 'value') ?? ''] as const] : []
    })
    const override = fields.find(([name]) => name === '_method')?.[1]
    return {
      action: attributeOf(open, 'action') ?? '',
      method: (override ?? attributeOf(open, 'method') ?? 'get').toLowerCase(),
      fields,
    }
  })
}

/** The visible text of a page, on one line. */
export function visibleText(html: string): string {
  const bare = html.replace(/<(script|style|head)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]+>/g, ' ')
  return unescapeHtml(bare).replace(/\s+/g, ' ').trim()
}

/** The CSRF token that Rails expects with a form; undefined if the page has none. */
export function csrfFieldOf(html: string): string | undefined {
  return /name="authenticity_token" value="([^"]+)"/.exec(html)?.[1]
}

/** The CSRF token that Rails offers to scripts; undefined if the page has none. */
export function csrfMetaOf(html: string): string | undefined {
  return /name="csrf-token" content="([^"]+)"/.exec(html)?.[1]
}

function attributeOf(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag)
  const value = found?.[1] ?? found?.[2] ?? found?.[3]
  return value === undefined ? undefined : unescapeHtml(value)
}
