import { endpoints, newId } from '@parley/protocol';
import { listMessages } from '../../actions/list-messages.ts';
import { markRead } from '../../actions/mark-read.ts';
import { readLog } from '../../actions/read-log.ts';
import { sendMessage } from '../../actions/send-message.ts';
import type { Services } from '../../actions/services.ts';
import type { Router } from '../router.ts';

export function messageRoutes(router: Router, services: Services): void {
  router.route(endpoints.listMessages, ({ actor, params, query }) => listMessages(services, actor, params.id, query));

  router.route(endpoints.postMessage, async ({ actor, params, body, answerWith }) => {
    const sending = { id: body.id ?? newId(), channelId: params.id, body: body.body };
    const { message, duplicate } = await sendMessage(services, actor, sending, 'rest');
    if (duplicate) answerWith(200);
    return message;
  });

  router.route(endpoints.markRead, ({ actor, params, body }) => markRead(services, actor, params.id, body.seq));

  router.route(endpoints.readLog, ({ actor, params, query }) =>
    readLog(services, actor, { stream: params.id, ...query }),
  );
}
