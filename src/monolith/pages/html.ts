import { escapeHtml } from '../../http/index.ts'

/** Markup that is safe to send. Only {@link html} and {@link trusted} create it, so text cannot slip in unescaped. */
export class Html {
  readonly #markup: string
  constructor(strings: readonly string[], values: readonly HtmlValue[]) {
    this.#markup = strings.reduce((markup, text, index) => markup + text + render(values[index]), '')
  }
  toString(): string {
    return this.#markup
  }
}

/** The values allowed in a template: text is escaped, a list is joined, undefined and false render nothing. */
export type HtmlValue = Html | string | number | false | undefined | readonly HtmlValue[]

/** Creates markup from a template literal; every inserted text is escaped for elements and quoted attributes. */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  return new Html(strings, values)
}

/** Wraps markup that another part has escaped and vouches for. */
export function trusted(markup: string): Html {
  return new Html([markup], [])
}

function render(value: HtmlValue): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map(render).join('')
  return escapeHtml(String(value))
}
