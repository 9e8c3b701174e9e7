import type { MyChannel } from '@parley/protocol';

const SENTENCE = {
  public: 'This is the beginning of the channel. Everybody here can find and join it.',
  private: 'This is the beginning of the channel. Only its members can see it.',
  direct: 'This is the beginning of your conversation.',
} as const;

/** What stands above the first message. */
export function ConversationBeginning({ channel, title }: { channel: MyChannel; title: string }) {
  return (
    <div className="pt-10 pb-1">
      <p className="font-serif text-2xl leading-tight font-semibold tracking-tight wrap-anywhere">{title}</p>
      <p className="mt-2 text-soft wrap-anywhere">{channel.topic || SENTENCE[channel.kind]}</p>
    </div>
  );
}
