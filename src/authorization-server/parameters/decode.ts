const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes as text; undefined when they are not valid. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

/**
 * Decodes one name or value of `application/x-www-form-urlencoded`. `raw` holds one byte a character. Undefined when a
 * percent sign is not followed by two hex digits, or the bytes are not UTF-8 (README of the recording, 23).
 */
export function decodeFormComponent(raw: string): string | undefined {
  const spaced = raw.includes('+') ? raw.replaceAll('+', ' ') : raw
  if (!spaced.includes('%')) return hasHighByte(spaced) ? decodeUtf8(Buffer.from(spaced, 'latin1')) : spaced
  const bytes = Buffer.from(spaced, 'latin1')
  let length = 0
  for (let index = 0; index < bytes.length; index++) {
    let byte = bytes[index] as number
    if (byte === 0x25) {
      const high = hexDigit(bytes[index + 1])
      const low = hexDigit(bytes[index + 2])
      if (high < 0 || low < 0) return undefined
      byte = high * 16 + low
      index += 2
    }
    bytes[length++] = byte
  }
  return decodeUtf8(bytes.subarray(0, length))
}

/** The inverse: everything but letters, digits and `*-._` is escaped, a space becomes `+`. */
export function encodeFormComponent(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
}

function hasHighByte(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return true
  return false
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
