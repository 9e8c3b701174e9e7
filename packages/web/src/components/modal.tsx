import { Dialog } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { ReactNode } from 'react';
import { IconButton } from './button.tsx';

interface ModalProps {
  readonly open: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly description?: ReactNode;
  readonly children: ReactNode;
}

/** A dialog over the page: centred on wide screens, from the bottom edge on phones. Its content is made when it opens. */
export function Modal({ open, onClose, title, description, children }: ModalProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => next || onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 bg-shade transition-opacity duration-150 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Dialog.Viewport className="fixed inset-0 flex items-end justify-center sm:items-center sm:p-6">
          <Dialog.Popup className="relative flex max-h-[90dvh] w-full flex-col overflow-hidden rounded-t-2xl bg-raised pb-[env(safe-area-inset-bottom)] shadow-float transition duration-150 data-ending-style:translate-y-3 data-ending-style:opacity-0 data-starting-style:translate-y-3 data-starting-style:opacity-0 sm:max-w-lg sm:rounded-2xl">
            <header className="px-6 pt-5.5 pr-16">
              <Dialog.Title className="font-serif text-2xl leading-tight font-semibold tracking-tight wrap-anywhere">
                {title}
              </Dialog.Title>
              {description && (
                <Dialog.Description className="mt-1.5 text-soft wrap-anywhere">{description}</Dialog.Description>
              )}
            </header>
            <div className="min-h-0 overflow-y-auto overscroll-contain px-6 pt-5 pb-6">{children}</div>
            {/* Last, so that the dialog opens on its first field. */}
            <Dialog.Close
              render={
                <IconButton label="Close" className="absolute top-4 right-4">
                  <X aria-hidden="true" className="size-5" />
                </IconButton>
              }
            />
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** The row of buttons that ends a dialog's form. */
export function ModalActions({ children }: { children: ReactNode }) {
  return <div className="mt-1 flex flex-row-reverse flex-wrap gap-2.5">{children}</div>;
}
