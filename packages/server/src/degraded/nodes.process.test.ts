import { newId } from '@parley/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFailed, test, vi } from 'vitest';
import { chanceOf } from '../../../client/src/test/chance.ts';
import { type Cluster, type ClusterNode, startCluster } from '../test/cluster.ts';
import type { FrontDoor } from '../test/front-door.ts';
import { RawSocket, register, requestJson, signIn } from '../test/people.ts';
import { Traffic, wholeLog } from '../test/traffic.ts';

const EXITS_WITHIN_MS = 10_000;
const BACK_WITHIN_MS = 5_000;
const SEED = Number(process.env.PARLEY_TEST_SEED ?? Date.now() % 2 ** 32);

let cluster: Cluster;
let near: ClusterNode;
let far: ClusterNode;
let traffic: Traffic;
let doors: FrontDoor[];

beforeAll(async () => {
  cluster = await startCluster();
  [near, far] = cluster.nodes as [ClusterNode, ClusterNode];
}, 300_000);
afterAll(() => cluster.close());

beforeEach(async () => {
  onTestFailed(() => console.error(`The seed was ${SEED}: PARLEY_TEST_SEED makes the same choices again.`));
  doors = await Promise.all([0, 0, 1, 1].map((first) => cluster.door(first)));
  traffic = await Traffic.between({
    nodes: cluster.nodes,
    doors: doors.map(({ url }) => url),
    chance: chanceOf(SEED),
    stored: cluster.stored,
  });
});
afterEach(() => traffic.close());

const statusOfClients = () => traffic.someone.map(({ device }) => device.client.getConnection().status);

const allAreBack = () =>
  vi.waitFor(() => expect(new Set(statusOfClients())).toEqual(new Set(['online'])), {
    timeout: BACK_WITHIN_MS,
    interval: 10,
  });

/** Somebody with a bare socket, which keeps every frame that came. */
async function aWitness(node: ClusterNode) {
  const person = await register(near.url);
  const channelId = traffic.channelIds[0] as string;
  await traffic.auditor.ask('POST', `/channels/${channelId}/members`, { usernames: [person.username] });
  const session = await signIn(near.url, person.username);
  const socket = await RawSocket.signedIn(node.url, session);
  const [, payload = ''] = session.accessToken.split('.');
  const { sid } = JSON.parse(Buffer.from(payload, 'base64url').toString());
  return { person, session, sessionId: sid as string, socket, channelId };
}

type Witness = Awaited<ReturnType<typeof aWitness>>;

const seqsAt = ({ socket, channelId }: Witness) => socket.entries(channelId).map(({ seq }) => seq as number);

describe('two nodes under load', () => {
  test('[S1] [S2] [O1] [O2] [O3] [D1] [D2] restarted in turn, lose, double and reorder nothing', async () => {
    traffic.pour();
    await traffic.flow(100);
    for (const node of [near, far]) {
      const idle = await RawSocket.signedIn(node.url, traffic.auditor);
      const asked = performance.now();
      expect(await node.stop('SIGTERM')).toBe(0);
      expect(performance.now() - asked).toBeLessThan(EXITS_WITHIN_MS);
      expect(await idle.closing()).toEqual({ code: 1012, reason: expect.stringMatching(/^{"retryAfterMs":\d+}$/) });
      await allAreBack();
      await traffic.flow(50);
      await node.start();
      await traffic.flow(50);
    }
    expect(await traffic.faults()).toEqual([]);
    expect(statusOfClients()).toEqual(['online', 'online', 'online', 'online']);
    for (const node of [near, far]) {
      expect(node.log().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    }
  });

  test('[S1] [S2] [S3] [O2] [O3] [D2] [D4] one killed: its clients go on at the other, and nothing acked is lost', async () => {
    traffic.pour();
    for (const node of [near, far]) {
      await traffic.flow(100);
      expect(await node.stop('SIGKILL')).toBeNull();
      await allAreBack();
      await traffic.flow(100);
      await node.start();
    }
    expect(await traffic.faults()).toEqual([]);
  });
});

describe('[A1] [A2] a node that is stopped and goes on', () => {
  test('delivers nothing past a removal, and nothing to a session that has ended meanwhile, however it ended', async () => {
    const [removed, signedOut, ended, stayed] = (await Promise.all(Array.from({ length: 4 }, () => aWitness(far)))) as [
      Witness,
      Witness,
      Witness,
      Witness,
    ];
    const witnesses = [removed, signedOut, ended, stayed];
    traffic.pour(traffic.someone.slice(0, 2));
    await traffic.flow(50);
    far.pause();
    const { channelId } = removed;
    await traffic.auditor.ask('DELETE', `/channels/${channelId}/members/${removed.person.id}`);
    await signedOut.session.ask('POST', '/auth/logout');
    // No entry tells of this one: nothing but a look at the database finds it.
    await cluster.administer(`update sessions set ended_at = 1 where id = '${ended.sessionId}'`);
    const said = { type: 'send', ref: 1, id: newId(), channelId, body: 'said by nobody' };
    for (const { socket } of [signedOut, ended]) socket.send({ ...said, id: newId() });
    const stoppedAt = traffic.acked().length;
    await traffic.flow(200);
    await vi.waitFor(() => expect(performance.now() - (traffic.acked()[stoppedAt]?.at ?? 0)).toBeGreaterThan(1_500), {
      timeout: 5_000,
    });
    const before = witnesses.map((witness) => seqsAt(witness).length);
    far.resume();
    expect([(await signedOut.socket.closing()).code, (await ended.socket.closing()).code]).toEqual([4403, 4403]);
    await traffic.stop();
    const log = await wholeLog(near.url, traffic.auditor, channelId);
    await stayed.socket.frame(({ stream, seq }) => stream === channelId && seq === log.length);
    await removed.socket.frame(({ event }) => event?.type === 'membership.removed');
    const removal = log.find(({ event }) => event.type === 'member.removed' && event.userId === removed.person.id);
    expect(Math.max(...seqsAt(removed))).toBe(removal?.seq);
    expect([seqsAt(signedOut).length, seqsAt(ended).length]).toEqual([before[1], before[2]]);
    expect(JSON.stringify(log)).not.toContain(said.body);
    expect(await traffic.faults()).toEqual([]);
    for (const { socket } of witnesses) socket.close();
  });
});

describe('[A2] the end of a session at one node closes its sockets at the other', () => {
  const ways = {
    'by signing out': ({ session }: Witness) => session.ask('POST', '/auth/logout'),
    'by a refresh token that was spent long ago': async ({ session, sessionId }: Witness) => {
      const refresh = (node: ClusterNode) =>
        requestJson(node.url, 'POST', '/auth/refresh', { refreshToken: session.refreshToken });
      expect((await refresh(far)).status).toBe(200);
      await cluster.administer(
        `update refresh_tokens set spent_at = 1 where session_id = '${sessionId}' and spent_at > 0`,
      );
      expect((await refresh(near)).body.code).toBe('session_ended');
    },
  };

  async function closings(how: (witness: Witness) => Promise<unknown>): Promise<number> {
    const witness = await aWitness(far);
    await how(witness);
    const ended = performance.now();
    expect(await witness.socket.closing()).toMatchObject({ code: 4403 });
    return performance.now() - ended;
  }

  test('within a second with the bus up, within fifteen with the bus down, and where nothing tells of it at all', async () => {
    for (const how of Object.values(ways)) expect(await closings(how)).toBeLessThan(1_000);
    await cluster.redis.kill();
    await cluster.allAre('degraded');
    const silently = ({ sessionId }: Witness) =>
      cluster.administer(`update sessions set expires_at = 1 where id = '${sessionId}'`);
    const times = await Promise.all([...Object.values(ways), silently].map(closings));
    for (const millis of times) expect(millis).toBeLessThan(15_000);
    await cluster.redis.start();
  });
});
