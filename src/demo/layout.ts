import { escapeHtml } from '../http/index.ts'

const STYLE = `
:root{color-scheme:light dark;--line:#d8dbe2;--soft:#6b7280;--accent:#5b3fd6;--card:#fff;--page:#f5f5f8;--text:#1c1d22}
@media (prefers-color-scheme:dark){:root{--line:#3a3d46;--soft:#a0a5b1;--accent:#a995ff;--card:#22242b;--page:#17181d;--text:#eceef3}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:2.5rem 1.25rem}h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:0 0 .5rem}
p{margin:.25rem 0 1rem}.soft{color:var(--soft)}.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem;margin:1rem 0}
.card>:last-child{margin-bottom:0}.next{border-color:var(--accent);border-width:2px}
form{display:inline}button,.button{font:inherit;border:1px solid var(--accent);background:var(--accent);color:var(--card);border-radius:.5rem;padding:.45rem .9rem;margin:.25rem .35rem .25rem 0;cursor:pointer;text-decoration:none;display:inline-block}
.plain{background:transparent;color:var(--accent)}button:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .5rem;border-top:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}th{width:9rem;font-weight:600}
.side{display:inline-block;white-space:nowrap;margin-left:.5rem;border-radius:1rem;padding:.05rem .65rem;font-size:.85rem;font-weight:600;border:1px solid currentColor}.side.IAM{color:#0d7a4f}.side.monolith{color:#b4531a}
@media (prefers-color-scheme:dark){.side.IAM{color:#5fd3a0}.side.monolith{color:#f2a670}}
code{overflow-wrap:anywhere}
pre{background:var(--page);border-radius:.5rem;padding:.9rem;margin:0 0 .75rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}.code{font:600 2rem/1.2 ui-monospace,monospace;letter-spacing:.15em}
.error{border-color:#c0392b}`

/** A whole page; `content` is HTML. */
export function page(title: string, content: string, refreshSeconds?: number): string {
  const refresh = refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${refreshSeconds}">`
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">${refresh}
<title>${escapeHtml(title)} · Handover demo</title><style>${STYLE}</style></head><body><main>
${content}
</main></body></html>
`
}
