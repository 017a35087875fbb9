import type { Database } from '../../storage/index.ts'
import { type GuessesMade, type UserCodeLimits, waitForUserCode } from '../limits/user-code-guess.ts'
import { named } from './statements.ts'

/** Whether a user code may be checked, or how long it must wait, in milliseconds. */
export type UserCodeGuess =
  | { readonly allowed: true; takeBack(): Promise<void> }
  | { readonly allowed: false; readonly waitMs: number }

/**
 * Counts a guess of a user code before the code is checked, for all replicas (RFC 8628 §5.1). The count of a correct
 * guess is undone. `network` is the origin of the guess; omit it when unknown.
 */
export type GuessUserCode = (ownerId: string, network?: string) => Promise<UserCodeGuess>

const FREE: UserCodeGuess = { allowed: true, takeBack: async () => {} }

/**
 * Counts guesses of user codes in a schema for all replicas, one at a time, so that concurrent guesses count like
 * consecutive ones.
 */
export function userCodeGuesses(database: Database, schema: string, limits: UserCodeLimits | undefined): GuessUserCode {
  if (limits === undefined || Object.values(limits).every((limit) => limit === undefined)) return async () => FREE
  const table = `${schema}.user_code_guesses`
  const within = (scope: string, seconds: string, which: string) => {
    const filter = `filter (where ${which} guessed_at > clock_timestamp() - make_interval(secs => ${seconds}))`
    const ago = `extract(epoch from clock_timestamp() - min(guessed_at) ${filter})`
    return `count(*) ${filter} as "${scope}Made", coalesce(${ago}, 0)::float8 as "${scope}Ago"`
  }
  const sql = named(schema, {
    lockGuesses: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
    countGuesses: `select ${within('user', '$3', 'subject = $1 and')}, ${within('address', '$4', 'network = $2 and')},
${within('all', '$5', '')} from ${table} where guessed_at > clock_timestamp() - make_interval(secs => greatest($3, $4, $5))`,
    addGuess: `insert into ${table} (subject, network, guessed_at) values ($1, $2, clock_timestamp()) returning id`,
    takeBackGuess: `delete from ${table} where id = $1`,
  })
  const seconds = (['user', 'address', 'all'] as const).map((scope) => limits[scope]?.seconds ?? 1)
  return (subject, network) =>
    database.transaction(async (tx) => {
      await tx.query(sql.lockGuesses, [`${schema} user codes`])
      const [row] = await tx.query<CountRow>(sql.countGuesses, [subject, network ?? '', ...seconds])
      if (!row) throw new Error('the counter was not updated')
      const waitMs = waitForUserCode(limits, {
        user: guessesOf(row.userMade, row.userAgo),
        address: network === undefined ? guessesOf(0, 0) : guessesOf(row.addressMade, row.addressAgo),
        all: guessesOf(row.allMade, row.allAgo),
      })
      if (waitMs > 0) return { allowed: false, waitMs }
      const [added] = await tx.query<{ id: number }>(sql.addGuess, [subject, network ?? ''])
      return {
        allowed: true,
        takeBack: async () => {
          await database.query(sql.takeBackGuess, [added?.id])
        },
      }
    })
}

interface CountRow {
  userMade: number
  userAgo: number
  addressMade: number
  addressAgo: number
  allMade: number
  allAgo: number
}

function guessesOf(made: number, firstAgo: number): GuessesMade {
  return { made: Number(made), firstAgo: Number(firstAgo) }
}
