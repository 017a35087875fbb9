import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Chaskey } from './chaskey.ts'

const KEY = new Uint8Array(Uint32Array.of(0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39).buffer)
/** The published tags of the texts 00, 00 01, 00 01 02 and so on, by length. */
const TAGS: ReadonlyArray<readonly [length: number, tag: string]> = [
  [0, '43cb1f41 51eba0c2 ff0a8ac3 7ee3f642'],
  [1, 'f9ac2067 9c35a846 441aad3d 777b7330'],
  [15, '03cfb44b 283c8163 fca71448 c40a0aea'],
  [16, '5dd0e2a9 fb5eac8c 633a392e 500c36f3'],
  [17, '8b5f6d5a 202314f6 22092368 9639e606'],
  [32, '77962784 07c647fa dd752c0f d2f5a799'],
  [33, 'd74bb867 2c0dfb3a b697e9cd 5658edda'],
  [63, '2dd072e1 42b89efe fb26b615 049aa451'],
]

function tagOf(chaskey: Chaskey, text: string): string {
  chaskey.hash(text)
  return [...chaskey.tag].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join(' ')
}

test('Chaskey-12 computes the tags of its reference implementation', () => {
  const chaskey = new Chaskey(KEY)
  // From the longest text to the shortest, so that a rest of an earlier text would show.
  for (const [length, tag] of TAGS.toReversed()) {
    assert.equal(tagOf(chaskey, String.fromCharCode(...Array.from({ length }, (_, at) => at))), tag)
  }
})

test('texts of any length have different tags, and so do different keys', () => {
  const chaskey = new Chaskey(KEY)
  const tags = Array.from({ length: 2_000 }, (_, length) => tagOf(chaskey, 'a'.repeat(length)))
  assert.equal(new Set(tags).size, tags.length)
  assert.notEqual(tagOf(new Chaskey(KEY.toReversed()), 'a'), tags[1])
})
