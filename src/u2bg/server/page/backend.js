// The back end of this page: a u2bg server. The only file that knows of one; another back end has the same shape:
//   about: what is said below the button; links: [words, address] of pages beside this one
//   removeBackground(blob, {keep, erase, signal, progress}) → Promise<{cutout: Blob, subject: boolean, confidence: number}>
//     keep, erase: PNG masks of the upright photo's size, white where it is meant, or null
//     progress(words, share): told while it goes on; share in 0..1, or null where nobody knows
// It rejects with an Error whose message is one line for people.

export const about = "Your photos go to the u2bg server that this page came from, and nowhere else. It does not store them.";

export const links = [["API", "api"]];

const TRIES = 20;

export async function removeBackground(blob, { keep = null, erase = null, signal, progress = () => {} } = {}) {
  const form = new FormData();
  form.append("image", blob, "photo");
  if (keep) form.append("keep_mask", keep, "keep.png");
  if (erase) form.append("erase_mask", erase, "erase.png");
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const answer = await post("v1/remove", form, signal, progress);
    if (answer.status === 200) {
      return {
        cutout: answer.body,
        subject: answer.header("X-Subject") === "true",
        confidence: Number(answer.header("X-Confidence")),
      };
    }
    if (answer.status === 403 && (await askForKey())) continue;
    if (answer.status === 503) {
      progress("Waiting for the server", null);
      await pause(1000 * Math.min(10, Number(answer.header("Retry-After")) || 2), signal);
      continue;
    }
    throw new Error(await message(answer));
  }
  throw new Error("The server is busy. Try again later.");
}

// XMLHttpRequest, because fetch does not tell how much has been sent.
function post(url, form, signal, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "blob";
    const key = sessionStorage.getItem("u2bg-key");
    if (key) request.setRequestHeader("X-Api-Key", key);
    request.upload.onprogress = (event) => progress("Sending", event.lengthComputable ? event.loaded / event.total : null);
    request.upload.onload = () => progress("Cutting", null);
    request.onload = () =>
      resolve({ status: request.status, body: request.response, header: (name) => request.getResponseHeader(name) });
    request.onerror = () => reject(new Error("The server cannot be reached."));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    if (signal?.aborted) reject(new DOMException("stopped", "AbortError"));
    else request.send(form);
  });
}

async function message(answer) {
  try {
    return JSON.parse(await answer.body.text()).error.message;
  } catch {
    return `The server answered ${answer.status}.`;
  }
}

const KEY_FORM = `
  <form method="dialog">
    <h2 id="key-title">This server asks for a key</h2>
    <label>API key <input type="password" id="key" autocomplete="off" required></label>
    <p class="hint">It is kept until this tab is closed.</p>
    <div class="pair"><button value="cancel" formnovalidate>Cancel</button><button class="primary" value="ok">Go on</button></div>
  </form>`;

let asking = null;

function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = Object.assign(document.createElement("dialog"), { id: "key-dialog", innerHTML: KEY_FORM });
    dialog.setAttribute("aria-labelledby", "key-title");
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok";
      if (given) sessionStorage.setItem("u2bg-key", dialog.querySelector("#key").value);
      dialog.remove();
      asking = null;
      resolve(given);
    });
    dialog.showModal();
  });
  return asking;
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(new DOMException("stopped", "AbortError"))));
  });
}
