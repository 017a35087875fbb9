import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compareResponse } from './comparer.ts'
import { DELIBERATE_DIFFERENCES, differencesFor } from './deliberate-differences.ts'
import { resolvePinned } from './pinned-answer.ts'
import { comparedSteps, readRecording, VERSIONS } from './recording.ts'
import { listScenarios } from './scenario.ts'
import { ALL_SETS } from './scenarios/all.ts'
import { readSeed } from './seed.ts'
import { UNRECORDED_DIFFERENCES } from './unrecorded-differences.ts'

const scenarios = listScenarios(ALL_SETS, readSeed())

for (const version of VERSIONS) {
  const recording = readRecording(version)

  test(`every scenario recorded from ${version} runs, under its title, and every one that runs was recorded`, () => {
    const titles = (all: Iterable<{ id: string; title: string }>) =>
      Array.from(all, ({ id, title }) => `${id} ${title}`)
    assert.deepEqual(titles(scenarios).sort(), titles(recording.values()).sort())
  })

  test(`nothing recorded from ${version} was cut short`, () => {
    const cut = [...recording.values()].filter(({ skipped, failed }) => skipped ?? failed)
    assert.deepEqual(
      cut.map(({ id }) => id),
      [],
    )
  })

  for (const handsOff of [false, true]) {
    describe(`the list for ${version}, ${handsOff ? 'handed off' : 'not handed off'}`, () => {
      const listed = differencesFor({ version, handsOff })

      test('names no step twice', () => {
        const steps = listed.map(({ id, step }) => `${id}/${step}`)
        assert.equal(new Set(steps).size, steps.length)
      })

      for (const one of listed) {
        test(`${one.id} step ${one.step} was recorded and differs from our answer`, () => {
          const recorded = comparedSteps(recording.get(one.id) ?? assert.fail('not recorded'))[one.step - 1]
          assert.ok(recorded)
          const found = compareResponse(recorded.response, resolvePinned(one.answer, recording), { asSeen: handsOff })
          assert.notDeepEqual(found, [])
        })
      }
    })
  }
}

test('every deliberate difference names its source', () => {
  for (const { id, source } of [...DELIBERATE_DIFFERENCES, ...UNRECORDED_DIFFERENCES]) {
    assert.match(source, /RFC \d{4} §|OpenID Connect Core §|Form Post Response Mode §|scenario A\d{3}/, id)
  }
})
