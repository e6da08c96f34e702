import { element } from './element.ts';

const shownMs = 5_000;
const maxShown = 3;

/** Short sentences about what happens, shown for a while and read out by screen readers. */
export class Notices {
  constructor(private readonly parent: HTMLElement) {}

  say(sentence: string): void {
    const notice = element('p', { class: 'notice' }, sentence);
    this.parent.append(notice);
    while (this.parent.children.length > maxShown) this.parent.firstElementChild?.remove();
    setTimeout(() => notice.remove(), shownMs);
  }

  /** Says that something did not work, as the client words it. */
  fail(error: unknown): void {
    this.say(error instanceof Error ? error.message : String(error));
  }
}
