const open = new Set<WebSocket>();
let isOut = false;

/**
 * The plug of this window's network cable. To cut pulls it: sockets break without a word of the protocol, and none comes up until
 * the plug is back. That is what a dead network looks like to the realtime client, and what its resume is made for.
 */
export const plug = {
  get isOut(): boolean {
    return isOut;
  },
  cut(): void {
    isOut = true;
    for (const socket of open) socket.close();
  },
  restore(): void {
    isOut = false;
  },
};

/** A socket to a network that is not there: it closes as soon as it is listened to. */
class DeadSocket {
  readonly readyState = WebSocket.CLOSED;
  onclose: ((event: CloseEvent) => void) | null = null;

  constructor() {
    setTimeout(() => this.onclose?.(new CloseEvent('close', { code: 1006 })));
  }

  close(): void {}

  send(): void {}
}

// The realtime client takes the constructor when it loads, hence this module is imported before it.
globalThis.WebSocket = new Proxy(WebSocket, {
  construct(target, args, newTarget) {
    if (isOut) return new DeadSocket();
    const socket: WebSocket = Reflect.construct(target, args, newTarget);
    open.add(socket);
    socket.addEventListener('close', () => open.delete(socket));
    return socket;
  },
});
