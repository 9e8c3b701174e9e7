import type { OperationInput, OperationName, OperationResult } from '../store.ts';
import { findCredentials, promoteToOwner, registerUser, setPasswordHash } from './accounts.ts';
import {
  createChannel,
  discoverChannels,
  getChannel,
  joinChannel,
  listMyChannels,
  startConversation,
  updateChannel,
} from './channels.ts';
import type { Context } from './context.ts';
import { noteSecret, startEpoch } from './facts.ts';
import { bootstrap, listSubscriptions, ping, readEntries, readHead, readHeads, readLog } from './logs.ts';
import { addMembers, changeMemberRole, leaveChannel, listMembers, removeMember } from './members.ts';
import { postMessages } from './post-messages.ts';
import { advanceRead, listMessages } from './reading.ts';
import {
  createSession,
  endSession,
  findEndedSessions,
  findSession,
  forgetSessions,
  rotateRefreshToken,
} from './sessions.ts';

type Operation<Name extends OperationName> = (
  context: Context,
  input: OperationInput<Name>,
) => Promise<OperationResult<Name>>;

/** Every operation of the port, as each engine runs it inside a transaction of its own. */
export const operations: { readonly [Name in OperationName]: Operation<Name> } = {
  registerUser,
  findCredentials,
  setPasswordHash,
  promoteToOwner,
  createSession,
  rotateRefreshToken,
  endSession,
  forgetSessions,
  findSession,
  findEndedSessions,
  createChannel,
  startConversation,
  listMyChannels,
  discoverChannels,
  getChannel,
  updateChannel,
  joinChannel,
  leaveChannel,
  listMembers,
  addMembers,
  changeMemberRole,
  removeMember,
  postMessages,
  listMessages,
  advanceRead,
  readLog,
  readEntries,
  readHead,
  readHeads,
  listSubscriptions,
  bootstrap,
  startEpoch,
  noteSecret,
  ping,
};
