// A Next route handler: /api/token with @parvis/auth. Copy it to app/api/token/route.js of an application.
import { spaceCapability, tokenHandler } from '@parvis/auth';
import { userOf } from '../../../../sessions.mjs';

export const dynamic = 'force-dynamic';

export const GET = tokenHandler({
  key: process.env.PARVIS_KEY ?? '',
  capability: spaceCapability('board'),
  getUser(request) {
    const clientId = userOf(request.headers.get('cookie') ?? '');
    return clientId ? { clientId } : null;
  },
});
