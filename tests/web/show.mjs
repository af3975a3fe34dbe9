// show.mjs URL ENVIRONMENT/DEPLOYMENT: runs the page that a controller serves and prints its text.
import { openPage } from "./dom.mjs";

const [origin, id] = process.argv.slice(2);
const get = async (path) => (await fetch(new URL(path, origin))).text();
const page = await get("/");
const view = await get("/view.mjs"), app = await get("/app.mjs");
const url = (text) => `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;

openPage(page, origin);
await import(url(app.replace("./view.mjs", url(view))));
location.hash = `#/d/${id}`;
for (let i = 0; i < 4000 && !document.getElementById("detail-title"); i++)
  await new Promise((done) => setTimeout(done, 25));
console.log(document.getElementById("summary").textContent);
console.log(document.getElementById("groups").textContent);
console.log(document.getElementById("detail").textContent);
process.exit(document.getElementById("detail-title") ? 0 : 1);
