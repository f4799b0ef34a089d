/** The style of the page: light or dark, as the reader's system is. */
export const style = `
:root { color-scheme: light dark; --text: #1c2024; --quiet: #60646c; --line: #d9d9e0; --page: #fff; --box: #f6f6f8; --link: #0b5cad; --send: #1a7f4b; --receive: #0b5cad }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e8eb; --quiet: #a0a5ad; --line: #34383e; --page: #131517; --box: #1c1f22; --link: #7ab8f5; --send: #5fd394; --receive: #7ab8f5 }
}
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0; display: grid; grid-template-columns: 15rem minmax(0, 60rem); color: var(--text); background: var(--page); font: 16px/1.55 system-ui, sans-serif }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; padding: 1.5rem 1rem; border-right: 1px solid var(--line); font-size: .875rem }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0 }
nav li a { display: block; padding: .1rem 0; overflow-wrap: anywhere }
nav strong { display: block; margin-bottom: .25rem }
main { padding: 1.5rem 2rem 6rem; overflow-wrap: anywhere }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
h1, h2, h3, h4 { line-height: 1.25; margin: 2.5rem 0 .75rem }
h1 { margin-top: 0 }
h2 { padding-bottom: .4rem; border-bottom: 1px solid var(--line) }
h4 { margin: 1.5rem 0 .5rem; font-size: 1rem }
code, pre { font: .875em/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace }
code { padding: .1em .3em; border-radius: 4px; background: var(--box) }
pre { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 6px; background: var(--box); overflow: auto }
.wide { overflow-x: auto }
table { width: 100%; border-collapse: collapse; font-size: .9rem }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
th { font-weight: 600; white-space: nowrap }
td:first-child { white-space: nowrap }
td p { margin: 0 }
.quiet { color: var(--quiet); font-weight: 400 }
.send, .receive { white-space: nowrap }
.send { color: var(--send) }
.receive { color: var(--receive) }
@media (max-width: 50rem) {
  body { display: block }
  nav { position: static; max-height: none; border-right: 0; border-bottom: 1px solid var(--line) }
  nav ul { columns: 2 }
  main { padding: 1.5rem 1rem 4rem }
  thead, td:empty { display: none }
  table, tbody, tr, td { display: block }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line) }
  td { padding: 0; border: 0 }
  td:first-child { white-space: normal }
}
`;
