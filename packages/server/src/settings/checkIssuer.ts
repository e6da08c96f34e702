import { Capability, isClientName } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import { type IssuerAlgorithm, type IssuerOptions, issuerAlgorithms } from '../access/issuer.ts';
import { fieldsOf } from './checks.ts';

const texts = ['issuer', 'jwks', 'key'] as const;
const optionalTexts = ['clientIdClaim', 'clientIdPrefix', 'capabilityClaim', 'revocationKeyClaim'] as const;
const others = ['algorithms', 'audience', 'capability', 'maxLifetimeMs'] as const;

/** An issuer of tokens: `issuer`, `jwks`, `key`, and what `IssuerOptions` says is optional. Throws 40003. */
export function checkIssuer(item: unknown, name: string): IssuerOptions {
  const fields = fieldsOf(item, name, [...texts, ...optionalTexts, ...others]);
  const wrong = (field: string, rule: string) => errors.badParameter(name, `${field} of an issuer must be ${rule}`);
  for (const field of texts) if (!isText(fields[field])) throw wrong(field, 'text');
  for (const field of optionalTexts) {
    if (fields[field] !== undefined && !isText(fields[field])) throw wrong(field, 'text');
  }
  const { jwks, clientIdPrefix = 'x', algorithms, audience, capability, maxLifetimeMs } = fields;
  if (!isFetchable(jwks as string)) throw wrong('jwks', 'an https URL without credentials');
  if (!isClientName(clientIdPrefix)) throw wrong('clientIdPrefix', 'text without line breaks, not *');
  if (algorithms !== undefined && !isListOf(algorithms, isAlgorithm)) {
    throw wrong('algorithms', `a list of ${issuerAlgorithms.join(', ')}`);
  }
  const names = audience === undefined || Array.isArray(audience) ? audience : [audience];
  if (names !== undefined && !isListOf(names, isText)) throw wrong('audience', 'text or a list of texts');
  if (maxLifetimeMs !== undefined && !(Number.isSafeInteger(maxLifetimeMs) && (maxLifetimeMs as number) > 0)) {
    throw wrong('maxLifetimeMs', 'a whole number from 1');
  }
  if (capability !== undefined && !isCapability(capability)) throw wrong('capability', 'a capability');
  return { ...fields, ...(names === undefined ? {} : { audience: names }) } as unknown as IssuerOptions;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isAlgorithm(value: unknown): value is IssuerAlgorithm {
  return issuerAlgorithms.some((one) => one === value);
}

function isListOf(value: unknown, fits: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(fits);
}

/** Whether plain http will do depends on other settings. */
function isFetchable(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
}

function isCapability(value: unknown): boolean {
  try {
    return !Capability.parse(value).isEmpty;
  } catch {
    return false;
  }
}
