import { endpoints } from '@parley/protocol';
import { createChannel } from '../../actions/create-channel.ts';
import { getChannel } from '../../actions/get-channel.ts';
import { joinChannel } from '../../actions/join-channel.ts';
import { leaveChannel } from '../../actions/leave-channel.ts';
import { listChannels } from '../../actions/list-channels.ts';
import type { Services } from '../../actions/services.ts';
import { startConversation } from '../../actions/start-conversation.ts';
import { updateChannel } from '../../actions/update-channel.ts';
import type { Router } from '../router.ts';

export function channelRoutes(router: Router, services: Services): void {
  router.route(endpoints.listChannels, ({ actor, query }) => listChannels(services, actor, query));

  router.route(endpoints.createChannel, ({ actor, body }) => createChannel(services, actor, body));

  router.route(endpoints.startConversation, async ({ actor, body, answerWith }) => {
    const { channel, created } = await startConversation(services, actor, body);
    if (!created) answerWith(200);
    return channel;
  });

  router.route(endpoints.getChannel, ({ actor, params }) => getChannel(services, actor, params.id));

  router.route(endpoints.updateChannel, ({ actor, params, body }) => updateChannel(services, actor, params.id, body));

  router.route(endpoints.joinChannel, ({ actor, params }) => joinChannel(services, actor, params.id));

  router.route(endpoints.leaveChannel, async ({ actor, params }) => {
    await leaveChannel(services, actor, params.id);
    return undefined;
  });
}
