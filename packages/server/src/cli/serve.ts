import type { ParvisServer } from '../server.ts';
import type { ExitCode, Terminal } from './terminal.ts';

/** Runs a server until it is told to end: the signal drains it, a second one ends the process at once. */
export async function serve(server: ParvisServer, terminal: Terminal, listening: () => void): Promise<ExitCode> {
  try {
    await server.listen();
  } catch (failure) {
    terminal.complain(`parvis: ${sayWhy(failure, server.port)}`);
    await server.stop();
    return 1;
  }
  listening();
  return new Promise((resolve) => {
    let isStopping = false;
    const off = terminal.onSignal((signal) => {
      if (isStopping) terminal.abort(signal === 'SIGINT' ? 130 : 143);
      if (isStopping) return;
      isStopping = true;
      const end = (exitCode: ExitCode) => {
        off();
        resolve(exitCode);
      };
      server.stop().then(
        () => end(0),
        (failure) => {
          terminal.complain(`parvis: ${failure.message}`);
          end(1);
        },
      );
    });
  });
}

function sayWhy(failure: unknown, port: number): string {
  const { code, message } = failure as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `port ${port} is in use; choose another with --port, or 0 for any`;
  if (code === 'EACCES') return `port ${port} needs more rights; choose one from 1024 with --port`;
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have the address of --host';
  return message;
}
