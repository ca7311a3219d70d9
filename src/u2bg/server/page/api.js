// The API for people, drawn from the description for programs.

const make = (tag, text = "", className = "") => Object.assign(document.createElement(tag), { textContent: text, className });

const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme = localStorage.getItem("u2bg-theme") ?? (dark ? "dark" : "light");

const api = await (await fetch("openapi.json")).json();
document.getElementById("about").textContent = api.info.description;
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, operation] of Object.entries(methods)) document.getElementById("operations").append(describe(path, method, operation));
}

function describe(path, method, operation) {
  const article = make("article");
  const title = make("h3");
  title.append(make("span", method.toUpperCase(), "method"), path);
  article.append(title, make("p", operation.description));
  const query = (operation.parameters ?? []).map(({ name, schema, description }) => [name, schema, description]);
  if (query.length) article.append(make("h4", "Query"), table(query));
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  for (const [kind, { schema }] of bodies.filter(([, body]) => body.schema.properties).slice(0, 1)) {
    article.append(make("h4", kind), table(Object.entries(schema.properties).map(([name, one]) => [name, one, one.description])));
  }
  const others = bodies.slice(bodies[0]?.[1].schema.properties ? 1 : 0).map(([kind]) => kind);
  if (others.length) article.append(make("p", `Also taken: ${others.join(", ")}`));
  article.append(make("p", `Answers: ${Object.keys(operation.responses).join(", ")}`));
  return article;
}

function table(rows) {
  const body = make("table");
  for (const [name, schema, description] of rows) {
    const row = body.insertRow();
    row.append(make("td", name), make("td", limits(schema)), make("td", description ?? ""));
  }
  return body;
}

function limits({ type = "", enum: choices, default: standard, minimum, maximum, format }) {
  const words = choices ? choices.join(" | ") : format === "binary" ? "file" : type;
  const range = minimum === undefined ? "" : ` ${minimum}–${maximum ?? "…"}`;
  return `${words}${range}${standard === undefined ? "" : ` = ${standard}`}`;
}
