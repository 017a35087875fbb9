import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { issuedInForm, issuedInJson, issuedInLocation } from './issued.ts'

describe('what a JSON response issues', () => {
  test('tokens, with their lifetimes and two minutes for clock skew', () => {
    const answer = { access_token: 'a', refresh_token: 'r', expires_in: 600, refresh_expires_in: 1_800 }
    assert.deepEqual(issuedInJson('token', JSON.stringify(answer)), [
      { value: 'a', type: 'access_token', lifetime: 720 },
      { value: 'r', type: 'refresh_token', lifetime: 1_920 },
    ])
  })

  test('tokens without a lifetime, or with an invalid one, get the default', () => {
    for (const more of [{}, { expires_in: null }, { expires_in: 'x' }, { expires_in: -5 }, { expires_in: [] }]) {
      const [access, refresh] = issuedInJson(
        'token',
        JSON.stringify({ access_token: 'a', refresh_token: 'r', ...more }),
      )
      assert.deepEqual([access?.lifetime, refresh?.lifetime], [7_320, 90 * 86_400 + 120])
    }
  })

  test('a device code and a user code', () => {
    const answer = { device_code: 'd', user_code: 'ABCD', expires_in: 300 }
    assert.deepEqual(issuedInJson('authorize_device', JSON.stringify(answer)), [
      { value: 'd', type: 'device_code', lifetime: 420 },
      { value: 'ABCD', type: 'user_code', lifetime: 420 },
    ])
  })

  test('nothing, if the response is empty or malformed', () => {
    for (const text of ['', 'x', 'null', '[]', '"a"', '{"access_token":7}', '{"access_token":""}', '{"error":"x"}']) {
      assert.deepEqual(issuedInJson('token', text), [], text)
    }
    assert.deepEqual(issuedInJson('introspect', '{"access_token":"a"}'), [])
  })
})

describe('the code in a redirect', () => {
  const rows: Array<[string, string[]]> = [
    ['https://client.example/back?code=abc&state=s', ['abc']],
    ['https://client.example/back?x=1&state=s&code=a%2Fb', ['a/b']],
    ['https://client.example/back#code=abc', ['abc']],
    ['com.example.app:/back?code=abc', ['abc']],
    ['/oauth/authorize/native?code=abc', ['abc']],
    ['https://client.example/back?error=access_denied', []],
    ['https://client.example/code=abc', []],
    ['https://client.example/back?zipcode=abc', []],
    ['https://client.example/back?code=', []],
  ]
  for (const [location, codes] of rows) {
    test(location, () => {
      assert.deepEqual(
        issuedInLocation(location).map(({ value }) => value),
        codes,
      )
    })
  }
})

describe('the code in a form that a browser posts', () => {
  const rows: Array<[string, string[]]> = [
    ['<form><input type="hidden" name="code" value="a-1"/><input name="state" value="s"></form>', ['a-1']],
    ['<FORM METHOD="POST"><INPUT TYPE="HIDDEN" NAME="code" VALUE="K.c" /></FORM>', ['K.c']],
    ["<form><input value='a&#43;b&amp;c&#x3d;' name='code'></form>", ['a+b&c=']],
    ['<form><input name="user_code" value="ABCD"></form>', []],
    ['<form><input name="code"></form>', []],
    ['<p><input name="code" value="of no form"></p>', []],
    ['', []],
  ]
  for (const [page, codes] of rows) {
    test(page, () => {
      assert.deepEqual(
        issuedInForm(page).map(({ value }) => value),
        codes,
      )
    })
  }
})
