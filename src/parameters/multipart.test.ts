import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { boundaryOf, readParts } from './multipart.ts'

function partsOf(text: string, boundary = 'b') {
  const parts: Array<[name: string | undefined, value: string, filename?: string]> = []
  const fault = readParts(Buffer.from(text, 'latin1'), boundary, ({ name, filename, content }) => {
    parts.push(filename === undefined ? [name, content.toString()] : [name, content.toString(), filename])
    return true
  })
  return { parts, fault }
}

const field = (head: string, value = '1') => `--b\r\n${head}\r\n\r\n${value}\r\n`
const DISPOSITION = 'Content-Disposition: form-data'

describe('the parts of a multipart body', () => {
  const heads: Array<[string, string | undefined]> = [
    [`${DISPOSITION}; name="a"`, 'a'],
    [`${DISPOSITION}; name=a`, 'a'],
    [`${DISPOSITION}; name="x"; name="a"`, 'a'],
    [`content-disposition:form-data;NAME="a"`, 'a'],
    [`${DISPOSITION}; name="a\\"b"`, 'a"b'],
    ['Content-ID: a', 'a'],
    ['Content-Type: text/plain', undefined],
  ]
  for (const [head, name] of heads) {
    test(`are named as Rack names them: ${head}`, () => {
      assert.deepEqual(partsOf(`${field(head)}--b--`), { parts: [[name, '1']], fault: undefined })
    })
  }

  test('may be files, chosen or not', () => {
    const body = `${field(`${DISPOSITION}; name="a"; filename="x"`)}${field(`${DISPOSITION}; name="b"; filename=""`)}--b--`
    assert.deepEqual(partsOf(body).parts, [
      ['a', '1', 'x'],
      ['b', '1', ''],
    ])
  })

  test('end at a delimiter followed by a line end or two dashes', () => {
    const body = `${field(`${DISPOSITION}; name="a"`, '1--bx\r\n2')}--b--`
    assert.deepEqual(partsOf(body).parts, [['a', '1--bx\r\n2']])
  })

  test('are delivered as long as they are complete, and a truncated body is reported', () => {
    const one = field(`${DISPOSITION}; name="a"`)
    assert.deepEqual(partsOf(one), { parts: [], fault: 'incomplete' })
    assert.deepEqual(partsOf(`${one}${one}`).fault, 'incomplete')
    assert.deepEqual(partsOf(''), { parts: [], fault: 'incomplete' })
    assert.equal(partsOf(`${one.repeat(1_025)}--b--`).fault, 'too_many')
    assert.equal(partsOf(field(`x: ${'y'.repeat(9_000)}`)).fault, 'too_many')
    assert.equal(partsOf(field(`x: ${'y'.repeat(8_000)}`).repeat(17)).fault, 'too_many')
  })

  const types: Array<[string, string | undefined]> = [
    ['multipart/form-data; boundary=b', 'b'],
    ['Multipart/Mixed;Boundary="b c"', 'b c'],
    ['multipart/form-data; boundary=b c', 'b c'],
    ['multipart/form-data; boundary=b, x', 'b'],
    ['multipart/form-data; xboundary=b', 'b'],
    ['multipart/form-data', undefined],
    ['multipart/form-data; boundary=', undefined],
    ['multipart/form-data; boundary =b', 'unusable'],
    ['multipart/form-data; boundary=b; boundary=c', 'unusable'],
    [`multipart/form-data; boundary=${'b'.repeat(201)}`, 'unusable'],
  ]
  for (const [type, boundary] of types) {
    test(`are separated by the boundary of ${type.slice(0, 50)}`, () => assert.equal(boundaryOf(type), boundary))
  }
})
