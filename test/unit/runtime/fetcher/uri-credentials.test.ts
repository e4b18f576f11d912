import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseUriCredentials } from '../../../../runtime/fetcher/uri-credentials.ts';

function authorization(document: unknown, url: string): string | undefined {
  const parsed = parseUriCredentials(JSON.stringify(document));
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed.value.authorization(new URL(url));
}

describe('credentials for URIs', () => {
  const token = { token: 't' };

  it('belong to a host and its port; none stands for the scheme’s own', () => {
    for (const url of ['http://a.example/x', 'https://a.example/x', 'https://A.example:443/x']) {
      assert.equal(authorization({ 'a.example': token }, url), 'Bearer t');
    }
    for (const url of ['http://a.example:8080/', 'https://b.a.example/', 'https://example/', 'http://a.example.b/']) {
      assert.equal(authorization({ 'a.example': token }, url), undefined);
    }
    assert.equal(authorization({ '[::1]:8080': token }, 'http://[::1]:8080/x'), 'Bearer t');
    assert.equal(authorization({ 'a.example:443': token }, 'http://a.example:443/'), 'Bearer t');
  });

  it('hold any password', () => {
    const expected = `Basic ${Buffer.from('u:p:ä').toString('base64')}`;
    assert.equal(authorization({ h: { username: 'u', password: 'p:ä' } }, 'http://h/'), expected);
  });

  for (const [what, text] of [
    ['no JSON', '{"h": {"token": "s3cret"'],
    ['a list', '[{"token": "s3cret"}]'],
    ['a URL for a host', '{"https://h/": {"token": "s3cret"}}'],
    ['a host in capitals', '{"H": {"token": "s3cret"}}'],
    ['an empty host', '{"": {"token": "s3cret"}}'],
    ['a path', '{"h/x": {"token": "s3cret"}}'],
    ['no secret', '{"h": {"username": "s3cret"}}'],
    ['two kinds at once', '{"h": {"token": "s3cret", "username": "u", "password": "p"}}'],
    ['a misspelt member', '{"h": {"tokens": "s3cret"}}'],
    ['a token that would break the header', '{"h": {"token": "s3cret\\r\\nx: y"}}'],
    ['a colon in the user’s name', '{"h": {"username": "s3cret:", "password": "s3cret"}}'],
    ['a number', '{"h": 7}'],
  ] as Array<[string, string]>) {
    it(`with ${what} are refused, without telling them`, () => {
      const parsed = parseUriCredentials(text);
      assert.ok('error' in parsed);
      assert.doesNotMatch(parsed.error, /s3cret/);
    });
  }
});
