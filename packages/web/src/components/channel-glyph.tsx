import type { ChannelKind } from '@parley/protocol';
import { Hash, LockKeyhole } from 'lucide-react';
import { Monogram } from './monogram.tsx';

/** What kind of channel it is, at a glance. */
export function ChannelGlyph({ kind, title }: { kind: ChannelKind; title: string }) {
  if (kind === 'direct') return <Monogram name={title} small />;
  const Glyph = kind === 'private' ? LockKeyhole : Hash;
  return (
    <span className="inline-flex size-6 shrink-0 items-center justify-center">
      <Glyph aria-hidden="true" className={kind === 'private' ? 'size-4' : 'size-4.5'} strokeWidth={2} />
    </span>
  );
}
