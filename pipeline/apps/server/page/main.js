// The page: a photo comes in, masks are found, switched and painted, filled, compared, saved.

import { Editor } from "./editor.js";
import { FillChoice } from "./fill_choice.js";
import { HoleDrawing } from "./hole_drawing.js";
import { ReferencePhoto } from "./reference_photo.js";
import { Refusal, ask, followed, secretName } from "./server.js";

const find = (id) => document.getElementById(id);
const SECTIONS = ["choose", "edit", "result"];
const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
const SUFFIXES = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };

const ORIGINS = {
  guess: { label: "after, a guess", sentence: "What was filled in is invented." },
  reference: {
    label: "after, from your photo",
    sentence: "Mouth, nose and chin are from the second photo, bent and lit by a program.",
  },
};

const STAGES = {
  waiting: "Waiting for its turn …",
  detector: "Looking for masks …",
  refiner: "Finding out what is to be filled …",
  inpainter: "Painting a face that could be there …",
  blender: "Putting it into the photo …",
};

const editor = new Editor(find("stage"), find("overlay"));
const state = {
  photo: null, // the File that was chosen
  name: "photo",
  shown: "", // URL of a picture that this browser can show
  answer: null, // the server's answer
  result: "", // URL of the fill that is shown
  seed: 0, // of the guesses after the first
  confidence: null, // default minimum score of the detector
  work: null, // AbortController of the running request
  zoom: 0, // index into ZOOMS
};
const reference = new ReferencePhoto(find("reference"));
const choice = new FillChoice(find("fills"), find("fill-list"), (index) => showFill(index));

function showSection(name) {
  for (const section of SECTIONS) find(section).hidden = section !== name;
  find(`${name}-heading`).scrollIntoView({ block: "nearest" });
}

// Move the focus without scrolling a small screen away from the photo.
function focusOn(id) {
  find(id).focus({ preventScroll: true });
}

function showError(text) {
  find("error").textContent = text;
  find("error").hidden = !text;
}

function isShown(name) {
  return !find(name).hidden;
}

// Run a task that waits for the server; only one runs at a time, and Escape stops it.
async function wait(text, task) {
  state.work?.abort();
  const work = new AbortController();
  state.work = work;
  showError("");
  find("status").textContent = text;
  find("progress").removeAttribute("value");
  find("busy").hidden = false;
  document.body.setAttribute("aria-busy", "true");
  updateControls();
  try {
    return await task(work.signal, (seconds) => {
      find("status").textContent = `The server is busy; trying again in ${seconds} s.`;
    }, (stage, share) => {
      if (state.work !== work) return;
      // Screen readers announce only changes of stage.
      if (find("status").textContent !== STAGES[stage]) find("status").textContent = STAGES[stage];
      find("progress").value = share;
    });
  } catch (error) {
    if (work.signal.aborted) return undefined;
    if (error instanceof Refusal) showError(upper(error.message));
    else if (error instanceof TypeError) showError("The server does not answer: is it running?");
    else showError(error.message);
    return undefined;
  } finally {
    if (state.work === work) {
      state.work = null;
      find("busy").hidden = true;
      find("status").textContent = "";
      document.body.removeAttribute("aria-busy");
      updateControls();
    }
  }
}

function upper(sentence) {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

function keep(slot, blob) {
  if (state[slot]) URL.revokeObjectURL(state[slot]);
  state[slot] = blob ? URL.createObjectURL(blob) : "";
  return state[slot];
}

// Load a blob into an image element; false if the browser does not support the format.
async function load(image, address) {
  image.src = address;
  try {
    await image.decode();
    return true;
  } catch {
    return false;
  }
}

async function takePhoto(file) {
  if (!file) return;
  if (state.confidence !== null) setConfidence(100 * state.confidence);
  const found = await wait("Looking for masks …", async (signal, onWait) => {
    const drawing = await findMasks(file, signal, onWait);
    let shown = file;
    if (!(await load(find("photo"), keep("shown", shown)))) {
      // The server reads formats that browsers cannot: with an empty hole it only converts.
      const empty = new HoleDrawing(drawing.width, drawing.height, []);
      const masks = [await empty.toPng()];
      const options = { photo: file, masks, query: { format: "png" }, signal, onWait };
      shown = await (await ask("complete", options)).blob();
      if (!(await load(find("photo"), keep("shown", shown)))) {
        throw new Error("This browser cannot show the photo.");
      }
    }
    return drawing;
  });
  if (!found) {
    find("file").value = "";
    return;
  }
  state.photo = file;
  state.name = (file.name || "photo").replace(/\.[^.]*$/, "");
  const ratio = String(found.width / found.height);
  find("stage").style.setProperty("--ratio", ratio);
  find("comparison").style.setProperty("--ratio", ratio);
  keep("result", null);
  state.answer = null;
  state.seed = 0;
  reference.take(null);
  showSection("edit");
  editor.show(found);
  zoom(-state.zoom);
  chooseTool(found.holes.length ? "choose" : "add");
  listMasks();
  updateControls();
  focusOn(found.holes.length ? "fill" : "overlay");
}

async function findMasks(photo, signal, onWait) {
  const query = { confidence: askedConfidence() };
  const detection = await (await ask("detect", { photo, query, signal, onWait })).json();
  const holes = detection.holes.map((hole) => ({
    box: hole.box,
    outlines: hole.outlines,
    warnings: hole.warnings,
    chance: hole.chance,
    sure: Math.max(0, ...hole.masks.map((index) => detection.masks[index].score)),
  }));
  return new HoleDrawing(detection.width, detection.height, holes);
}

// Detect again at the slider's confidence; painted and switched-off holes are kept.
async function findAgain() {
  const found = await wait("Looking for masks …", (signal, onWait) =>
    findMasks(state.photo, signal, onWait),
  );
  if (!found) return;
  found.adopt(editor.drawing);
  editor.show(found);
  listMasks();
  updateControls();
}

function setConfidence(value) {
  find("confidence").value = Math.round(value);
  find("confidence-value").textContent = `${find("confidence").value} % sure`;
}

// For a query: empty for the server's default.
function askedConfidence() {
  if (state.confidence === null) return "";
  const value = Number(find("confidence").value);
  return value === Math.round(100 * state.confidence) ? "" : value / 100;
}

function listMasks() {
  const list = find("mask-list");
  list.replaceChildren();
  const { holes } = editor.drawing;
  if (holes.length === 0) {
    const text = document.createElement("p");
    text.textContent = "No mask was found. Is there one? Paint over it with the brush.";
    list.append(text);
  }
  holes.forEach((hole, index) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    const sure = document.createElement("span");
    box.type = "checkbox";
    box.checked = hole.on;
    box.addEventListener("change", () => {
      hole.on = box.checked;
      editor.changed();
    });
    sure.className = "sure";
    sure.textContent = hole.sure ? `${Math.round(100 * hole.sure)} % sure` : "";
    label.append(box, `Mask ${index + 1}`, sure);
    for (const [type, at] of [["pointerenter", index], ["pointerleave", -1]]) {
      label.addEventListener(type, () => editor.highlight(at));
    }
    box.addEventListener("focus", () => editor.highlight(index));
    box.addEventListener("blur", () => editor.highlight(-1));
    list.append(label);
    const outlook = [...hole.warnings, inWords(hole.chance)].filter(Boolean);
    if (outlook.length) {
      const said = document.createElement("p");
      said.id = `outlook-${index}`;
      said.className = "outlook";
      said.classList.toggle("warning", hole.warnings.length > 0);
      said.textContent = outlook.join(" ");
      box.setAttribute("aria-describedby", said.id);
      list.append(said);
    }
  });
}

// How often such fills are good; empty if unknown.
function inWords(chance) {
  if (chance === null) return "";
  const times = Math.round(10 * chance);
  if (times === 0) return "Hardly any such fill is good.";
  if (times === 10) return "Nearly every such fill is good.";
  return `About ${times} in 10 such fills are good.`;
}

function updateControls() {
  const { drawing } = editor;
  const busy = state.work !== null;
  find("fill").disabled = busy || !drawing?.fills;
  find("undo").disabled = find("clear").disabled = busy || !drawing?.strokes.length;
  find("others").disabled = busy;
  // With a photo of the person nothing is guessed.
  find("variants").disabled = reference.files.length > 0;
  if (!drawing) return;
  find("mask-list").querySelectorAll("input").forEach((box, index) => {
    box.checked = drawing.holes[index].on;
  });
  const on = drawing.holes.filter((hole) => hole.on).length;
  find("fill").textContent = on > 1 ? "Take the masks off" : "Take the mask off";
}

function chooseTool(tool) {
  document.querySelector(`input[name="tool"][value="${tool}"]`).checked = true;
  editor.setTool(tool);
}

async function fill() {
  const { drawing } = editor;
  if (!drawing?.fills || state.work) return;
  const answer = await wait("Filling in a face that could be there …", async (...waiting) => {
    const [signal, onWait, onStep] = waiting;
    const progress = secretName();
    const query = { format: find("format").value, inpainter: find("inpainter").value, progress };
    if (reference.files.length === 0 && Number(find("variants").value) > 1) {
      Object.assign(query, { variants: find("variants").value, seed: state.seed });
    }
    const options = { photo: state.photo, references: reference.files, query, signal, onWait };
    // Unchanged detections take the same path as in every other use of the program.
    let path = "complete";
    if (drawing.untouched) {
      path = "unmask";
      query.confidence = askedConfidence();
    } else options.masks = await drawing.toPngs();
    return readAnswer(await followed(progress, ask(path, options), onStep));
  });
  if (!answer) return;
  state.answer = answer;
  find("before").src = state.shown;
  find("summary").textContent = [
    answer.faces === 1 ? "One face was filled." : `${answer.faces} faces were filled.`,
    answer.note,
  ].join(" ");
  choice.show(answer.blobs, drawing);
  await showFill(0);
  showSection("result");
  setCut(50);
  zoom(0);
  focusOn("cut");
}

async function showFill(index) {
  const { blobs, reference: own } = state.answer;
  const blob = blobs[index];
  const link = find("download");
  link.href = keep("result", blob);
  const number = blobs.length > 1 ? `.${index + 1}` : "";
  link.download = `${state.name}.unmasked${number}.${SUFFIXES[blob.type] ?? "png"}`;
  const origin = ORIGINS[own ? "reference" : "guess"];
  const counted = blobs.length > 1 ? ` (${index + 1} of ${blobs.length})` : "";
  find("side-after").textContent = origin.label + counted;
  find("origin").textContent = origin.sentence;
  if (!(await load(find("after"), state.result)) && blob === state.answer?.blobs[index]) {
    find("after").src = state.shown;
    showError("This browser cannot show the result, but it can be downloaded.");
  }
}

async function fillOtherwise() {
  state.seed += 1;
  await fill();
}

async function readAnswer(response) {
  if (response.headers.get("content-type") === "application/json") {
    const { pictures, media_type: type, faces, notes } = await response.json();
    const blobs = pictures.map((text) => {
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      return new Blob([bytes], { type });
    });
    return { blobs, faces, note: notes.join(" "), reference: false };
  }
  return {
    blobs: [await response.blob()],
    faces: Number(response.headers.get("unmask-faces")),
    note: response.headers.get("unmask-note") ?? "",
    reference: response.headers.has("unmask-reference"),
  };
}

function setCut(value) {
  find("cut").value = value;
  find("cut").setAttribute("aria-valuetext", `${value} % photo, ${100 - value} % result`);
  find("comparison").style.setProperty("--cut", `${value}%`);
}

// Zoom some steps in (above 0) or out, and keep the work area in view.
function zoom(steps) {
  const { drawing } = editor;
  if (!drawing) return;
  state.zoom = Math.min(ZOOMS.length - 1, Math.max(0, state.zoom + steps));
  const times = ZOOMS[state.zoom];
  const [x, y] = editor.pointer ?? drawing.focus;
  for (const id of ["stage", "comparison"]) {
    const box = find(id);
    const view = box.parentElement;
    box.style.setProperty("--zoom", times);
    view.scrollLeft = (x / drawing.width) * box.offsetWidth - view.clientWidth / 2;
    view.scrollTop = (y / drawing.height) * box.offsetHeight - view.clientHeight / 2;
  }
  for (const output of document.querySelectorAll(".zoom")) {
    output.textContent = `${Math.round(100 * times)} %`;
  }
}

// Show the options that this server supports.
async function offerChoices() {
  const health = await (await fetch("health")).json();
  state.confidence = health.confidence;
  for (const id of ["confidence-field", "confidence-help"]) {
    find(id).hidden = health.confidence === null;
  }
  if (health.confidence !== null) setConfidence(100 * health.confidence);
  offer("inpainter", health.inpainters);
  offer("variants", Array.from({ length: health.limits.variants }, (_, index) => index + 1));
}

function offer(id, values) {
  find(id).replaceChildren(...values.map((value) => new Option(value)));
  find(`${id}-field`).hidden = values.length < 2;
}

function backToEdit() {
  showSection("edit");
  zoom(0);
  showError("");
  focusOn("fill");
}

function another() {
  state.work?.abort();
  showError("");
  showSection("choose");
  find("file").value = "";
  focusOn("file");
}

function pressKey(event) {
  if (event.key === "Escape") {
    if (editor.cancelStroke()) return;
    if (state.work) state.work.abort();
    else if (isShown("result")) backToEdit();
    else showError("");
    return;
  }
  if (event.altKey || isShown("choose")) return;
  if (!event.ctrlKey && !event.metaKey && (event.key === "+" || event.key === "-")) {
    zoom(event.key === "+" ? 1 : -1);
    return;
  }
  if (!isShown("edit")) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key === "Enter") fill();
    else if (event.key.toLowerCase() === "z" && !state.work) undo();
    else return;
    event.preventDefault();
    return;
  }
  if (event.target instanceof HTMLSelectElement) return;
  const tools = { s: "choose", p: "add", e: "erase" };
  if (event.key in tools) chooseTool(tools[event.key]);
  else if (event.key === "[" || event.key === "]") {
    find("size").value = Number(find("size").value) + (event.key === "]" ? 5 : -5);
    editor.setSize(Number(find("size").value));
  } else if (/^[1-9]$/.test(event.key) && editor.drawing?.toggle(Number(event.key) - 1)) {
    editor.changed();
  }
}

function undo() {
  if (editor.drawing?.undo()) editor.changed();
}

const files = (transfer) => [...(transfer?.files ?? [])];

find("file").addEventListener("change", (event) => takePhoto(event.target.files[0]));
document.addEventListener("paste", (event) => {
  const [file] = files(event.clipboardData);
  if (file) takePhoto(file);
  else if (isShown("choose")) showError("There is no picture in the clipboard.");
});
for (const type of ["dragenter", "dragover"]) {
  document.addEventListener(type, (event) => {
    event.preventDefault();
    document.body.classList.add("dragged");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragged");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragged");
  const [file] = files(event.dataTransfer);
  if (file && reference.holds(event.target)) reference.take(file);
  else if (file) takePhoto(file);
  else showError("What was dropped is no file: save the picture first, then drop it.");
});

editor.addEventListener("change", updateControls);
reference.addEventListener("change", updateControls);
for (const radio of document.querySelectorAll('input[name="tool"]')) {
  radio.addEventListener("change", () => editor.setTool(radio.value));
}
find("size").addEventListener("input", (event) => editor.setSize(Number(event.target.value)));
find("undo").addEventListener("click", undo);
find("clear").addEventListener("click", () => {
  editor.drawing.clearStrokes();
  editor.changed();
});
find("fill").addEventListener("click", fill);
find("others").addEventListener("click", fillOtherwise);
find("confidence").addEventListener("input", (event) => setConfidence(event.target.value));
find("confidence").addEventListener("change", findAgain);
find("back").addEventListener("click", backToEdit);
find("stop").addEventListener("click", () => state.work?.abort());
find("cut").addEventListener("input", (event) => setCut(Number(event.target.value)));
for (const [name, steps] of [["zoom-in", 1], ["zoom-out", -1]]) {
  for (const button of document.getElementsByClassName(name)) {
    button.addEventListener("click", () => zoom(steps));
  }
}
for (const button of document.querySelectorAll(".another")) button.addEventListener("click", another);
document.addEventListener("keydown", pressKey);

editor.setSize(Number(find("size").value));
showSection("choose");
offerChoices().catch(() => showError("The server does not answer: is it running?"));
