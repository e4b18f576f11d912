import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAptSources, proxyEnvironment, releaseSource } from '../../../images/apt-sources.ts';

describe('sources of apt', () => {
  it('are read from lines, with options and comments', () => {
    const text = [
      '# deb http://commented.example/debian bookworm main',
      'deb-src http://sources.example/debian bookworm main',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://mirror.example/debian bookworm main contrib # note',
      'deb http://mirror.example/debian bookworm-updates main',
    ].join('\n');
    assert.deepEqual(parseAptSources(text, 'list'), [
      {
        uri: 'http://mirror.example/debian',
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        signedBy: '/usr/share/keyrings/a.gpg',
      },
      { uri: 'http://mirror.example/debian', suites: ['bookworm-updates'], components: ['main'] },
    ]);
  });

  it('are read from stanzas, with several addresses, comments and continued lines', () => {
    const text = [
      'Types: deb deb-src',
      '# a comment',
      'URIs: http://one.example/debian http://two.example/debian',
      'Suites: bookworm',
      ' bookworm-updates',
      'Components: main',
      'Signed-By: /usr/share/keyrings/a.gpg',
      '',
      'Enabled: no',
      'Types: deb',
      'URIs: http://off.example/debian',
      'Suites: bookworm',
      'Components: main',
    ].join('\n');
    const common = {
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main'],
      signedBy: '/usr/share/keyrings/a.gpg',
    };
    assert.deepEqual(parseAptSources(text, 'sources'), [
      { uri: 'http://one.example/debian', ...common },
      { uri: 'http://two.example/debian', ...common },
    ]);
  });

  it('leave out a key that is written in the stanza itself', () => {
    const text = 'Types: deb\nURIs: http://a.example/\nSuites: x\nComponents: main\nSigned-By:\n -----BEGIN\n .\n xyz';
    assert.equal(parseAptSources(text, 'sources')[0]?.signedBy, undefined);
  });

  it('yield the one that holds the release itself', () => {
    const sources = parseAptSources(
      [
        'deb http://packages.example/tool bookworm stable',
        'deb http://a.example/debian-security bookworm-security main',
        'deb cdrom:[Debian]/ bookworm main',
        'deb http://a.example/debian bookworm main',
      ].join('\n'),
      'list',
    );
    assert.equal(releaseSource(sources, 'bookworm')?.uri, 'http://a.example/debian');
    assert.equal(releaseSource(sources, 'trixie'), undefined);
  });
});

describe('the proxy of apt', () => {
  const config = [
    'Acquire "";',
    'Acquire::http::Proxy "http://proxy.example:3128/";',
    'Acquire::http::Proxy::mirror.example "DIRECT";',
  ].join('\n');

  it('is passed on, except for hosts that are reached directly', () => {
    assert.deepEqual(proxyEnvironment(config, 'http://a.example/debian'), { http_proxy: 'http://proxy.example:3128/' });
    assert.deepEqual(proxyEnvironment(config, 'http://mirror.example/debian'), {});
    assert.deepEqual(proxyEnvironment(config, 'https://a.example/debian'), {
      https_proxy: 'http://proxy.example:3128/',
    });
  });

  it('is none where apt has none, or needs none', () => {
    assert.deepEqual(proxyEnvironment('', 'http://a.example/debian'), {});
    assert.deepEqual(proxyEnvironment(config, 'file:/srv/debian'), {});
  });
});
