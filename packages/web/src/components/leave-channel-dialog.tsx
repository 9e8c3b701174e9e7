import type { MyChannel } from '@parley/protocol';
import { useNavigate } from '@tanstack/react-router';
import { useClient } from '../hooks/client-context.ts';
import { useSubmit } from '../hooks/use-submit.ts';
import { Button } from './button.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { Modal, ModalActions } from './modal.tsx';

interface LeaveChannelDialogProps {
  readonly channel: MyChannel;
  readonly open: boolean;
  readonly onClose: () => void;
}

const CONSEQUENCE = {
  public: 'You can join it again at any time.',
  private: 'It is private: somebody in it has to add you before you can come back.',
  direct: '',
} as const;

export function LeaveChannelDialog({ channel, open, onClose }: LeaveChannelDialogProps) {
  const client = useClient();
  const navigate = useNavigate();
  const { submit, pending, failure, forget } = useSubmit(async () => {
    await client.rest.leaveChannel({ params: { id: channel.id } });
    onClose();
    await navigate({ to: '/' });
  });
  const close = () => {
    forget();
    onClose();
  };
  return (
    <Modal open={open} onClose={close} title={`Leave ${channel.name}?`} description={CONSEQUENCE[channel.kind]}>
      <div className="flex flex-col gap-5">
        <FailureNotice failure={failure} />
        <ModalActions>
          <Button look="danger" onClick={() => void submit()} busy={pending}>
            Leave channel
          </Button>
          <Button onClick={close}>Stay</Button>
        </ModalActions>
      </div>
    </Modal>
  );
}
