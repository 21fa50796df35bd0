"""How the pages look that are files of their own: for a phone, a screen and paper."""

from __future__ import annotations

from markupsafe import Markup

STYLE = Markup("""
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #1a1a1a }
  h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
  .wide { overflow-x: auto }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem }
  th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
  th { vertical-align: bottom; white-space: normal; min-width: 5.5rem }
  th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff }
  .published { color: #666; font-style: italic }
  figure { margin: 0 0 1rem } figure svg { width: 100%; max-width: 40rem; height: auto }
  li { overflow-wrap: anywhere; font-size: .85rem }
  .paper { display: none }
  @media print {
    body { max-width: none; font-size: 11px } figure, tr, .paper { break-inside: avoid } h2 { break-after: avoid }
    figure svg { max-width: 26rem } .wide { display: none } .paper { display: block; margin-bottom: 1rem }
    th, td { padding: .1rem .3rem } th { min-width: 0 }
  }
""")
