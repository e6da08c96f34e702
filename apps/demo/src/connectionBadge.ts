import { connectionOffer, connectionWords } from './connectionWords.ts';
import { element } from './element.ts';

/** The state of the connection in words and colour, with a switch that cuts and restores it. */
export class ConnectionBadge {
  readonly #words = element('span', { role: 'status', 'data-testid': 'connection-state' });
  readonly #button = element('button', { type: 'button', class: 'button quiet-button' });

  constructor(
    private readonly parent: HTMLElement,
    toggle: () => void,
  ) {
    this.#button.addEventListener('click', toggle);
    parent.append(element('span', { class: 'dot', 'aria-hidden': 'true' }), this.#words, this.#button);
  }

  /** Draws a state of the client's connection; `isCut` while the user keeps it cut. */
  show(state: string, isCut: boolean): void {
    const { words, tone } = connectionWords(state, isCut);
    this.parent.dataset.tone = tone;
    if (this.#words.textContent !== words) this.#words.textContent = words;
    const { short, full } = connectionOffer(state, isCut);
    this.#button.textContent = short;
    this.#button.setAttribute('aria-label', full);
  }
}
