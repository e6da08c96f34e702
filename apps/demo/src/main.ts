import Spaces from '@parvis/spaces';
import { queryFor, readAddress } from './address.ts';
import { ConnectionBadge } from './connectionBadge.ts';
import { returnWords } from './connectionWords.ts';
import { onPage } from './element.ts';
import { forget, Identity } from './identity.ts';
import { Notices } from './notices.ts';
import { Page } from './page.ts';
import { plug } from './plug.ts';
import { openClient } from './session.ts';

const { space: name, isNewPerson } = readAddress(location.search);
if (isNewPerson) {
  forget(sessionStorage);
  history.replaceState(null, '', queryFor({ space: name, isNewPerson: false }) || location.pathname);
}
const identity = new Identity(sessionStorage);
const client = openClient(identity);
const notices = new Notices(onPage('notices', HTMLElement));
let page: Page | undefined;

onPage('space-name', HTMLElement).textContent = name;
offerSecondPerson(onPage('second-person', HTMLAnchorElement));
watchConnection();
// A page that goes away leaves at once, instead of when the service gives up on it.
addEventListener('pagehide', () => client.close());
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

client.connection
  .whenState('connected')
  .then(async () => {
    // Short, so that one sees people go grey and then go.
    const space = await new Spaces(client).get(name, { offlineTimeout: 10_000 });
    page = new Page(space, identity, notices);
    page.show();
    await page.start();
  })
  .catch((error) => notices.fail(error));

function watchConnection(): void {
  const { connection } = client;
  const badge = new ConnectionBadge(onPage('connection', HTMLElement), () => {
    if (connection.state === 'failed') location.reload();
    else if (plug.isOut) {
      plug.restore();
      connection.connect();
    } else plug.cut();
    show();
  });
  const show = () => {
    badge.show(connection.state, plug.isOut);
    page?.show();
  };
  let id: string | undefined;
  connection.on(({ current, reason }) => {
    show();
    if (current === 'failed' && reason) notices.fail(reason);
    if (current !== 'connected') return;
    const words = returnWords(id, connection.id);
    if (words) notices.say(words);
    id = connection.id;
  });
  show();
}

function offerSecondPerson(link: HTMLAnchorElement): void {
  link.href = queryFor({ space: name, isNewPerson: true });
  link.addEventListener('click', (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || screen.availWidth < 900) return;
    // A window of its own, to be put beside this one: in a tab behind it, the second person would look away.
    event.preventDefault();
    window.open(
      link.href,
      '_blank',
      `noopener,width=${Math.round(screen.availWidth / 2)},height=${screen.availHeight}`,
    );
  });
}
