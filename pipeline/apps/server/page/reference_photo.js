// A second photo, of the same person without a mask, to fill the face from.

export class ReferencePhoto extends EventTarget {
  // Sends "change" whenever a photo is added or removed. field: the element with its input,
  // thumbnail, name and button.
  constructor(field) {
    super();
    this.field = field;
    this.file = null;
    this.input = field.querySelector("input");
    this.thumbnail = field.querySelector("img");
    this.name = field.querySelector(".reference-name");
    this.button = field.querySelector("button");
    this.input.addEventListener("change", () => this.take(this.input.files[0] ?? null));
    this.button.addEventListener("click", () => this.take(null));
    // The server reads formats that browsers cannot; then only the name is shown.
    this.thumbnail.addEventListener("error", () => { this.thumbnail.hidden = true; });
    this.take(null);
  }

  get files() {
    return this.file ? [this.file] : [];
  }

  // Whether an element is part of the field, so that files dropped there are meant for it.
  holds(element) {
    return this.field.contains(element);
  }

  // Set a File, or null to remove the photo.
  take(file) {
    if (this.file) URL.revokeObjectURL(this.thumbnail.src);
    this.file = file;
    this.thumbnail.hidden = this.button.hidden = !file;
    if (file) this.thumbnail.src = URL.createObjectURL(file);
    else {
      this.thumbnail.removeAttribute("src");
      this.input.value = "";
    }
    this.name.textContent = file ? file.name : "Add a photo without the mask, or drop it here";
    this.dispatchEvent(new Event("change"));
  }
}
