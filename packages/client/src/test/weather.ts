/** WebSockets as a bad network would have them: cut at will, or deaf to what the server says. */
export function weather() {
  const open = new Set<WebSocket>();
  const sent: string[] = [];
  let deaf = false;

  class WeatheredSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      open.add(this);
      this.addEventListener('close', () => open.delete(this));
      // Registered before the client's own listeners, so that it can keep messages from them.
      this.addEventListener('message', (event) => {
        if (deaf) event.stopImmediatePropagation();
      });
    }

    override send(data: string): void {
      sent.push((JSON.parse(data) as { type: string }).type);
      super.send(data);
    }
  }

  return {
    WebSocket: WeatheredSocket as typeof WebSocket,
    /** The types of the frames sent so far. */
    sent: () => sent,
    /** Ends all connections. */
    cut(): void {
      for (const socket of open) socket.close();
    },
    /** While deaf, nothing that the server sends arrives, though what is sent does. */
    setDeaf(value: boolean): void {
      deaf = value;
    },
  };
}
