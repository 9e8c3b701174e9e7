import { useParams } from '@tanstack/react-router';
import { UnsentWriting } from '../components/unsent-writing.tsx';
import { useChannels, useDirectory, useIsLoaded } from '../hooks/client-context.ts';
import { ChannelPreview } from './channel-preview.tsx';
import { Conversation } from './conversation.tsx';
import { Pane } from './pane.tsx';

/** `/c/…`: the conversation for a member, a preview for who could be one, else the same answer as for nothing. */
export function ChannelPage() {
  const { channelId } = useParams({ from: '/chat/c/$channelId' });
  const channel = useChannels().get(channelId);
  const listed = useDirectory().get(channelId);
  const loaded = useIsLoaded();
  if (!loaded) return null;
  if (channel) return <Conversation key={channelId} channel={channel} />;
  if (listed) return <ChannelPreview key={channelId} channel={listed} />;
  return (
    <Pane title="Not found">
      <div className="flex min-h-0 grow flex-col items-center gap-8 overflow-y-auto px-6 py-8">
        <p className="text-center text-soft">There is no such channel, or none that you may see.</p>
        <UnsentWriting key={channelId} channelId={channelId} />
      </div>
    </Pane>
  );
}
