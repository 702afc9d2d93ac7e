// The pages that the tests show: widgets on npm's libraries, and a host page on npm's own.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** Bundles these scripts, by their paths without `.js`, and serves each as a page of its name until the test ends. */
export async function site(test, ...names) {
  const bundles = await build({
    entryPoints: names.map((name) => join(here, `${name}.js`)),
    entryNames: "[name]",
    bundle: true,
    write: false,
    outdir: "/",
    format: "esm",
    target: "es2022",
    conditions: ["browser", "import"],
    define: { global: "globalThis" },
    logLevel: "error",
  });
  const scripts = new Map(bundles.outputFiles.map((file) => [basename(file.path), file.text]));
  return serve(test, (request, response) => {
    const name = basename(new URL(request.url, "http://localhost").pathname);
    if (scripts.has(name)) {
      response.setHeader("content-type", "text/javascript").end(scripts.get(name));
    } else {
      const html = `<!doctype html><title>${name}</title><link rel="icon" href="data:,"><script type="module" src="/${name}.js"></script>`;
      response.setHeader("content-type", "text/html").end(html);
    }
  });
}

/** Serves the files of a folder as they are, `index.html` by the folder's own address, until the test ends. */
export async function folderSite(test, folder) {
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  return serve(test, async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const path = pathname === "/" ? "/index.html" : pathname;
    try {
      const content = await readFile(join(folder, path));
      response.setHeader("content-type", types[extname(path)] ?? "application/octet-stream").end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
}

async function serve(test, answer) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${server.address().port}` };
}
