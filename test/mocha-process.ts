// Runs spec files with mocha in a process of its own and tells the runner each result as it comes, so that a crash loses no count.
// Exit status 0 says that all specs were run, whatever they found, and that nothing was left open.
import Mocha from 'mocha';

/** `ended` comes last: without it the specs did not run to their end, whatever the exit status. */
type SpecMessage = { readonly passed: string } | { readonly failed: string } | { readonly ended: true };

/** How long timers, sockets and the like may outlive the last test. */
const OPEN_AFTER_END_MS = 5_000;

const [timeoutMs, ...files] = process.argv.slice(2);
const mocha = new Mocha({ timeout: Number(timeoutMs), forbidOnly: true, forbidPending: true, reporter: 'spec' });
for (const file of files) mocha.addFile(file);
await mocha.loadFilesAsync();

const tell = (message: SpecMessage): void => void process.send?.(message);
const runner = mocha.run(() => {
  tell({ ended: true });
  if (process.connected) process.disconnect();
  setTimeout(() => {
    console.error(`still open ${OPEN_AFTER_END_MS / 1000} s after the last test: ${[...new Set(process.getActiveResourcesInfo())].join(', ')}`);
    process.exit(3);
  }, OPEN_AFTER_END_MS).unref();
});
runner.on('pass', (test) => tell({ passed: test.fullTitle() }));
runner.on('fail', (test) => tell({ failed: test.fullTitle() }));
