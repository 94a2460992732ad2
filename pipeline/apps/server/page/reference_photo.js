// A second photo, of the same person without a mask, that the face is to be filled from.

export class ReferencePhoto extends EventTarget {
  // Sends "change" whenever a photo is taken or left out. field: the element that holds its input,
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
    // The server reads formats that browsers do not; then the name has to do.
    this.thumbnail.addEventListener("error", () => { this.thumbnail.hidden = true; });
    this.take(null);
  }

  get files() {
    return this.file ? [this.file] : [];
  }

  // Whether an element is part of the field, so that what is dropped there is meant for it.
  holds(element) {
    return this.field.contains(element);
  }

  // Take a File, or null to leave the photo out.
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
