"""The style of the page; what it does not say, the browser does well."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light; }
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #ffffff; max-width: 64rem; margin: 0 auto;
padding: 1rem; overflow-wrap: break-word; hyphens: auto; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.3rem; margin-top: 2.5rem; border-top: 2px solid #1a1a1a;
padding-top: .5rem; } h3 { font-size: 1.05rem; margin-top: 1.5rem; }
a { color: #003b8e; } a:focus { outline: 3px solid #1a1a1a; outline-offset: 2px; }
.skip { position: absolute; left: -100rem; } .skip:focus { position: static; }
.sentence { font-size: 1.25rem; font-weight: 600; }
dl.about { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; } dl.about dd { margin: 0; min-width: 0;
overflow-wrap: anywhere; } dt { font-weight: 600; } dl.numbers dd { margin: 0 0 .6rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #767676;
padding: .25rem .6rem .25rem 0; overflow-wrap: break-word; } thead th { border-bottom: 2px solid #1a1a1a; }
td.number { font-variant-numeric: tabular-nums; }
.query, .basis { font-size: .85rem; color: #4a4a4a; margin: .2rem 0; } code { overflow-wrap: anywhere; }
svg { display: block; width: 100%; max-width: 34rem; height: auto; margin: .5rem 0; }
#assets table, #risks table { font-size: .8rem; } #assets td, #assets th { overflow-wrap: anywhere; }
@media screen and (max-width: 48rem) {
dl.about { display: block; }
table, caption, thead, tbody, tr, th, td { display: block; }
thead { position: absolute; left: -100rem; }
tr { border-bottom: 2px solid #1a1a1a; padding: .4rem 0; } th, td { border-bottom: 0; padding: .1rem 0; }
th, td { overflow-wrap: anywhere; }
td::before { content: attr(data-label) ": "; font-weight: 600; }
}
@page wide { size: A4 landscape; }
@media print {
body { max-width: none; color: #000; background: #fff; font-size: 10pt; } a { color: #000; text-decoration: none; }
nav, .skip { display: none; } h2, h3, caption, thead { break-after: avoid; } tr, svg { break-inside: avoid; }
.query, .basis { color: #000; font-size: 8pt; } #assets table { font-size: 7pt; } #assets, footer { page: wide; }
}
"""
