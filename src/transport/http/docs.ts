import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Api } from "../../platform/http/api.ts";

const SWAGGER_FOLDER = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));
const FILES: Record<string, string> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
};

/** Swagger UI sets styles from its script, which this policy allows; it needs no inline script and no other host. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Usher API</title>
<link rel="icon" href="/api/docs/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="swagger"></div>
<noscript>The API is described in <a href="/api/openapi.json">/api/openapi.json</a>.</noscript>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
`;

/** Swagger UI is dark where its root bears the class; it does not read what the visitor prefers. */
const START = `const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null });
`;

/** `/api/openapi.json` (OpenAPI 3.1, from the routes) and Swagger UI at `/api/docs`, all from this server. */
export function addDocs(api: Api, version: string): void {
  let text: string | null = null;
  api.get("/api/openapi.json", (c) => {
    text ??= JSON.stringify(createDocument(api, version), withoutFlags);
    return c.body(text, 200, { "content-type": "application/json", "cache-control": "public, max-age=60" });
  });
  api.get("/api/docs", (c) => c.body(PAGE, 200, assetHeaders("text/html; charset=utf-8")));
  api.get("/api/docs/start.js", (c) => c.body(START, 200, assetHeaders("text/javascript; charset=utf-8")));
  for (const [name, type] of Object.entries(FILES)) {
    api.get(`/api/docs/${name}`, async (c) =>
      c.body(await Bun.file(join(SWAGGER_FOLDER, name)).arrayBuffer(), 200, assetHeaders(type)),
    );
  }
}

function assetHeaders(type: string): Record<string, string> {
  return { "content-type": type, "content-security-policy": POLICY, "cache-control": "public, max-age=3600" };
}

/** The generator writes a pattern's flags after it (`^a$/u`), which JSON Schema does not allow; it means `u` anyway. */
function withoutFlags(key: string, value: unknown): unknown {
  return key === "pattern" && typeof value === "string" ? value.replace(/\$\/[a-z]+$/, "$") : value;
}

function createDocument(api: Api, version: string) {
  api.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "An access token of this server or of an issuer it knows.",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "service", {
    type: "http",
    scheme: "bearer",
    description:
      "A service token (`ust_…`) with the scope that is listed with it; an admin makes one by POST /api/v1/service-tokens.",
  });
  api.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "usher_session",
    description:
      "The cookie of a browser's session; over https it is `__Host-usher_session`. Writes with it must come from the same origin.",
  });
  const document = api.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Usher",
      version,
      description:
        "Chat and live events. Errors are problem documents (RFC 9457); `code` is stable, `detail` is for people. " +
        "Every POST takes an Idempotency-Key. What happens live comes over the WebSocket at `/ws`, or by `GET /api/v1/stream`.",
      license: { name: "MIT" },
    },
    servers: [{ url: "/" }],
  });
  const operations = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path as object));
  const tags = new Set(operations.flatMap(({ tags }: { tags?: string[] }) => tags ?? []));
  return { ...document, tags: [...tags].map((name) => ({ name })) };
}
