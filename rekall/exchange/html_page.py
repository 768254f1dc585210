"""What is the same in every HTML page that an export writes: its styles, its search, and the frame around the entries."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --dim: #5b616a; --back: #fff; --soft: #f2f4f6; --line: #d8dce1;
  --mark: #0b57d0; --warn: #8a4b00; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e6ea; --dim: #9aa1ab; --back: #16181c; --soft: #22262c; --line: #363b43; --mark: #8ab4f8; --warn: #f2b25c; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 1rem; color: var(--text); background: var(--back);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--mark); }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.2rem; margin: 0; }
h3, h4, h5, h6 { font-size: 1rem; margin: 1rem 0 .3rem; }
.find { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center;
  padding: .6rem 0; background: var(--back); border-bottom: 1px solid var(--line); }
.find[hidden] { display: none; }
.find input { flex: 1 1 14rem; }
.find input, .find select { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line);
  border-radius: .4rem; padding: .35rem .6rem; max-width: 100%; }
article { padding: 1.2rem 0; border-bottom: 1px solid var(--line); scroll-margin-top: 4rem;
  content-visibility: auto; contain-intrinsic-size: auto 16rem; }
article[hidden] { display: none; }
article:target { outline: 2px solid var(--mark); outline-offset: .4rem; }
.about { color: var(--dim); margin: .2rem 0; font-size: .9rem; }
.obsolete > h2 { text-decoration: line-through; }
.warn { color: var(--warn); font-weight: 600; }
pre { overflow-x: auto; padding: .7rem; background: var(--soft); border-radius: .4rem; }
code { font-family: ui-monospace, monospace; font-size: .92em; unicode-bidi: isolate; }
.said { white-space: pre-wrap; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid var(--line); padding: .25rem .6rem; }
blockquote { margin: .5rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--dim); }
@media print {
  .find { display: none; }
  body { max-width: none; padding: 0; font-size: 10pt; color: #000; background: #fff; }
  article { content-visibility: visible; }
  h2, h3 { break-after: avoid; }
  pre { white-space: pre-wrap; }
}
"""

SCRIPT = """
(() => {
  "use strict";
  const entries = [...document.querySelectorAll("article")];
  const form = document.querySelector(".find");
  const [words, types, projects] = ["words", "type", "project"].map((name) => form.elements[name]);
  const shown = document.querySelector("#shown");
  const plain = (text) => text.normalize("NFKD").replace(/\\p{M}/gu, "").toLowerCase();
  const fill = (list, name) => {
    const values = new Set(entries.map((entry) => entry.dataset[name]).filter(Boolean));
    for (const value of [...values].sort()) list.append(new Option(value, value));
    list.hidden = values.size < 2;
  };
  const texts = new Map();
  const text = (entry) => {
    if (!texts.has(entry)) texts.set(entry, plain(entry.textContent));
    return texts.get(entry);
  };
  const apply = () => {
    const wanted = plain(words.value).split(/\\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      const fits = (!types.value || entry.dataset.type === types.value)
        && (!projects.value || entry.dataset.project === projects.value)
        && wanted.every((word) => text(entry).includes(word));
      entry.hidden = !fits;
      count += fits;
    }
    shown.textContent = count === entries.length ? `${count}` : `${count} of ${entries.length}`;
  };
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.hidden) {
      words.value = types.value = projects.value = "";
      apply();
      target.scrollIntoView();
    }
  };
  let waiting;
  words.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(apply, 120); });
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  window.addEventListener("hashchange", reveal);
  fill(types, "type");
  fill(projects, "project");
  form.hidden = false;
  apply();
})();
"""


def digest(text: str) -> str:
    """What a policy names a script or a style by that stands in the page."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def head(title: str) -> str:
    """The page up to the first entry.

    The policy lets nothing run or load but these two texts, whatever a note holds.

    Args:
        title: The title, escaped.
    """
    policy = f"default-src 'none'; style-src '{digest(STYLE)}'; script-src '{digest(SCRIPT)}'; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<form class="find" role="search" hidden>
<input type="search" name="words" aria-label="Search" placeholder="Search titles, tags and texts" autocomplete="off">
<select name="type" aria-label="Type"><option value="">every type</option></select>
<select name="project" aria-label="Project"><option value="">every project</option></select>
<output id="shown" aria-live="polite"></output>
</form>
<main>
"""


def tail() -> str:
    """The page after the last entry."""
    return f"</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
