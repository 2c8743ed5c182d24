/** A way to a server on this machine that breaks for good after so many messages. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface DyingWay {
  readonly port: number;
  /** From now on so many messages pass to the server, over all connections. */
  dieAfter(messages: number): void;
  /** Breaks once: who comes later passes. */
  cut(): void;
  close(): Promise<void>;
}

export async function dyingWay(serverPort: number): Promise<DyingWay> {
  const sockets = new Set<Socket>();
  let left: number | undefined;
  const proxy = createServer((client) => {
    if (left !== undefined && left <= 0) return void client.destroy();
    const onward = connect(serverPort, '127.0.0.1');
    for (const socket of [client, onward]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, onward].forEach((one) => one.destroy()));
    }
    onward.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes) => {
      if (left !== undefined && (left -= 1) < 0) sockets.forEach((one) => one.destroy());
      else onward.write(bytes);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    dieAfter: (messages) => void (left = messages),
    cut: () => sockets.forEach((one) => one.destroy()),
    async close() {
      sockets.forEach((one) => one.destroy());
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
