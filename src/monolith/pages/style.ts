import { createHash } from 'node:crypto'

/** The only style sheet, inlined into every page, so that a page needs no other file. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f4f5f8;--card:#fff;--ink:#1b1f2a;--soft:#5a6275;--line:#d9dde6;--accent:#3a4fd0;--accent-ink:#fff;--warn:#a3231b;--warn-bg:#fdecea;--ok:#17603a;--ok-bg:#e6f5ec;--field:#fff}
@media (prefers-color-scheme:dark){:root{--bg:#12141b;--card:#1b1e28;--ink:#e9ebf2;--soft:#a2a9bb;--line:#343a4a;--accent:#8c9bff;--accent-ink:#10131f;--warn:#ffb3ac;--warn-bg:#3b1f1d;--ok:#9fe0b8;--ok-bg:#17301f;--field:#12141b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--bg);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;display:flex;flex-direction:column}
.top{display:flex;align-items:center;gap:.75rem;padding:.9rem 1.25rem;min-height:3.75rem}
.mark{display:flex;text-decoration:none;color:var(--accent)}
.mark svg{width:1.9rem;height:1.9rem}
.who{margin-left:auto;display:flex;align-items:center;gap:.5rem;color:var(--soft);font-size:.9rem}
.who[data-name]::after{content:attr(data-name)}
.who[data-initial]::before{content:attr(data-initial);width:1.9rem;height:1.9rem;border-radius:50%;background:var(--accent);color:var(--accent-ink);display:grid;place-items:center;font-weight:600}
main,.card{width:100%;max-width:27rem;margin:0 auto;padding:1.9rem;background:var(--card);border:1px solid var(--line);border-radius:.9rem;box-shadow:0 1px 2px #0000000d,0 10px 30px #0000000f}
.shell{flex:1;padding:4vh 1rem 3rem}
.wide main{max-width:50rem}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:2rem 0 .5rem;font-size:1.1rem}
p{margin:0 0 1rem;overflow-wrap:anywhere}
a{color:var(--accent)}
.soft{color:var(--soft)}
.small{font-size:.9rem}
.notice,.alert{max-width:27rem;margin:0 auto 1rem;padding:.75rem 1rem;border-radius:.6rem}
.wide .notice,.wide .alert{max-width:50rem}
main .notice,main .alert{margin-bottom:1.25rem}
.notice{background:var(--ok-bg);color:var(--ok)}
.alert{background:var(--warn-bg);color:var(--warn)}
label,legend{display:block;margin-bottom:.3rem;font-weight:600;font-size:.95rem}
fieldset{margin:0 0 1.25rem;padding:0;border:0}
input[type=text],input[type=password],select,textarea{width:100%;padding:.65rem .8rem;margin-bottom:1.1rem;border:1px solid var(--line);border-radius:.55rem;background:var(--field);color:inherit;font:inherit}
textarea{min-height:6rem;font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:.9rem}
input[name=user_code]{font:600 1.4rem/1.3 ui-monospace,SFMono-Regular,Menlo,monospace;letter-spacing:.18em;text-align:center}
.plain{margin:0;padding-left:1.1rem}
details{margin:0 0 1.25rem;padding:.8rem 1rem;border:1px solid var(--line);border-radius:.55rem}
details[open] summary{margin-bottom:.75rem}
summary{font-weight:600;cursor:pointer}
details select{margin-bottom:.3rem}
[data-next]::before{content:attr(data-next);display:block;margin-bottom:1.25rem}
summary[data-label]::after{content:attr(data-label)}
.check{display:flex;gap:.55rem;align-items:baseline;font-weight:400;margin-bottom:.45rem}
.button,input[type=submit],button{display:inline-block;padding:.65rem 1.1rem;border:1px solid var(--line);border-radius:.55rem;background:transparent;color:inherit;font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
.primary,input[type=submit].primary,button.primary{background:var(--accent);border-color:var(--accent);color:var(--accent-ink)}
.danger{color:var(--warn)!important;border-color:currentColor!important}
.button:hover,input[type=submit]:hover,button:hover{filter:brightness(1.08)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.full{width:100%}
.actions{display:grid;grid-template-columns:1fr 1fr;gap:.75rem;margin-top:1.5rem}
.actions form,.actions input{width:100%}
.row{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center}
strong[dir]{unicode-bidi:isolate;overflow-wrap:anywhere}
.scopes{margin:0;padding:0;list-style:none;display:flex;flex-wrap:wrap;gap:.45rem}
.scopes li{padding:.25rem .65rem;border:1px solid var(--line);border-radius:1rem;font:.9rem ui-monospace,SFMono-Regular,Menlo,monospace}
.list{margin:0 0 1.25rem;padding:0;list-style:none;border-top:1px solid var(--line)}
.list>li{display:flex;flex-wrap:wrap;gap:.35rem 1rem;align-items:center;justify-content:space-between;padding:.8rem 0;border-bottom:1px solid var(--line)}
dl{margin:0 0 1.25rem}
dt{font-weight:600;font-size:.9rem;color:var(--soft)}
dd{margin:0 0 .9rem}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:.92em;overflow-wrap:anywhere;white-space:pre-wrap}
pre{margin:0;padding:.85rem 1rem;border:1px solid var(--line);border-radius:.55rem;background:var(--field)}
#authorization_code{display:block;padding:1rem;border:1px dashed var(--line);border-radius:.55rem;user-select:all}
.bare{background:none;border:0;box-shadow:none;padding:0}
`

/** The source expression that allows {@link STYLE} in a Content-Security-Policy. */
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`
