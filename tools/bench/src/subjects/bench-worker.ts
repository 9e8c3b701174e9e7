import { type ChildProcess, fork } from 'node:child_process';

/** A process of the bench's own that carries out requests: a load generator or a comparison server. */
export interface BenchWorker<Commands> {
  readonly pid: number;
  /** Throws what the process threw, or that it ended. */
  ask<Name extends keyof Commands & string>(
    name: Name,
    input: InputOf<Commands, Name>,
  ): Promise<AnswerOf<Commands, Name>>;
  stop(): Promise<void>;
}

type InputOf<Commands, Name extends keyof Commands> = Commands[Name] extends { input: infer Input } ? Input : never;
type AnswerOf<Commands, Name extends keyof Commands> = Commands[Name] extends { answer: infer Answer } ? Answer : never;

type Handlers<Commands> = {
  readonly [Name in keyof Commands]: (
    input: InputOf<Commands, Name>,
  ) => AnswerOf<Commands, Name> | Promise<AnswerOf<Commands, Name>>;
};

interface Request {
  readonly name: string;
  readonly input: unknown;
}
type Reply = { readonly answer: unknown } | { readonly error: string };

/** Starts a module that calls `serveRequests`. It ends with `stop`, or when this process ends. */
export function startWorker<Commands>(module: string): BenchWorker<Commands> {
  const child = fork(module, { execArgv: [], serialization: 'advanced' });
  if (child.pid === undefined) throw new Error(`${module} could not be started.`);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid,
    async ask(name, input) {
      const reply = await request(child, { name, input });
      if ('error' in reply) throw new Error(reply.error);
      return reply.answer as never;
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function request(child: ChildProcess, message: Request): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const onReply = (reply: unknown) => {
      child.off('exit', onExit);
      resolve(reply as Reply);
    };
    const onExit = () => {
      child.off('message', onReply);
      reject(new Error(`A process of the bench ended during "${message.name}".`));
    };
    child.once('message', onReply);
    child.once('exit', onExit);
    child.send(message);
  });
}

/** The other side: answers one request at a time, and ends with the process that started this one. */
export function serveRequests<Commands>(handlers: Handlers<Commands>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ name, input }: Request) => {
    try {
      const handler = handlers[name as keyof Commands] as (input: unknown) => unknown;
      process.send?.({ answer: await handler(input) } satisfies Reply);
    } catch (error) {
      process.send?.({
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      } satisfies Reply);
    }
  });
}
