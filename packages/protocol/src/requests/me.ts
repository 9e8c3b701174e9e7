import { endpoint } from '../endpoint.ts';
import { Snapshot, User } from '../models.ts';

export const me = endpoint({
  method: 'GET',
  path: '/me',
  tag: 'Accounts',
  summary: 'The signed-in person.',
  auth: 'bearer',
  statuses: [200],
  answer: User,
  errors: [],
});

export const bootstrap = endpoint({
  method: 'GET',
  path: '/bootstrap',
  tag: 'Live',
  summary: 'Everything a client starts from, with the cursor of each stream it was taken at.',
  auth: 'bearer',
  statuses: [200],
  answer: Snapshot,
  errors: [],
});
