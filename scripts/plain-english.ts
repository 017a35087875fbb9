import type { Passage } from './read-prose.ts'

/** Words that the project does not use, as a regular expression in which a space matches any white space. */
export interface OldPhrase {
  readonly phrase: string
  /** The plain wording. */
  readonly instead: string
}

/** A real use of such words. */
export interface AllowedUse {
  readonly file: string
  /** One of {@link OLD_REGISTER}, as written there. */
  readonly phrase: string
  readonly why: string
}

/** A place where a file uses such words. */
export interface OldUse {
  readonly file: string
  readonly line: number
  /** The words as the file has them, on one line. */
  readonly found: string
  readonly phrase: string
  readonly instead: string
}

/** The words of a register that reads as translated or archaic, each with the plain wording. */
export const OLD_REGISTER: readonly OldPhrase[] = [
  { phrase: '(?:come|comes|came|coming) again', instead: 'retry, repeat' },
  { phrase: '(?:goes|gone|going|went) by', instead: 'use, depend on' },
  { phrase: '(?:goes|gone|went) on', instead: 'continue' },
  { phrase: '(?:lives|live|lived) on', instead: 'remain valid' },
  { phrase: '(?:passed|passes|passing) over', instead: 'override' },
  { phrase: '(?:stand|stands|stood) (?:beside|against|there)', instead: 'is, is next to, block' },
  { phrase: '(?:that|which) (?:is|are|was|were) none', instead: 'invalid' },
  { phrase: '(?:that|which) (?:is|are|was|were) no (?!longer|more)', instead: 'is not a' },
  { phrase: '(?:it )?is said', instead: 'according to, reports' },
  { phrase: '(?:somebody|nobody|anybody|everybody)', instead: 'a caller, an operator, someone, no one, anyone' },
  { phrase: '(?:whoever|whomever|whatsoever)', instead: 'a caller, a client, anyone who' },
  { phrase: '(?:thereby|whereby|thereof|thereupon|whereupon)', instead: 'so that, which' },
  { phrase: '(?:those|anyone|everyone|next|one) who asks?', instead: 'callers, concurrent requests' },
  { phrase: 'anew', instead: 'again' },
  { phrase: 'at each asking', instead: 'each time' },
  { phrase: 'beside', instead: 'besides, in addition to, next to' },
  { phrase: 'but for', instead: 'except' },
  { phrase: 'by which', instead: 'with which, that' },
  { phrase: 'for so long(?! as| that)', instead: 'for this long, for at most' },
  { phrase: 'for want of', instead: 'for lack of' },
  { phrase: 'is held to', instead: 'is checked against, must match' },
  { phrase: 'meanwhile', instead: 'in the meantime, at the same time' },
  { phrase: 'shall', instead: 'must, should' },
  { phrase: 'so many(?! that)', instead: 'at most N, the number of' },
  { phrase: 'told', instead: 'reported, notified' },
  { phrase: 'under way', instead: 'in progress, in flight' },
  { phrase: 'was so already', instead: 'no change' },
  { phrase: '(?:way|ways) back', instead: 'rollback' },
]

/** The real uses, by file and phrase. */
export const ALLOWED_USES: readonly AllowedUse[] = [
  { file: 'src/control-plane/rollouts/notifications/cursors.ts', phrase: 'told', why: 'the name of a column' },
]

/** White space, and what begins the next line of a comment or a quotation. */
const GAP = String.raw`(?:\s|^[ \t]*(?:\*|//|>))+`

/** The uses of old phrases in the passages of a file, by line and words. */
export function findOldRegister(file: string, passages: readonly Passage[], phrases = OLD_REGISTER): OldUse[] {
  const uses = phrases.flatMap(({ phrase, instead }) => {
    const pattern = new RegExp(String.raw`(?<![\w-])${phrase.replaceAll(' ', GAP)}(?![\w-])`, 'gim')
    return passages.flatMap(({ text, line }) =>
      Array.from(text.matchAll(pattern), ({ index, 0: found }) => ({
        file,
        line: line + text.slice(0, index).split('\n').length - 1,
        found: found.replaceAll(/[\s*/>]+/g, ' ').trim(),
        phrase,
        instead,
      })),
    )
  })
  return uses.sort((a, b) => a.line - b.line || a.found.localeCompare(b.found))
}

/** Separates the uses that are not allowed, and the allowances that no file needs any more. */
export function judgeUses(
  uses: readonly OldUse[],
  allowed: readonly AllowedUse[] = ALLOWED_USES,
): { readonly faults: OldUse[]; readonly unused: AllowedUse[] } {
  const matches = (use: OldUse, allowance: AllowedUse) => use.file === allowance.file && use.phrase === allowance.phrase
  return {
    faults: uses.filter((use) => !allowed.some((allowance) => matches(use, allowance))),
    unused: allowed.filter((allowance) => !uses.some((use) => matches(use, allowance))),
  }
}
