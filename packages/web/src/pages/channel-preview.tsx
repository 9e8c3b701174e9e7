import type { ListedChannel } from '@parley/protocol';
import { Button } from '../components/button.tsx';
import { ChannelGlyph } from '../components/channel-glyph.tsx';
import { FailureNotice } from '../components/failure-notice.tsx';
import { UnsentWriting } from '../components/unsent-writing.tsx';
import { useClient } from '../hooks/client-context.ts';
import { usePageTitle } from '../hooks/use-page-title.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { Pane } from './pane.tsx';

/** A public channel that one is not in. */
export function ChannelPreview({ channel }: { channel: ListedChannel }) {
  const client = useClient();
  const { submit, pending, failure } = useSubmit(() => client.rest.joinChannel({ params: { id: channel.id } }));
  usePageTitle(channel.name);
  return (
    <Pane
      title={
        <>
          <ChannelGlyph kind="public" title={channel.name} />
          <span className="truncate">{channel.name}</span>
        </>
      }
    >
      <div className="min-h-0 grow overflow-y-auto">
        <div className="mx-auto flex min-h-full max-w-md flex-col items-center justify-center gap-5 px-6 py-10 text-center">
          <div>
            <p className="font-serif text-2xl font-semibold tracking-tight wrap-anywhere">{channel.name}</p>
            <p className="mt-2 text-soft wrap-anywhere">{channel.topic || 'You are not in this channel.'}</p>
          </div>
          <Button look="primary" onClick={() => void submit()} busy={pending}>
            Join
          </Button>
          <FailureNotice failure={failure} />
          <UnsentWriting channelId={channel.id} />
        </div>
      </div>
    </Pane>
  );
}
