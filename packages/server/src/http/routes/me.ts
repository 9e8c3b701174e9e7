import { endpoints } from '@parley/protocol';
import { bootstrap } from '../../actions/bootstrap.ts';
import type { Services } from '../../actions/services.ts';
import type { Router } from '../router.ts';

export function meRoutes(router: Router, services: Services): void {
  router.route(endpoints.me, async ({ actor }) => actor.user);

  router.route(endpoints.bootstrap, ({ actor }) => bootstrap(services, actor));
}
