import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'

/** How a file may be encoded on its way to a browser, the smallest first. */
const ENCODINGS = [
  { encoding: 'br', suffix: '.br' },
  { encoding: 'gzip', suffix: '.gz' },
] as const

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
}

const BASE = /<base href="\.\/"\s*\/?>/

/** One file in the forms that the build made of it. */
export interface StaticFile {
  readonly type: string
  /** Its name contains a hash of its content, so it never changes. */
  readonly isImmutable: boolean
  readonly plain: Buffer
  readonly encoded: ReadonlyMap<string, Buffer>
}

interface Build {
  readonly index: string
  readonly files: ReadonlyMap<string, StaticFile>
}

/**
 * The files of a built web application, kept in memory. Only files that the build made can be found, so no path leads
 * out of the directory. A new build is noticed by its index page.
 */
export class StaticBuild {
  readonly #directory: string | undefined
  #build: Promise<Build | undefined> | undefined
  #builtAt: number | undefined

  /** @param directory the output of the build; it may not exist yet */
  constructor(directory: string | undefined) {
    this.#directory = directory
  }

  /**
   * The page for an address that is `depth` folders below the root of the application, with its base set to that root;
   * undefined if there is no build.
   */
  async page(depth: number): Promise<string | undefined> {
    const build = await this.#current()
    return build?.index.replace(BASE, `<base href="${depth === 0 ? './' : '../'.repeat(depth)}">`)
  }

  /** The file with this path below the root. */
  async file(path: string): Promise<StaticFile | undefined> {
    return (await this.#current())?.files.get(path)
  }

  async #current(): Promise<Build | undefined> {
    if (this.#directory === undefined) return undefined
    const builtAt = await stat(join(this.#directory, 'index.html')).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    )
    if (builtAt === undefined) return undefined
    if (this.#build === undefined || this.#builtAt !== builtAt) {
      this.#builtAt = builtAt
      this.#build = readBuild(this.#directory).catch(() => {
        // A build in progress removes files while they are read; the next request reads again.
        this.#build = undefined
        return undefined
      })
    }
    return this.#build
  }
}

async function readBuild(directory: string): Promise<Build> {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length).replace(/^\/+/, ''))
  const present = new Set(names)
  const files = new Map<string, StaticFile>()
  for (const name of names) {
    const type = TYPES[extname(name)]
    if (type === undefined) continue
    const encoded = new Map<string, Buffer>()
    for (const { encoding, suffix } of ENCODINGS)
      if (present.has(name + suffix)) encoded.set(encoding, await readFile(join(directory, name + suffix)))
    const plain = await readFile(join(directory, name))
    files.set(name, { type, isImmutable: name.startsWith('assets/'), plain, encoded })
  }
  const index = files.get('index.html')?.plain.toString('utf8')
  if (index === undefined) throw new Error(`${directory} has no index.html`)
  files.delete('index.html')
  return { index, files }
}

/** The smallest form that a browser accepts (RFC 9110 §12.5.3), and its `Content-Encoding`. */
export function acceptedForm(
  { plain, encoded }: StaticFile,
  acceptEncoding: string | undefined,
): { readonly body: Buffer; readonly encoding: string | undefined } {
  const accepted = new Set((acceptEncoding ?? '').split(',').flatMap(acceptedCoding))
  for (const [encoding, body] of encoded) if (accepted.has(encoding)) return { body, encoding }
  return { body: plain, encoding: undefined }
}

/** The content coding that a member of Accept-Encoding names, in lower case, unless its weight is 0. */
function acceptedCoding(member: string): string[] {
  const [coding = '', weight] = member.split(';').map((part) => part.trim().toLowerCase())
  const quality = weight === undefined ? 1 : Number(/^q=([\d.]+)$/.exec(weight)?.[1])
  return quality > 0 ? [coding] : []
}
