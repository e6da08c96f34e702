import { element } from './element.ts';
import { maxNameLength } from './person.ts';

/** What one can do to oneself. */
export interface ProfileActions {
  rename(name: string): void;
  leave(): void;
}

/** The dialog behind one's own avatar: another name, or leaving. */
export class ProfileDialog {
  readonly #name = element('input', {
    id: 'own-name',
    name: 'name',
    maxlength: maxNameLength,
    autocomplete: 'off',
    required: true,
  });
  readonly #dialog: HTMLDialogElement;

  constructor(actions: ProfileActions) {
    const leave = element('button', { type: 'button', class: 'button quiet-button' }, 'Leave the space');
    const cancel = element('button', { type: 'button', class: 'button quiet-button' }, 'Cancel');
    const form = element(
      'form',
      {},
      element('h2', { id: 'profile-title' }, 'You, as the others see you'),
      element('label', { for: 'own-name' }, 'Name'),
      this.#name,
      element('div', { class: 'choices' }, leave, cancel, element('button', { class: 'button strong' }, 'Save')),
    );
    this.#dialog = element('dialog', { class: 'profile', 'aria-labelledby': 'profile-title' }, form);
    document.body.append(this.#dialog);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      actions.rename(this.#name.value);
      this.#dialog.close();
    });
    cancel.addEventListener('click', () => this.#dialog.close());
    leave.addEventListener('click', () => {
      this.#dialog.close();
      actions.leave();
    });
  }

  open(name: string): void {
    this.#name.value = name;
    this.#dialog.showModal();
    this.#name.select();
  }
}
