export { Capability } from './capability.ts';
export type { ChannelClaims } from './channelClaims.ts';
export { checkEmbedding, type EmbeddedToken, embeddedToken } from './embeddedToken.ts';
export {
  createFenceCheck,
  type FenceOptions,
  type FenceVerdict,
  judgeFence,
  type LockLookup,
  type LockState,
} from './fence.ts';
export {
  defaultCapability,
  spaceCapability,
  type TokenHandlerOptions,
  type TokenUser,
  tokenHandler,
} from './handler.ts';
export {
  connectIdentity,
  type Identity,
  isClientName,
  messageClientId,
  presenceClientId,
  tokenClientId,
  type Via,
} from './identity.ts';
export {
  badSignature,
  type DecodedJwt,
  decodeJwt,
  issueJwt,
  type JwtOptions,
  maxTokenLength,
  resemblesJwt,
  type SignedJwt,
  signedJwt,
  verifyJwt,
} from './jwt.ts';
export { type ClaimRules, type JwtClaims, readJwtClaims } from './jwtClaims.ts';
export { type ApiKey, formatKey, generateKey, parseKey } from './key.ts';
export { clockSkewMs, defaultTtlMs, maxTtlMs } from './lifetime.ts';
export { LockRights } from './lockRights.ts';
export { type NodeRequest, type NodeResponse, toNodeHandler } from './nodeHandler.ts';
export { type Operation, operations } from './operation.ts';
export {
  createTokenRequest,
  type TokenRequest,
  type TokenRequestFields,
  type TokenRequestOptions,
  tokenRequestIsSigned,
  tokenRequestText,
} from './tokenRequest.ts';
