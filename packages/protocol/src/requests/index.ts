import { login, logout, refresh, register } from './auth.ts';
import {
  createChannel,
  getChannel,
  joinChannel,
  leaveChannel,
  listChannels,
  startConversation,
  updateChannel,
} from './channels.ts';
import { bootstrap, me } from './me.ts';
import { addMembers, changeMemberRole, listMembers, removeMember } from './members.ts';
import { listMessages, markRead, postMessage, readLog } from './messages.ts';

/** Every REST request there is, by its name. */
export const endpoints = {
  register,
  login,
  refresh,
  logout,
  me,
  bootstrap,
  listChannels,
  createChannel,
  startConversation,
  getChannel,
  updateChannel,
  joinChannel,
  leaveChannel,
  listMembers,
  addMembers,
  changeMemberRole,
  removeMember,
  listMessages,
  postMessage,
  markRead,
  readLog,
} as const;

export type Endpoints = typeof endpoints;
export type EndpointName = keyof Endpoints;
