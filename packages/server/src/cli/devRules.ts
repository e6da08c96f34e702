/** App of the keys that `parvis dev` makes. They are shown on screens, so `parvis start` takes none of them. */
export const DEV_APP = 'dev';

/** Whether an address is of this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
