import { expect, test } from 'vitest';
import { roomsOf } from './seed.ts';

test('everybody is in as many rooms as asked for, and the rooms are of one size and mixed', () => {
  const shape = { people: 1_000, rooms: 100, roomsEach: 5 };
  const members: number[][] = Array.from({ length: shape.rooms }, () => []);
  for (let person = 0; person < shape.people; person += 1) {
    const rooms = roomsOf(person, shape);
    expect(new Set(rooms).size).toBe(shape.roomsEach);
    for (const room of rooms) members[room]?.push(person);
  }
  expect(members.map(({ length }) => length)).toEqual(members.map(() => 50));
  const [first, last] = [members[0], members[99]] as [number[], number[]];
  expect(first.filter((person) => last.includes(person)).length).toBeLessThan(10);
});
