import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KnownPaths } from './known-paths.ts';

const paths = new KnownPaths(
  new Map([
    ['/rooms/:roomId', new Set(['GET'])],
    ['/rooms/:roomId/name', new Set(['PUT'])],
    ['/rooms/:roomId/:key', new Set(['GET', 'DELETE'])],
    ['/:anything/all/:key', new Set(['POST'])],
  ]),
);

function methodsAt(path: string): string[] | undefined {
  const found = paths.methodsAt(path);
  return found && [...found];
}

describe('known paths', () => {
  it('are told from those where nothing is', () => {
    assert.deepEqual(methodsAt('/rooms/!a'), ['GET']);
    assert.equal(methodsAt('/rooms'), undefined);
    assert.equal(methodsAt('/users/@a'), undefined);
    assert.equal(methodsAt('/rooms/!a/b/c'), undefined);
  });

  it('take what the most exact pattern takes', () => {
    assert.deepEqual(methodsAt('/rooms/!a/name'), ['PUT']);
    assert.deepEqual(methodsAt('/rooms/!a/topic'), ['GET', 'DELETE']);
    assert.deepEqual(methodsAt('/rooms/all/topic'), ['GET', 'DELETE']);
    assert.deepEqual(methodsAt('/people/all/topic'), ['POST']);
  });

  it('are found as the router finds them, percent-encoded or not', () => {
    assert.deepEqual(methodsAt('/rooms/!a/%6eame'), ['PUT']);
    assert.deepEqual(methodsAt('/rooms/%2F%zz'), ['GET']);
  });

  it('say where another pattern takes a method', () => {
    assert.equal(paths.isBeside('/rooms/:roomId/name', 'GET'), true);
    assert.equal(paths.isBeside('/rooms/:roomId/name', 'POST'), true);
    assert.equal(paths.isBeside('/rooms/:roomId/name', 'PATCH'), false);
    assert.equal(paths.isBeside('/rooms/:roomId', 'PUT'), false);
  });
});
