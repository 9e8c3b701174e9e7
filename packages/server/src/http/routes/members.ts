import { endpoints } from '@parley/protocol';
import { addMembers } from '../../actions/add-members.ts';
import { changeMemberRole } from '../../actions/change-member-role.ts';
import { listMembers } from '../../actions/list-members.ts';
import { removeMember } from '../../actions/remove-member.ts';
import type { Services } from '../../actions/services.ts';
import type { Router } from '../router.ts';

export function memberRoutes(router: Router, services: Services): void {
  router.route(endpoints.listMembers, ({ actor, params, query }) => listMembers(services, actor, params.id, query));

  router.route(endpoints.addMembers, ({ actor, params, body }) => addMembers(services, actor, params.id, body));

  router.route(endpoints.changeMemberRole, ({ actor, params, body }) =>
    changeMemberRole(services, actor, params.id, params.userId, body),
  );

  router.route(endpoints.removeMember, async ({ actor, params }) => {
    await removeMember(services, actor, params.id, params.userId);
    return undefined;
  });
}
