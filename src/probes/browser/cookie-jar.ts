interface Cookie {
  readonly value: string
  readonly path: string
}

/**
 * The cookies of one browser towards one origin (RFC 6265, without domains and dates): a probe lives for seconds, and
 * sends its cookies only to the origin that it probes.
 */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>()

  /** Stores the cookies of a response; one with an empty value or `Max-Age=0` is removed. */
  keep(setCookies: readonly string[]): void {
    for (const line of setCookies) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const equals = pair.indexOf('=')
      if (equals <= 0) continue
      const name = pair.slice(0, equals)
      const value = pair.slice(equals + 1)
      const path = attributeOf(attributes, 'path') ?? '/'
      const maxAge = attributeOf(attributes, 'max-age')
      const isGone = value === '' || (maxAge !== undefined && Number(maxAge) <= 0)
      if (isGone) this.#cookies.delete(`${name} ${path}`)
      else this.#cookies.set(`${name} ${path}`, { value: `${name}=${value}`, path })
    }
  }

  /** The `Cookie` header for a path; undefined if there are no cookies for it. */
  headerFor(path: string): string | undefined {
    const sent = [...this.#cookies.values()].filter((cookie) => isBelow(path, cookie.path))
    return sent.length === 0 ? undefined : sent.map(({ value }) => value).join('; ')
  }
}

function attributeOf(attributes: readonly string[], name: string): string | undefined {
  const found = attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))
  return found?.slice(name.length + 1)
}

/** RFC 6265 §5.1.4. */
function isBelow(path: string, prefix: string): boolean {
  if (prefix === path || prefix === '/') return true
  return path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`)
}
