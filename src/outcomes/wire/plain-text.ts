const ZERO = 48
/** The most that is computed in 32 bits, with nine digits. */
const BILLION = 1_000_000_000
/** The digits of 00 to 99. */
const PAIRS = Uint8Array.from({ length: 200 }, (_, at) => ZERO + (at % 2 === 0 ? Math.trunc(at / 20) : (at >> 1) % 10))
/** From this length on, one call that copies a text is faster than its characters one by one. */
const COPIED = 8

/** Writes ASCII text into bytes and returns where it ends. */
export function putText(bytes: Buffer, at: number, text: string): number {
  const { length } = text
  if (length >= COPIED) return at + bytes.write(text, at, 'latin1')
  for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index)
  return at + length
}

/** Writes a whole number from 0 to `Number.MAX_SAFE_INTEGER` in decimal digits, and returns where they end. */
export function putNumber(bytes: Buffer, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = ZERO + value
    return at + 1
  }
  if (value < BILLION) return putDigits(bytes, at, value | 0, digitsOf(value | 0))
  const high = Math.floor(value / BILLION)
  const end = putNumber(bytes, at, high)
  return putDigits(bytes, end, (value - high * BILLION) | 0, 9)
}

/** Writes the last `digits` digits of a number, two at a time. */
function putDigits(bytes: Buffer, at: number, value: number, digits: number): number {
  let rest = value
  let place = at + digits
  for (; place > at + 1; place -= 2) {
    const hundreds = (rest / 100) | 0
    const pair = (rest - hundreds * 100) * 2
    bytes[place - 2] = PAIRS[pair] as number
    bytes[place - 1] = PAIRS[pair + 1] as number
    rest = hundreds
  }
  if (place > at) bytes[at] = ZERO + rest
  return at + digits
}

function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? 2 : value < 1_000 ? 3 : 4
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  return value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : 9
}
