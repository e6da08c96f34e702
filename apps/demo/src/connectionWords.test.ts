import { describe, expect, test } from 'vitest';
import { connectionOffer, connectionWords, returnWords } from './connectionWords.ts';

describe('connection badge', () => {
  test.each(['initialized', 'connecting', 'connected', 'disconnected', 'suspended', 'closing', 'closed', 'failed'])(
    '[DM8] the state %s has words of its own',
    (state) => {
      expect(connectionWords(state, false).words).not.toBe(state);
    },
  );

  test('[DM8] only connected looks good', () => {
    expect(connectionWords('connected', false)).toEqual({ words: 'Connected', tone: 'good' });
    expect(connectionWords('suspended', false).tone).toBe('bad');
    expect(connectionWords('news', false)).toEqual({ words: 'news', tone: 'waiting' });
  });

  test('[DM8] a connection that the user has cut says so, and a lost one does not blame the user', () => {
    expect(connectionWords('disconnected', true).words).toBe('Cut off');
    expect(connectionWords('connecting', true).words).toBe('Cut off');
    expect(connectionWords('disconnected', false).words).toBe('Disconnected');
    expect(connectionWords('connected', true).words).toBe('Connected');
  });

  test('[DM8] the button cuts, restores, or loads the page again where nothing else helps', () => {
    expect(connectionOffer('connected', false).full).toContain('Cut');
    expect(connectionOffer('disconnected', true).full).toContain('Restore');
    expect(connectionOffer('suspended', true).full).toContain('Restore');
    expect(connectionOffer('failed', true).full).toContain('Reload');
  });

  test('[DM8] a return tells whether the connection is the same', () => {
    expect(returnWords(undefined, 'c1')).toBeNull();
    expect(returnWords('c1', 'c1')).toContain('resumed');
    expect(returnWords('c1', 'c2')).toContain('new connection');
  });
});
