(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const LAYOUT_MS = 8000, SLICE_MS = 30, LOOK_MS = 200, MANY = 1500, MOST_FOUND = 60, MOST_LABELS = 60;
  const COLOURS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#edc948", "#76b7b2", "#ff9da7", "#9c755f", "#8f8f8f"];
  const OTHER = "#8f8f8f";
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const make = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const $ = (query) => document.querySelector(query);
  document.documentElement.classList.add("live");

  const canvas = $(".map canvas"), pen = canvas.getContext("2d");
  const panel = $(".panel"), holder = $(".panel .note"), found = $(".found"), shown = $(".bar output");
  const words = $(".bar input[type=search]"), colouring = $(".bar select"), legend = $(".legend");
  const notes = $("main");

  // what there is
  const nodes = data.nodes.map(([id, title, type, project, group, obsolete], index) => (
    { index, id, title, type, project, group, obsolete, degree: 0, around: new Set(), fits: true }));
  const links = data.links.map(([source, target, kind]) => ({ source: nodes[source], target: nodes[target], kind }));
  for (const { source, target, kind } of links) {
    source.around.add(target);
    target.around.add(source);
    if (kind !== "near") { source.degree += 1; target.degree += 1; }
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const alone = nodes.filter((node) => !node.around.size).length;
  const texts = new Map();
  const textOf = (node) => {
    if (!texts.has(node)) texts.set(node, plain(document.getElementById(node.id).textContent));
    return texts.get(node);
  };
  for (const node of nodes) node.radius = 3.5 + Math.min(Math.sqrt(node.degree) * 1.6, 12);

  // where it lies: what belongs to one group is drawn to one place
  const groups = [...new Set(nodes.map((node) => node.group))];
  const reach = groups.length < 2 ? 0 : 14 * Math.sqrt(nodes.length);
  const place = new Map(groups.map((group, at) => {
    const angle = (2 * Math.PI * at) / groups.length;
    return [group, [reach * Math.cos(angle), reach * Math.sin(angle)]];
  }));
  for (const node of nodes) {
    const [x, y] = place.get(node.group), angle = node.index * 2.399963, far = 6 * Math.sqrt(node.index % 997);
    node.x = x + far * Math.cos(angle);
    node.y = y + far * Math.sin(angle);
  }
  const isLarge = nodes.length > MANY;
  const pull = (node) => (node.around.size ? 0.03 : 0.08);
  const layout = d3.forceSimulation(nodes)
    .force("link", d3.forceLink(links)
      .distance((link) => (link.kind === "near" ? 30 : 45))
      .strength((link) => (link.kind === "near" ? 0.3 : 0.7) / Math.sqrt(1 + Math.min(link.source.around.size, link.target.around.size))))
    .force("charge", d3.forceManyBody().strength(-34).theta(isLarge ? 1.2 : 0.9).distanceMax(isLarge ? 250 : 500))
    .force("collide", isLarge ? null : d3.forceCollide((node) => node.radius + 2))
    .force("x", d3.forceX((node) => place.get(node.group)[0]).strength(pull))
    .force("y", d3.forceY((node) => place.get(node.group)[1]).strength(pull))
    .alphaDecay(1 - Math.pow(0.001, 1 / (isLarge ? 160 : 300)))
    .stop();

  // what is seen
  const view = { x: 0, y: 0, scale: 1 };
  let isMoved = false, chosen = null, hovered = null, waiting = false, width = 1, height = 1, colours = {};
  const hiddenKinds = new Set(), hiddenValues = new Set();
  let hidesAlone = false;
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const takeColours = () => {
    colours = Object.fromEntries(["--text", "--dim", "--back", "--line", "--mark", "--warn"].map((name) => [name, style(name)]));
  };
  const valueOf = (node) => node[colouring.value] || "";
  let palette = new Map();
  const colourOf = (node) => palette.get(valueOf(node)) || OTHER;
  const isShown = (node) => !hiddenValues.has(valueOf(node)) && !(hidesAlone && !node.around.size);
  const isLinkShown = (link) => !hiddenKinds.has(link.kind) && isShown(link.source) && isShown(link.target);
  const onScreen = (node) => [node.x * view.scale + view.x, node.y * view.scale + view.y];
  const draw = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(paint);
    }
  };
  const resize = () => {
    const box = canvas.parentElement.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    if (isMoved) {
      view.x += (box.width - width) / 2;
      view.y += (box.height - height) / 2;
    }
    [width, height] = [Math.max(box.width, 1), Math.max(box.height, 1)];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!isMoved) fit();
    draw();
  };
  const fit = (some) => {
    const seen = (some || nodes.filter(isShown)).filter((node) => Number.isFinite(node.x));
    if (!seen.length) return;
    const xs = seen.map((node) => node.x), ys = seen.map((node) => node.y);
    const bounds = (values) => values.reduce(([least, most], each) => [Math.min(least, each), Math.max(most, each)], [Infinity, -Infinity]);
    const [left, right] = bounds(xs), [top, bottom] = bounds(ys);
    view.scale = Math.min(4, 0.92 * Math.min(width / (right - left + 60), height / (bottom - top + 60)));
    view.x = width / 2 - (view.scale * (left + right)) / 2;
    view.y = height / 2 - (view.scale * (top + bottom)) / 2;
    draw();
  };
  const zoom = (by, x = width / 2, y = height / 2) => {
    const scale = Math.min(Math.max(view.scale * by, 0.02), 12);
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    isMoved = true;
    draw();
  };
  const DASHES = { near: [2, 4], contradicts: [7, 3], supersedes: [], derived_from: [10, 2, 2, 2], related: [] };
  const strokeOf = (kind) => ({ supersedes: colours["--mark"], contradicts: colours["--warn"] })[kind] || colours["--dim"];
  const paint = () => {
    waiting = false;
    const focus = hovered || chosen, size = Math.max(0.55, Math.min(1.4, Math.sqrt(view.scale)));
    const isLit = (node) => node.fits && (!focus || node === focus || focus.around.has(node));
    pen.clearRect(0, 0, width, height);
    for (const link of links) {
      if (!isLinkShown(link)) continue;
      const [x1, y1] = onScreen(link.source), [x2, y2] = onScreen(link.target);
      if (Math.max(x1, x2) < 0 || Math.min(x1, x2) > width || Math.max(y1, y2) < 0 || Math.min(y1, y2) > height) continue;
      const isOf = focus && (link.source === focus || link.target === focus);
      pen.globalAlpha = isOf ? 0.95 : focus ? 0.1 : link.source.fits && link.target.fits ? 0.45 : 0.08;
      pen.strokeStyle = strokeOf(link.kind);
      pen.lineWidth = isOf ? 1.6 : link.kind === "near" ? 0.7 : 1.1;
      pen.setLineDash(view.scale > 0.5 || isOf ? DASHES[link.kind] : []);
      pen.beginPath();
      pen.moveTo(x1, y1);
      pen.lineTo(x2, y2);
      pen.stroke();
      if (link.kind !== "near" && link.kind !== "related" && view.scale > 0.5) arrow(x1, y1, x2, y2, link.target.radius * size + 2);
    }
    pen.setLineDash([]);
    const named = [];
    for (const node of nodes) {
      if (!isShown(node)) continue;
      const [x, y] = onScreen(node);
      if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
      const isFull = isLit(node);
      pen.globalAlpha = isFull ? 1 : 0.15;
      pen.fillStyle = colourOf(node);
      pen.beginPath();
      pen.arc(x, y, node.radius * size, 0, 2 * Math.PI);
      pen.fill();
      if (node.obsolete) {
        pen.fillStyle = colours["--back"];
        pen.beginPath();
        pen.arc(x, y, node.radius * size * 0.5, 0, 2 * Math.PI);
        pen.fill();
      }
      if (node === chosen) {
        pen.strokeStyle = colours["--text"];
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(x, y, node.radius * size + 3, 0, 2 * Math.PI);
        pen.stroke();
      }
      if (isFull) named.push([node, x, y]);
    }
    label(named, focus, size);
    pen.globalAlpha = 1;
  };
  const arrow = (x1, y1, x2, y2, before) => {
    const angle = Math.atan2(y2 - y1, x2 - x1), x = x2 - before * Math.cos(angle), y = y2 - before * Math.sin(angle);
    pen.setLineDash([]);
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x - 6 * Math.cos(angle - 0.45), y - 6 * Math.sin(angle - 0.45));
    pen.moveTo(x, y);
    pen.lineTo(x - 6 * Math.cos(angle + 0.45), y - 6 * Math.sin(angle + 0.45));
    pen.stroke();
  };
  const label = (named, focus, size) => {
    const weight = ([node]) => (node === focus ? 1e6 : 0) + (focus && focus.around.has(node) ? 1e3 : 0) + node.degree;
    const isSearch = words.value.trim() !== "";
    const best = named.filter(([node]) => node === focus || (focus && focus.around.has(node)) || isSearch || view.scale > 1.1 || node.degree > 2)
      .sort((one, other) => weight(other) - weight(one)).slice(0, MOST_LABELS);
    const taken = [];
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    for (const [node, x, y] of best) {
      const text = node.title.length > 44 ? `${[...node.title].slice(0, 43).join("")}…` : node.title;
      const at = x + node.radius * size + 4, wide = pen.measureText(text).width;
      if (node !== focus && taken.some(([left, top, right]) => at < right && at + wide > left && Math.abs(top - y) < 13)) continue;
      taken.push([at, y, at + wide]);
      pen.globalAlpha = 1;
      pen.strokeStyle = colours["--back"];
      pen.lineWidth = 3;
      pen.strokeText(text, at, y);
      pen.fillStyle = colours["--text"];
      pen.fillText(text, at, y);
    }
  };

  // the layout, in slices, for so long at most
  const began = performance.now();
  let ticks = 0, looked = 0;
  const go = () => {
    const until = performance.now() + SLICE_MS;
    do {
      layout.tick();
      ticks += 1;
    } while (performance.now() < until && layout.alpha() > layout.alphaMin());
    const isDone = layout.alpha() <= layout.alphaMin() || performance.now() - began > LAYOUT_MS;
    if (isDone || !isLarge || performance.now() - looked > LOOK_MS) {
      looked = performance.now();
      if (!isMoved) fit();
      draw();
    }
    if (!isDone) requestAnimationFrame(go);
    else document.documentElement.dataset.laidOut = String(ticks);
  };

  // one note
  const nearest = (x, y, most = 14) => {
    let best = null, least = most;
    for (const node of nodes) {
      if (!isShown(node)) continue;
      const [left, top] = onScreen(node), far = Math.hypot(left - x, top - y) - node.radius * Math.min(1.4, view.scale);
      if (far < least) [best, least] = [node, far];
    }
    return best;
  };
  const putBack = () => {
    const held = holder.querySelector("article");
    if (held) notes.append(held);
  };
  const nearOf = (node) => {
    const others = links.filter((link) => link.kind === "near" && (link.source === node || link.target === node))
      .map((link) => (link.source === node ? link.target : link.source));
    if (!others.length) return [];
    const list = make("ul");
    list.append(...others.map((other) => {
      const item = make("li"), anchor = make("a", other.title);
      anchor.href = `#${other.id}`;
      anchor.dir = "auto";
      item.append(anchor);
      return item;
    }));
    return [make("h3", "Near in meaning"), list];
  };
  const choose = (node) => {
    putBack();
    chosen = node;
    panel.hidden = !node;
    if (node) {
      holder.replaceChildren(document.getElementById(node.id), ...nearOf(node));
      panel.scrollTop = 0;
      found.hidden = true;
      resize();
      const [x, y] = onScreen(node);
      if (x < 40 || y < 40 || x > width - 40 || y > height - 40) {
        view.x += width / 2 - x;
        view.y += height / 2 - y;
        isMoved = true;
      }
    } else {
      resize();
    }
    draw();
  };
  const follow = () => choose(byId.get(decodeURIComponent(location.hash.slice(1))) || null);
  const open = (node) => {
    if (location.hash.slice(1) === node.id) choose(node);
    else location.hash = node.id;
  };
  const close = () => {
    history.pushState(null, "", location.pathname + location.search);
    choose(null);
    canvas.focus();
  };

  // looking for words
  const search = () => {
    const wanted = plain(words.value).split(/\s+/).filter(Boolean);
    const hits = [];
    for (const node of nodes) {
      node.fits = wanted.every((word) => textOf(node).includes(word));
      if (node.fits && wanted.length) hits.push(node);
    }
    const inTitle = (node) => wanted.every((word) => plain(node.title).includes(word));
    hits.sort((one, other) => inTitle(other) - inTitle(one) || other.degree - one.degree);
    shown.textContent = wanted.length ? `${hits.length} of ${nodes.length}` : `${nodes.length}`;
    found.replaceChildren(...hits.slice(0, MOST_FOUND).map((node) => {
      const button = make("button", node.title);
      button.type = "button";
      button.dir = "auto";
      button.addEventListener("click", () => { found.hidden = true; open(node); });
      return button;
    }));
    found.hidden = !hits.length;
    draw();
  };
  let pause;
  words.addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(search, 150); });
  words.addEventListener("focus", () => { found.hidden = !found.children.length; });
  const step = (event) => {
    const all = [...found.children], at = all.indexOf(document.activeElement);
    if (event.key === "ArrowDown" && all.length) all[Math.min(at + 1, all.length - 1)].focus();
    else if (event.key === "ArrowUp" && at >= 0) (all[at - 1] || words).focus();
    else if (event.key === "Enter" && document.activeElement === words) {
      clearTimeout(pause);
      search();
      if (found.children.length) found.children[0].click();
    } else return;
    event.preventDefault();
  };
  $(".search").addEventListener("keydown", step);
  document.addEventListener("pointerdown", (event) => { if (!event.target.closest(".search")) found.hidden = true; });

  // what is told apart by colour, and can be left out
  const toggle = (text, mark, isOn, act) => {
    const button = make("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(isOn));
    button.append(mark, document.createTextNode(text));
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(pressed));
      act(pressed);
      draw();
    });
    return button;
  };
  const keep = (set, value) => (isOn) => { if (isOn) set.delete(value); else set.add(value); };
  const showLegend = () => {
    const counts = new Map();
    for (const node of nodes) counts.set(valueOf(node), (counts.get(valueOf(node)) || 0) + 1);
    const values = [...counts].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1)).map(([value]) => value);
    palette = new Map(values.map((value, at) => [value, value && at < COLOURS.length - 1 ? COLOURS[at] : OTHER]));
    hiddenValues.clear();
    const buttons = values.map((value) => {
      const dot = make("span", undefined, "dot");
      dot.style.background = palette.get(value);
      return toggle(`${value || "none"} ${counts.get(value)}`, dot, true, keep(hiddenValues, value));
    });
    const kinds = data.kinds.filter(([kind]) => links.some((link) => link.kind === kind)).map(([kind, name]) => {
      const dash = make("span", undefined, "dash");
      dash.style.color = strokeOf(kind);
      dash.style.borderTopStyle = DASHES[kind].length ? "dashed" : "solid";
      return toggle(name, dash, !hiddenKinds.has(kind), keep(hiddenKinds, kind));
    });
    if (alone) kinds.push(toggle(`alone ${alone}`, make("span", undefined, "dot"), !hidesAlone, (isOn) => { hidesAlone = !isOn; }));
    const keys = make("span", "drag moves · wheel, + and − zoom · arrows move · 0 shows all · enter opens what is in the middle · / searches · escape closes", "keys");
    legend.replaceChildren(...buttons, ...kinds, keys);
    draw();
  };
  colouring.addEventListener("change", showLegend);

  // pointers: one moves, two zoom, one that stays opens
  const fingers = new Map();
  let travelled = 0;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (!fingers.size) travelled = 0;
    fingers.set(event.pointerId, at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event), before = fingers.get(event.pointerId);
    if (!before) {
      const over = nearest(x, y);
      if (over !== hovered) {
        hovered = over;
        canvas.style.cursor = over ? "pointer" : "grab";
        canvas.title = over ? over.title : "";
        draw();
      }
      return;
    }
    travelled += Math.hypot(x - before[0], y - before[1]);
    if (fingers.size === 2) {
      const [, other] = [...fingers].find(([id]) => id !== event.pointerId);
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]), is = Math.hypot(x - other[0], y - other[1]);
      if (was > 0) zoom(is / was, (x + other[0]) / 2, (y + other[1]) / 2);
    } else if (travelled > 4) {
      view.x += x - before[0];
      view.y += y - before[1];
      isMoved = true;
      draw();
    }
    fingers.set(event.pointerId, [x, y]);
  });
  const lift = (event) => {
    const isClick = fingers.delete(event.pointerId) && event.type === "pointerup" && travelled <= 4 && !fingers.size;
    if (!isClick) return;
    const node = nearest(...at(event));
    if (node) open(node);
    else if (chosen) close();
  };
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, lift);
  canvas.addEventListener("pointerleave", () => { if (hovered) { hovered = null; draw(); } });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...at(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(1.8, ...at(event)));

  // keys
  const STEPS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (STEPS[event.key]) {
      view.x += STEPS[event.key][0];
      view.y += STEPS[event.key][1];
      isMoved = true;
      draw();
    } else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") { isMoved = false; fit(); }
    else if (event.key === "Enter") {
      const node = nearest(width / 2, height / 2, Infinity);
      if (node) open(node);
    } else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target === words || event.target === colouring;
    if (event.key === "/" && !isTyping) {
      event.preventDefault();
      words.focus();
      words.select();
    } else if (event.key === "Escape") {
      if (!found.hidden) { found.hidden = true; words.focus(); }
      else if (event.target === words && words.value) { words.value = ""; search(); }
      else if (chosen) close();
      else canvas.focus();
    }
  });
  $(".bar .all").addEventListener("click", () => { isMoved = false; fit(); });
  $(".panel > button").addEventListener("click", close);
  window.addEventListener("hashchange", follow);
  window.addEventListener("resize", resize);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { takeColours(); showLegend(); });

  takeColours();
  if (data.colour) colouring.value = data.colour;
  showLegend();
  resize();
  search();
  follow();
  requestAnimationFrame(go);
})();
