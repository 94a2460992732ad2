// Renders openapi.json, without any library.

function element(name, text = "", children = []) {
  const made = document.createElement(name);
  made.textContent = text.replaceAll("`", "");
  made.append(...children);
  return made;
}

function row(...cells) {
  return element("tr", "", cells.map((cell) => element("td", cell)));
}

function table(rows) {
  return element("table", "", [element("tbody", "", rows)]);
}

function describe(schema, known) {
  if (schema?.$ref) return describe(known[schema.$ref.split("/").at(-1)], known);
  if (schema?.properties) {
    const fields = Object.entries(schema.properties).map(
      ([name, field]) => `${name}: ${describe(field, known)}`,
    );
    return `{${fields.join(", ")}}`;
  }
  if (schema?.prefixItems) return `[${schema.prefixItems.map((item) => item.type).join(", ")}]`;
  if (schema?.type === "array") return `[${describe(schema.items, known)}, …]`;
  return schema?.format === "binary" ? "file" : (schema?.type ?? "any");
}

function showEndpoint(path, method, operation, known) {
  const shown = element("section", "", [
    element("h3", `${method.toUpperCase()} ${path}`),
    element("p", operation.description ?? operation.summary),
  ]);
  shown.className = "endpoint";
  const takes = Object.entries(operation.requestBody?.content ?? {}).map(([kind, content]) =>
    row(kind, describe(content.schema, known)),
  );
  if (operation.requestBody) shown.append(element("p", operation.requestBody.description));
  const queries = (operation.parameters ?? []).map((one) => row(`?${one.name}=`, one.description));
  if (takes.length || queries.length) shown.append(table([...takes, ...queries]));
  const answers = Object.entries(operation.responses).map(([status, answer]) => {
    const schema = answer.content?.["application/json"]?.schema;
    const shape = status === "200" && schema ? ` ${describe(schema, known)}` : "";
    return row(status, `${answer.description}${shape}`);
  });
  shown.append(element("h4", "Answers"), table(answers));
  return shown;
}

function rounded(number) {
  return number.toLocaleString("en", { maximumSignificantDigits: 3 });
}

async function show() {
  for (const base of document.querySelectorAll(".base")) {
    base.textContent = new URL(".", location.href).href;
  }
  const [description, health] = await Promise.all(
    ["openapi.json", "health"].map(async (path) => (await fetch(path)).json()),
  );
  const { limits } = health;
  document.getElementById("limits").textContent =
    `Limits here: ${rounded(limits.body_bytes / 2 ** 20)} MiB a request and ` +
    `${rounded(limits.pixels / 1e6)} million pixels a picture, ${rounded(limits.seconds)} s with ` +
    `waiting, ${limits.waiting} waiting requests.`;
  const known = description.components.schemas;
  const endpoints = document.getElementById("endpoints");
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      endpoints.append(showEndpoint(path, method, operation, known));
    }
  }
}

show().catch(() => {
  const error = document.getElementById("error");
  error.textContent = "The server does not answer: is it running?";
  error.hidden = false;
});
