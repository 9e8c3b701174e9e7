import { type Entry, newId } from '@parley/protocol';
import { describe, expect, test } from 'vitest';
import { faultsIn, type History, type Sending, type Stored } from './history.ts';

const ANA = newId();
const BOB = newId();
const CHANNEL = newId();
const IDS = Array.from({ length: 6 }, newId);
const AT = '2026-11-22T05:00:00.000Z';

function posted(seq: number, id: string): Entry {
  const message = { id, channelId: CHANNEL, seq, ordinal: seq, authorId: ANA, body: 'x', createdAt: AT, rev: 1 };
  return { stream: CHANNEL, seq, at: AT, actor: ANA, event: { type: 'message.posted', message } } as Entry;
}

function membership(seq: number, type: 'member.joined' | 'member.removed', userId = BOB): Entry {
  const event = type === 'member.joined' ? { type, userId, role: 'member' } : { type, userId };
  return { stream: CHANNEL, seq, at: AT, actor: ANA, event } as Entry;
}

/** Six messages that Ana and Bob sent in turn, each after the ack of the one before, and both of them read. */
function good(entries = IDS.map((id, index) => posted(index + 1, id))) {
  const sendings: Sending[] = entries.flatMap(({ seq, event }, index) => {
    if (event.type !== 'message.posted') return [];
    const acked = { kind: 'acked', at: index * 10 + 5, seq } as const;
    const by = index % 2 ? 'bob' : 'ana';
    return { by, channelId: CHANNEL, id: event.message.id, sentAt: index * 10, outcome: acked };
  });
  const stored = sendings.map(({ id, outcome }) => {
    return { id, channelId: CHANNEL, seq: outcome.kind === 'acked' ? outcome.seq : 0 };
  });
  const readings = (['ana', 'bob'] as const).map((by) => {
    return { by, userId: by === 'ana' ? ANA : BOB, channelId: CHANNEL, from: 0, entries: [...entries] };
  });
  const logs = ['near', 'far'].map((node) => ({ node, channelId: CHANNEL, entries: [...entries] }));
  return { sendings, stored, readings, logs };
}

/** A copy in which something is otherwise. */
function spoiled(spoil: (history: ReturnType<typeof good>) => unknown, entries?: Entry[]): History {
  const history = structuredClone(good(entries));
  spoil(history);
  return history;
}

const rulesBroken = (history: History) => [...new Set(faultsIn(history).map((fault) => fault.slice(0, 2)))].sort();

test('a history that keeps every promise has no fault', () => {
  expect(faultsIn(good())).toEqual([]);
});

test('an unknown outcome is none: whether the message is there or not', () => {
  expect(
    faultsIn(
      spoiled(({ sendings }) => {
        (sendings[5] as Sending).outcome = { kind: 'unknown' };
        sendings.push({ by: 'ana', channelId: CHANNEL, id: newId(), sentAt: 70, outcome: { kind: 'unknown' } });
      }),
    ),
  ).toEqual([]);
});

/** Each row of this is a lie that a broken server could tell. */
const LIES: Record<string, [rules: string[], spoil: (history: ReturnType<typeof good>) => unknown]> = {
  'an acknowledged message is lost': [
    ['S1'],
    ({ sendings }) =>
      sendings.push({
        ...{ by: 'ana', channelId: CHANNEL, id: newId(), sentAt: 99, outcome: { kind: 'acked', at: 100, seq: 7 } },
      }),
  ],
  'an acknowledged message is elsewhere': [
    ['S1'],
    ({ sendings }) => {
      (sendings[5] as Sending).outcome = { kind: 'acked', at: 60, seq: 9 };
    },
  ],
  'a message is there twice': [['O1', 'O3', 'S2'], ({ stored }) => stored.push({ ...(stored[0] as Stored), seq: 7 })],
  'a rejected message is there': [
    ['S3'],
    ({ sendings }) => {
      (sendings[0] as Sending).outcome = { kind: 'rejected', code: 'forbidden' };
    },
  ],
  'a message is there that nobody sent': [['S3'], ({ sendings }) => sendings.pop()],
  'the log has a gap': [['O1'], ({ logs }) => logs[1]?.entries.splice(2, 1)],
  'a node knows less than another': [['O1'], ({ logs }) => logs[1]?.entries.pop()],
  'a node tells another story': [['O1'], ({ logs }) => logs[1]?.entries.splice(2, 1, posted(3, newId()))],
  'a message was sent after the ack of one that stands behind it': [
    ['O2'],
    ({ sendings }) => {
      Object.assign(sendings[1] as Sending, { sentAt: 26 });
      sendings.sort((a, b) => a.sentAt - b.sentAt);
    },
  ],
  'a sender’s messages changed places': [
    ['O3'],
    ({ sendings }) => {
      for (const sending of sendings) Object.assign(sending, { sentAt: 0 });
      sendings.reverse();
    },
  ],
  'a client was left with a gap': [['D1'], ({ readings }) => readings[0]?.entries.splice(3, 1)],
  'a client was given an entry twice': [
    ['D2'],
    ({ readings }) => readings[0]?.entries.splice(3, 0, posted(3, IDS[2] ?? '')),
  ],
  'a client was given entries in another order': [
    ['D1', 'D2'],
    ({ readings }) => readings[0]?.entries.splice(2, 2, posted(4, IDS[3] ?? ''), posted(3, IDS[2] ?? '')),
  ],
  'a client was given another entry': [['D2'], ({ readings }) => readings[0]?.entries.splice(2, 1, posted(3, newId()))],
  'a client was not given the end': [['D3'], ({ readings }) => readings[0]?.entries.pop()],
  'a client was given nothing': [['D3'], ({ readings }) => readings[0]?.entries.splice(0)],
};

test.each(Object.keys(LIES))('it is noticed when %s', (lie) => {
  const [rules, spoil] = LIES[lie] as (typeof LIES)[string];
  expect(rulesBroken(spoiled(spoil))).toEqual(rules);
});

describe('a removal', () => {
  const entries = [...IDS.slice(0, 2).map((id, index) => posted(index + 1, id)), membership(3, 'member.removed')];
  const goneOn = [...entries, posted(4, IDS[3] ?? ''), posted(5, IDS[4] ?? '')];
  const readsUpTo = (seq: number) => (history: ReturnType<typeof good>) => history.readings[1]?.entries.splice(seq);

  test('is the last that the removed are given, if they are given that', () => {
    expect(faultsIn(spoiled(readsUpTo(3), goneOn))).toEqual([]);
    expect(faultsIn(spoiled(readsUpTo(1), goneOn))).toEqual([]);
  });

  test('is noticed when the removed are given more', () => {
    expect(rulesBroken(spoiled(readsUpTo(4), goneOn))).toEqual(['A1']);
  });

  test('that is followed by a return is passed over, without what was said between', () => {
    const returned = [...goneOn, membership(6, 'member.joined'), posted(7, IDS[5] ?? '')];
    const leap = (history: ReturnType<typeof good>) => history.readings[1]?.entries.splice(3, 3);
    expect(faultsIn(spoiled(leap, returned))).toEqual([]);
    expect(rulesBroken(spoiled(() => undefined, returned))).toEqual(['A1']);
    const byAna = ({ readings }: ReturnType<typeof good>) => readings.splice(1) && readings[0]?.entries.splice(3, 3);
    expect(rulesBroken(spoiled(byAna, returned))).toEqual(['D1']);
  });
});
