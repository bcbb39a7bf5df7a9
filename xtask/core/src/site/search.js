
(() => {
  const SHOWN = 50;
  const box = document.querySelector("input[type=search]");
  const list = document.getElementById("results");
  const said = document.getElementById("said");
  const entries = JSON.parse(document.getElementById("index").textContent);
  const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const index = entries.map(([address, title, heading, text]) => ({
    address, title, heading, text, inTitle: plain(title), inHeading: plain(heading), inText: plain(text),
  }));
  const isWord = (c) => c !== undefined && /[\p{L}\p{N}_]/u.test(c);
  // How well a word is found in a text: as a word, at the beginning of one, somewhere, or not at all.
  const find = (text, word) => {
    let best = 0;
    for (let at = text.indexOf(word); at >= 0 && best < 3; at = text.indexOf(word, at + 1)) {
      const begins = !isWord(text[at - 1]) || !isWord(word[0]);
      const ends = !isWord(text[at + word.length]);
      best = Math.max(best, begins && ends ? 3 : begins ? 2 : 1);
    }
    return best;
  };
  const rank = (entry, words) => {
    let sum = 0;
    for (const word of words) {
      const score = 8 * find(entry.inHeading, word) + 4 * find(entry.inTitle, word) + find(entry.inText, word);
      if (score === 0) return 0;
      sum += score;
    }
    return sum;
  };
  const excerpt = (entry, words) => {
    const at = Math.max(0, ...words.map((word) => entry.inText.indexOf(word)));
    const start = at < 60 ? 0 : entry.text.lastIndexOf(" ", at - 40) + 1;
    const piece = entry.text.slice(start, start + 220);
    return [start > 0 ? "… " : "", piece, start + 220 < entry.text.length ? " …" : ""];
  };
  // The text with what was looked for marked; never as markup.
  const marked = ([before, text, after], words) => {
    const line = document.createElement("p");
    const low = plain(text);
    // Where letters have become others, places in one text are none in the other.
    if (low.length !== text.length) { line.textContent = before + text + after; return line; }
    line.append(before);
    let at = 0;
    while (at < text.length) {
      const hits = words.map((word) => [low.indexOf(word, at), word.length]).filter(([place]) => place >= 0);
      if (hits.length === 0) break;
      const [place, length] = hits.reduce((one, other) => (other[0] < one[0] ? other : one));
      line.append(text.slice(at, place));
      const mark = document.createElement("mark");
      mark.textContent = text.slice(place, place + length);
      line.append(mark);
      at = place + length;
    }
    line.append(text.slice(at), after);
    return line;
  };
  const show = () => {
    const words = plain(box.value).split(/\s+/).filter((word) => word !== "");
    list.replaceChildren();
    document.title = (box.value.trim() === "" ? "" : box.value.trim() + " · ") + document.body.dataset.title;
    if (words.length === 0) { said.textContent = "Type what you look for."; return; }
    const found = index.map((entry) => [rank(entry, words), entry]).filter(([score]) => score > 0);
    found.sort(([one], [other]) => other - one);
    const more = found.length > SHOWN ? `, the best ${SHOWN} of them` : "";
    said.textContent = found.length === 0 ? "Nothing has all of these words."
      : `${found.length} ${found.length === 1 ? "place" : "places"}${more}`;
    for (const [, entry] of found.slice(0, SHOWN)) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = entry.address;
      link.textContent = entry.heading === "" ? entry.title : entry.heading;
      const page = document.createElement("small");
      page.textContent = entry.heading === "" || entry.heading === entry.title ? "" : entry.title;
      item.append(link, " ", page, marked(excerpt(entry, words), words));
      list.append(item);
    }
  };
  const move = (by) => {
    const stops = [box, ...list.querySelectorAll("a")];
    const next = stops[stops.indexOf(document.activeElement) + by];
    if (next) next.focus();
  };
  box.value = new URLSearchParams(location.search).get("q") ?? "";
  box.addEventListener("input", show);
  box.form.addEventListener("submit", (event) => {
    event.preventDefault();
    list.querySelector("a")?.focus();
  });
  addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); move(1); }
    if (event.key === "ArrowUp") { event.preventDefault(); move(-1); }
  });
  document.body.dataset.title = document.title;
  show();
  box.focus();
})();
