/** A field that a form sends; its type is that of the input, such as `text`, or the name of another element. */
export type FormField = readonly [name: string, value: string, type: string]

/** A form of a page: its target, and the fields it would send unchanged. */
export interface Form {
  readonly action: URL
  readonly method: 'GET' | 'POST'
  /** In order; a submit button is included only when it is the form's first named one, as if clicked. */
  readonly fields: readonly FormField[]
  /** The labels of its buttons, to distinguish forms. */
  readonly buttons: readonly string[]
  /** The HTML between its tags. */
  readonly html: string
}

/** Parses the forms of an HTML page. Meant for plain sign-in, consent and device pages, not for HTML in general. */
export function formsIn(html: string, base: URL): Form[] {
  return Array.from(html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi), (match) => {
    const attributes = attributesOf(match[1] ?? '')
    const inner = match[2] ?? ''
    return {
      action: new URL(attributes.get('action') || base.href, base),
      method: attributes.get('method')?.toUpperCase() === 'POST' ? 'POST' : 'GET',
      ...contentsOf(inner),
      html: inner,
    }
  })
}

function contentsOf(inner: string): Pick<Form, 'fields' | 'buttons'> {
  const fields: FormField[] = []
  const buttons: string[] = []
  let hasPressed = false
  for (const match of inner.matchAll(
    /<(input|button|textarea|select)\b([^>]*)>(?:([^<]*)<\/(?:button|textarea)>)?/gi,
  )) {
    const { 1: tag = '', 2: text = '', 3: body = '', index } = match
    const attributes = attributesOf(text)
    const type = attributes.get('type')?.toLowerCase() ?? (tag.toLowerCase() === 'button' ? 'submit' : 'text')
    const name = attributes.get('name')
    const value = attributes.get('value') ?? (type === 'checkbox' || type === 'radio' ? 'on' : '')
    if (type === 'submit') {
      buttons.push(body.trim() || value)
      if (name && !hasPressed) fields.push([name, value, type])
      hasPressed = true
      continue
    }
    if (!name || attributes.has('disabled')) continue
    if ((type === 'checkbox' || type === 'radio') && !attributes.has('checked')) continue
    if (tag.toLowerCase() === 'select') fields.push([name, chosenIn(inner.slice(index)), 'select'])
    else if (tag.toLowerCase() === 'textarea') fields.push([name, unescapeHtml(body), 'textarea'])
    else fields.push([name, value, type])
  }
  return { fields, buttons }
}

/** The value of the selected option in the select that `html` begins with. */
function chosenIn(html: string): string {
  const options = html.slice(0, html.indexOf('</select>'))
  const option = /<option\b([^>]*\sselected\b[^>]*)>/.exec(options) ?? /<option\b([^>]*)>/.exec(options)
  return attributesOf(option?.[1] ?? '').get('value') ?? ''
}

function attributesOf(text: string): Map<string, string> {
  const pairs = text.matchAll(/([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)
  return new Map(
    Array.from(pairs, ([, name = '', double, single, bare]) => [
      name.toLowerCase(),
      unescapeHtml(double ?? single ?? bare ?? ''),
    ]),
  )
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescapeHtml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16))
    if (decimal) return String.fromCodePoint(Number(decimal))
    return ENTITIES[name ?? ''] ?? whole
  })
}
