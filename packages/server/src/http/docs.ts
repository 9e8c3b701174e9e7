import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { API_PREFIX } from '@parley/protocol';
import { asyncApiDocument } from '@parley/protocol/asyncapi';
import { openApiDocument } from '@parley/protocol/openapi';
import { openFolder } from './folder.ts';
import type { Router } from './router.ts';

const PATH = '/api/docs';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Parley's REST API</title>
    <link rel="stylesheet" href="${PATH}/swagger-ui.css">
    <link rel="icon" href="data:,">
  </head>
  <body>
    <div id="reference"></div>
    <script src="${PATH}/swagger-ui-bundle.js"></script>
    <script src="${PATH}/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({
  url: '${API_PREFIX}/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null,
});
`;

/** The reference page sets styles on its elements, unlike our own pages. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The descriptions of the API, and the page that shows the REST part, all served from here. */
export function docsRoutes(router: Router): void {
  const viewer = openFolder(dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json')));
  if (!viewer) throw new Error('The package swagger-ui-dist is not installed.');
  let openApi: string | null = null;
  let asyncApi: string | null = null;

  router.get(`${API_PREFIX}/openapi.json`, (context) => {
    openApi ??= JSON.stringify(openApiDocument());
    return context.body(openApi, 200, { 'Content-Type': 'application/json' });
  });
  router.get(`${API_PREFIX}/asyncapi.json`, (context) => {
    asyncApi ??= JSON.stringify(asyncApiDocument());
    return context.body(asyncApi, 200, { 'Content-Type': 'application/json' });
  });

  router.get(PATH, (context) => {
    context.header('Content-Security-Policy', CONTENT_SECURITY_POLICY);
    return context.html(PAGE);
  });
  router.get(`${PATH}/start.js`, (context) => context.body(START, 200, { 'Content-Type': 'text/javascript' }));
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js']) {
    router.get(`${PATH}/${file}`, (context) => {
      context.header('Cache-Control', 'no-cache');
      return viewer.answer(context, file);
    });
  }
}
