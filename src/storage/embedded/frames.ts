/**
 * The kinds of frames between a server and its engine's process. Each request has exactly one answer frame, in order.
 */
export const FRAME = {
  /** Request: start a new session, without transaction or prepared statements. Answer: the same kind. */
  session: 0x53,
  /**
   * Request: messages of PostgreSQL's protocol (§55.7 of its manual). Answer: the messages that the backend returns.
   */
  messages: 0x4d,
  /** Request: close the database and exit. The process exits with code 0 instead of answering. */
  close: 0x43,
  /** Sent once, unprompted: the database is open. */
  open: 0x4f,
} as const

export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

export interface Frame {
  readonly kind: number
  readonly bytes: Buffer
}

const HEAD_BYTES = 5

/** Encodes one frame: the length of its bytes (4, big-endian), its kind (1), and a copy of its bytes. */
export function writeFrame(kind: FrameKind, bytes: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + bytes.length)
  frame.writeUInt32BE(bytes.length, 0)
  frame[4] = kind
  frame.set(bytes, HEAD_BYTES)
  return frame
}

/** Assembles frames from the chunks of a stream. */
export class FrameReader {
  #chunks: Buffer[] = []
  #held = 0
  #wanted = HEAD_BYTES

  /** Adds a chunk; returns the frames that it completes. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    const frames: Frame[] = []
    // Joined only once enough has arrived: a large answer arrives in many chunks.
    while (this.#held >= this.#wanted) {
      const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
      const end = HEAD_BYTES + all.readUInt32BE(0)
      const rest = all.length < end ? all : all.subarray(end)
      if (all.length >= end) frames.push({ kind: all[4] as number, bytes: all.subarray(HEAD_BYTES, end) })
      this.#chunks = rest.length === 0 ? [] : [rest]
      this.#held = rest.length
      this.#wanted = all.length < end ? end : HEAD_BYTES
    }
    return frames
  }
}
