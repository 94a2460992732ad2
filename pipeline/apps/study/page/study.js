"use strict";

// Shows the study's pictures in a random order per rater, and stores the answers.

(() => {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("data").textContent);
  const byId = new Map(data.pictures.map((picture) => [picture.id, picture]));
  const STORE = `unmask-study:${data.study}:`;
  const LOWEST = 1;
  const HIGHEST = 10;
  let rater = "";
  let saved = null; // {name, started, answers: {id: {rating, seconds, position}}}
  let order = [];
  let place = 0;
  let shownAt = 0;
  let storable = true;

  // Random numbers from 0 to 1, seeded by a text.
  // Source: MurmurHash3's finaliser (Appleby 2011) and mulberry32 (Ettinger 2017).
  function randomFrom(text) {
    let state = 2166136261;
    for (let index = 0; index < text.length; index += 1) {
      state = Math.imul(state ^ text.charCodeAt(index), 16777619);
    }
    state = Math.imul(state ^ (state >>> 16), 2246822507);
    state = Math.imul(state ^ (state >>> 13), 3266489909);
    state ^= state >>> 16;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
  }

  function shuffle(items, random) {
    const shuffled = [...items];
    for (let last = shuffled.length - 1; last > 0; last -= 1) {
      const other = Math.floor(random() * (last + 1));
      [shuffled[last], shuffled[other]] = [shuffled[other], shuffled[last]];
    }
    return shuffled;
  }

  // The pictures that a rater sees, in their order; versions of one face do not follow each other
  // where that can be avoided, as two in a row reveal the difference.
  function makeOrder(pictures, seed) {
    const random = randomFrom(seed);
    let shown = shuffle([...pictures].sort((a, b) => (a.id < b.id ? -1 : 1)), random);
    if (data.once) {
      const seen = new Set();
      shown = shown.filter(({ face }) => !seen.has(face) && seen.add(face));
    }
    const apart = (index, face) =>
      shown[index - 1]?.face !== face && shown[index + 1]?.face !== face;
    for (let index = 1; index < shown.length; index += 1) {
      if (shown[index].face !== shown[index - 1].face) continue;
      for (let step = 1; step < shown.length; step += 1) {
        const other = (index + step) % shown.length;
        if (apart(index, shown[other].face) && apart(other, shown[index].face)) {
          [shown[index], shown[other]] = [shown[other], shown[index]];
          break;
        }
      }
    }
    return shown.map(({ id }) => id);
  }

  function read(name) {
    try {
      return localStorage.getItem(STORE + name);
    } catch {
      storable = false;
      return null;
    }
  }

  function write(name, text) {
    try {
      localStorage.setItem(STORE + name, text);
    } catch {
      storable = false;
    }
    if (!storable) {
      find("warning").textContent =
        "This browser keeps nothing: save your answers before you close the page.";
      find("warning").hidden = false;
    }
  }

  function newRater() {
    return [...crypto.getRandomValues(new Uint8Array(6))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
  }

  function begin(name) {
    rater = name;
    saved = { name: "", started: new Date().toISOString(), answers: {} };
    try {
      const kept = JSON.parse(read(rater) ?? "null");
      if (kept && typeof kept.answers === "object") saved = kept;
    } catch {
      // Another program's data under this name is ignored.
    }
    for (const id of Object.keys(saved.answers)) if (!byId.has(id)) delete saved.answers[id];
    order = makeOrder(data.pictures, `${data.seed}/${data.study}/${rater}`);
    write("rater", rater);
    find("total").textContent = order.length;
    find("name").value = saved.name;
    const count = answered();
    find("start").textContent = count ? `Go on (${count} of ${order.length} answered)` : "Start";
    showSection("intro");
  }

  const answered = () => order.filter((id) => id in saved.answers).length;

  function showSection(name) {
    for (const section of ["intro", "rating", "end"]) find(section).hidden = section !== name;
  }

  function show(index) {
    place = index;
    const id = order[place];
    find("picture").src = byId.get(id).data;
    find("picture").alt = `Picture ${place + 1}`;
    find("progress").textContent = `Picture ${place + 1} of ${order.length}`;
    find("previous").disabled = place === 0;
    for (const button of find("scale").children) {
      const chosen = saved.answers[id]?.rating === Number(button.dataset.rating);
      button.setAttribute("aria-pressed", String(chosen));
    }
    showSection("rating");
    shownAt = performance.now();
  }

  function rate(rating) {
    const id = order[place];
    saved.answers[id] = {
      rating,
      seconds: Math.round(performance.now() - shownAt) / 1000,
      position: place,
    };
    write(rater, JSON.stringify(saved));
    goOn(place + 1);
  }

  // Show the next unanswered picture from a position on, or the end.
  function goOn(from) {
    let next = order.findIndex((id, index) => index >= from && !(id in saved.answers));
    if (next < 0) next = order.findIndex((id) => !(id in saved.answers));
    if (next >= 0) {
      show(next);
      return;
    }
    showSection("end");
    find("thanks").focus();
  }

  function exported() {
    const answers = order
      .filter((id) => id in saved.answers)
      .map((id) => ({ id, ...saved.answers[id] }));
    return {
      format: "unmask-study-export",
      version: 1,
      study: data.study,
      title: data.title,
      rater,
      name: saved.name,
      started: saved.started,
      exported: new Date().toISOString(),
      shown: order.length,
      answers,
      key: data.key,
    };
  }

  function save() {
    const link = document.createElement("a");
    const content = new Blob([JSON.stringify(exported(), null, 1)], { type: "application/json" });
    link.href = URL.createObjectURL(content);
    link.download = `study-${data.study}-${rater}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    find("done").textContent = `Saved as ${link.download}.`;
  }

  async function copy() {
    const text = JSON.stringify(exported());
    try {
      await navigator.clipboard.writeText(text);
      find("done").textContent = "Copied.";
    } catch {
      find("text").value = text;
      find("text").hidden = false;
      find("text").select();
      find("done").textContent = "Copy the text below.";
    }
  }

  function back() {
    if (place > 0) show(place - 1);
  }

  for (let rating = LOWEST; rating <= HIGHEST; rating += 1) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = rating;
    button.dataset.rating = rating;
    button.addEventListener("click", () => rate(rating));
    find("scale").append(button);
  }
  find("start").addEventListener("click", () => {
    saved.name = find("name").value.trim();
    write(rater, JSON.stringify(saved));
    goOn(0);
  });
  find("previous").addEventListener("click", back);
  find("save").addEventListener("click", save);
  find("copy").addEventListener("click", copy);
  find("again").addEventListener("click", () => show(0));
  find("next-person").addEventListener("click", () => {
    find("done").textContent = "";
    find("text").hidden = true;
    begin(newRater());
  });
  document.addEventListener("keydown", (event) => {
    if (find("rating").hidden || event.ctrlKey || event.metaKey || event.altKey || event.repeat) {
      return;
    }
    if (/^[0-9]$/.test(event.key)) rate(event.key === "0" ? HIGHEST : Number(event.key));
    else if (event.key === "ArrowLeft" || event.key === "Backspace") back();
    else if (event.key === "ArrowRight" && order[place] in saved.answers) goOn(place + 1);
    else return;
    event.preventDefault();
  });

  begin(read("rater") || newRater());
})();
