import type { ChannelKind, PresenceState } from '@parley/protocol';
import { Hash, LockKeyhole } from 'lucide-react';
import { Monogram } from './monogram.tsx';

interface ChannelGlyphProps {
  readonly kind: ChannelKind;
  readonly title: string;
  /** Of the other one in a conversation of two. */
  readonly presence?: PresenceState | null;
}

/** What kind of channel it is, at a glance. */
export function ChannelGlyph({ kind, title, presence = null }: ChannelGlyphProps) {
  if (kind === 'direct') return <Monogram name={title} presence={presence} small />;
  const Glyph = kind === 'private' ? LockKeyhole : Hash;
  return (
    <span className="inline-flex size-6 shrink-0 items-center justify-center">
      <Glyph aria-hidden="true" className={kind === 'private' ? 'size-4' : 'size-4.5'} strokeWidth={2} />
    </span>
  );
}
