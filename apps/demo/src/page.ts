import type { Space, SpaceMember, SpaceTypes } from '@parvis/spaces';
import type { Realtime } from 'ably';
import { AvatarStack } from './avatarStack.ts';
import { Board } from './board.ts';
import { columns } from './boardContent.ts';
import { BoardFeed } from './boardFeed.ts';
import { boardOf } from './boardState.ts';
import { Cursors } from './cursors.ts';
import { cardOf, Editing } from './editing.ts';
import { onPage } from './element.ts';
import type { Identity } from './identity.ts';
import { isKeeper } from './keeper.ts';
import type { Notices } from './notices.ts';
import { nameOf, type Person, type Profile, peopleOf } from './person.ts';
import { ProfileDialog } from './profileDialog.ts';

const cards = columns.flatMap((column) => column.cards);

/** The page of one space: draws what the space says and tells it what the user does. */
export class Page {
  readonly #board: Board;
  readonly #stack: AvatarStack;
  readonly #cursors: Cursors;
  readonly #feed: BoardFeed;
  readonly #editing: Editing;
  readonly #profile: ProfileDialog;
  readonly #return = onPage('return', HTMLButtonElement);
  #place: string | null = null;
  #isOut = false;
  #selfId: string | undefined;

  constructor(
    private readonly space: Space<SpaceTypes, Realtime>,
    private readonly identity: Identity,
    private readonly notices: Notices,
  ) {
    const changed = () => this.show();
    const failed = (error: unknown) => notices.fail(error);
    const channel = space.client.channels.get(`${space.name}::board`);
    this.#feed = new BoardFeed(channel, boardOf(cards.map(({ id, text }) => [id, text])), { changed, failed });
    this.#editing = new Editing(space, this.#feed, {
      changed,
      refused: (card, holder) => this.#tellRefusal(card, holder),
      failed,
    });
    this.#board = new Board(onPage('board', HTMLElement), columns, {
      select: (card) => this.#goTo(card),
      edit: (card) => {
        this.#goTo(card);
        void this.#editing.begin(card);
      },
      type: (_, text) => this.#editing.type(text),
      save: (card) => this.#end(card, 'save'),
      cancel: (card) => this.#end(card, 'cancel'),
    });
    this.#cursors = new Cursors(space, this.#board);
    this.#profile = new ProfileDialog({ rename: (name) => this.#rename(name), leave: () => this.#leave() });
    this.#stack = new AvatarStack(onPage('people', HTMLElement), titleOf, {
      openProfile: () => this.#profile.open(identity.name),
      goTo: (card) => this.#board.reveal(card),
    });
    this.#return.addEventListener('click', () => this.#tell(this.#enter()));
    document.addEventListener('visibilitychange', () => this.#tellProfile());
  }

  /** Enters the space and shows it. Rejects as the client does. */
  async start(): Promise<void> {
    const { space, notices } = this;
    space.subscribe('change', () => this.show());
    space.subscribe('error', (error) => notices.fail(error));
    space.members.subscribe('enter', (member) => this.#greet(member));
    space.members.subscribe('leave', (member) => {
      if (member.connectionId !== space.connectionId) notices.say(`${nameOf(member)} left`);
    });
    // Before the others know of us: whoever greets us with the texts must be heard.
    await this.#feed.start();
    await this.#enter();
  }

  /** Draws everything anew; cheap enough for each change. */
  show(): void {
    const people = this.#people();
    const holders = new Map<string, string>();
    for (const { id, member } of this.space.snapshot.locks) {
      const card = cardOf(id);
      if (card) holders.set(card, member.connectionId);
    }
    const canEdit = this.space.client.connection.state === 'connected' && !this.#isOut;
    this.#board.show({ texts: this.#feed.texts, people, holders, work: this.#editing.work, canEdit });
    this.#stack.show(people);
    this.#cursors.show(people);
    onPage('left', HTMLElement).hidden = !this.#isOut;
  }

  #people(): Person[] {
    // A connection that has failed has no id any more, and one is still who one was.
    this.#selfId = this.space.connectionId ?? this.#selfId;
    return peopleOf(this.space.snapshot.members, this.#selfId);
  }

  get #ownProfile(): Profile & Record<string, unknown> {
    return { name: this.identity.name, away: document.hidden };
  }

  async #enter(): Promise<void> {
    this.#isOut = false;
    await this.space.enter(this.#ownProfile);
    if (this.#place) await this.space.locations.set({ card: this.#place });
    this.show();
  }

  #greet(member: SpaceMember): void {
    const { connectionId } = member;
    if (connectionId === this.space.connectionId) return;
    this.notices.say(`${nameOf(member)} joined`);
    if (isKeeper(this.#people(), connectionId)) this.#tell(this.#feed.repeat());
  }

  #goTo(card: string): void {
    if (this.#isOut || this.#place === card) return;
    this.#place = card;
    this.#tell(this.space.locations.set({ card }));
  }

  #end(card: string, how: 'save' | 'cancel'): void {
    if (this.#editing.work?.card === card) this.#editing.end(how);
  }

  #rename(name: string): void {
    if (this.identity.rename(name)) this.#tellProfile();
  }

  #tellProfile(): void {
    if (!this.#isOut) this.#tell(this.space.updateProfileData(this.#ownProfile));
  }

  #leave(): void {
    this.#editing.end('save');
    this.#isOut = true;
    this.#place = null;
    this.#tell(this.space.leave());
    this.show();
    this.#return.focus();
  }

  #tellRefusal(card: string, holder: string | undefined): void {
    const name = this.#people().find(({ connectionId }) => connectionId === holder)?.name ?? 'Somebody else';
    this.notices.say(`${name} has ${titleOf(card) ?? 'this card'}`);
  }

  #tell(done: Promise<unknown>): void {
    done.catch((error) => this.notices.fail(error));
  }
}

function titleOf(card: string): string | undefined {
  return cards.find(({ id }) => id === card)?.title;
}
