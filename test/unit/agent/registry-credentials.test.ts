import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { credentialsFor, noRegistries, parseDockerConfig } from '../../../agent/registry-credentials.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ann = { auth: base64('ann:pass:word') };

function config(content: unknown) {
  const parsed = parseDockerConfig(JSON.stringify(content));
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed.value;
}

function loginOf(content: unknown, image: string): string | undefined {
  return credentialsFor(config(content), image)?.username;
}

describe('logins for image registries', () => {
  it('are found by the registry in the name of the image', () => {
    const auths = { 'registry.example.com:5000': ann };
    assert.equal(loginOf({ auths }, 'registry.example.com:5000/team/name:1'), 'ann');
    assert.equal(loginOf({ auths }, 'registry.example.com:5000/name@sha256:00'), 'ann');
    assert.equal(loginOf({ auths }, 'registry.example.com/team/name:1'), undefined);
    assert.equal(loginOf({ auths }, 'team/name:1'), undefined);
    assert.equal(credentialsFor(noRegistries, 'name'), undefined);
  });

  it('of the public registry hold for names without one', () => {
    for (const key of ['https://index.docker.io/v1/', 'docker.io', 'registry-1.docker.io', 'index.docker.io/v1'])
      for (const image of ['debian', 'debian:12', 'team/name', 'docker.io/team/name:1', 'index.docker.io/debian'])
        assert.equal(loginOf({ auths: { [key]: ann } }, image), 'ann', `${key} ${image}`);
    assert.equal(loginOf({ auths: { 'docker.io': ann } }, 'localhost/name'), undefined);
  });

  it('may be given as a URL, and for a part of a registry', () => {
    for (const key of ['https://host:1/v2/', 'http://host:1', 'host:1/', 'host:1/team'])
      assert.equal(loginOf({ auths: { [key]: ann } }, 'host:1/team/name'), 'ann', key);
    const auths = { 'host:1': ann, 'host:1/team': { auth: base64('bob:x') } };
    assert.equal(loginOf({ auths }, 'host:1/team/name'), 'bob');
    assert.equal(loginOf({ auths }, 'host:1/teams/name'), 'ann');
  });

  it('keep colons in passwords, and tokens as they are', () => {
    const found = (entry: unknown) => credentialsFor(config({ auths: { 'host:1': entry } }), 'host:1/name');
    assert.deepEqual(found(ann), { username: 'ann', password: 'pass:word', serveraddress: 'host:1' });
    assert.deepEqual(found({ ...ann, identitytoken: 'T' }), { identitytoken: 'T', serveraddress: 'host:1' });
    assert.deepEqual(found({ registrytoken: 'R' }), { registrytoken: 'R', serveraddress: 'host:1' });
    assert.deepEqual(found({ username: 'u', password: 'p' }), {
      username: 'u',
      password: 'p',
      serveraddress: 'host:1',
    });
    assert.equal(found({}), undefined);
  });

  it('are read from the old form, too', () => {
    assert.equal(loginOf({ 'https://host:1/v1/': { ...ann, email: 'ann@example.com' } }, 'host:1/name'), 'ann');
    assert.equal(loginOf({ credsStore: 'pass' }, 'host:1/name'), undefined);
  });

  it('that cannot be read are refused without being quoted', () => {
    for (const text of ['', 'secret', '[]', '"secret"', '{"auths": 1}', '{"auths": {"h": {"auth": "c2VjcmV0"}}}']) {
      const parsed = parseDockerConfig(text);
      assert.ok('error' in parsed, text);
      assert.doesNotMatch(parsed.error, /secret|c2VjcmV0/);
    }
  });

  it('come out as they were put in', () => {
    const word = fc
      .string({ minLength: 1 })
      .filter((text) => !text.includes('\0') && text === Buffer.from(text).toString());
    const user = word.filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(user, word, (username, password) => {
        const found = credentialsFor(config({ auths: { h: { auth: base64(`${username}:${password}`) } } }), 'h.x/n');
        assert.equal(found, undefined);
        const own = credentialsFor(config({ auths: { 'h.x': { auth: base64(`${username}:${password}`) } } }), 'h.x/n');
        assert.deepEqual(own, { username, password, serveraddress: 'h.x' });
      }),
    );
  });
});
