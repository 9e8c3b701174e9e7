import type { Context } from 'hono';
import type { HttpContext, HttpEnv } from './context.ts';
import { type Folder, openFolder } from './folder.ts';

const NOT_BUILT = 'The web app has not been built yet. Run "npm run build", then load this page again.\n';

/**
 * Serves the built web app. Files under `assets/` carry a hash of their content in their names and may be kept for
 * ever; all others are asked for again each time. An address that no file has is a page of the app itself.
 */
export function webApp(webDist: string): (context: HttpContext) => Response | Promise<Response> {
  let folder: Folder | null = null;

  return (context: Context<HttpEnv>) => {
    folder ??= openFolder(webDist);
    if (!folder?.has('index.html')) {
      folder = null;
      return acceptsPages(context) ? context.text(NOT_BUILT, 404) : context.notFound();
    }
    const name = context.req.path.slice(1);
    if (folder.has(name)) {
      const isHashed = name.startsWith('assets/');
      context.header('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
      return folder.answer(context, name);
    }
    if (!acceptsPages(context)) return context.notFound();
    context.header('Cache-Control', 'no-cache');
    return folder.answer(context, 'index.html');
  };
}

function acceptsPages(context: HttpContext): boolean {
  return context.req.header('Accept')?.includes('text/html') ?? false;
}
