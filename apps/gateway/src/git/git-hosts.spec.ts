import { describe, expect, it } from '@jest/globals';
import { gatewayConfig } from '../gateway.fixture.js';
import { isPublic } from '../addresses/address-guard.js';
import { gitRoute } from './git-route.js';

const hosts = (value: string) => [...gatewayConfig({ GIT_HOSTS: value }).GIT_HOSTS.values()];

describe('GIT_HOSTS', () => {
  it('names hosts, ports and addresses', () => {
    expect(hosts('GitHub.com, git.example.org:8443,git.corp=10.1.2.3,10.9.9.9,127.0.0.1:3000,[::1]:3000,')).toEqual([
      { name: 'github.com', origin: 'https://github.com', address: undefined },
      { name: 'git.example.org:8443', origin: 'https://git.example.org:8443', address: undefined },
      { name: 'git.corp', origin: 'https://git.corp', address: '10.1.2.3' },
      { name: '10.9.9.9', origin: 'https://10.9.9.9', address: '10.9.9.9' },
      { name: '127.0.0.1:3000', origin: 'http://127.0.0.1:3000', address: '127.0.0.1' },
      { name: '[::1]:3000', origin: 'http://[::1]:3000', address: '::1' },
    ]);
    expect(hosts('')).toEqual([]);
  });

  it.each(['https://github.com', 'github.com/user', 'user@github.com', '*', '*.github.com', 'a b', 'host:99999', 'host=elsewhere', '-x'])('refuses %s', (value) => {
    expect(() => hosts(value)).toThrow(/GIT_HOSTS/);
  });
});

describe('a request for git', () => {
  it.each([
    ['GET', '/git/github.com/user/project.git/info/refs?service=git-upload-pack', { host: 'github.com', repository: '/user/project.git', service: 'git-upload-pack', path: '/user/project.git/info/refs?service=git-upload-pack' }],
    ['POST', '/git/GitHub.com:443/a/b/git-receive-pack', { host: 'github.com:443', repository: '/a/b', service: 'git-receive-pack', path: '/a/b/git-receive-pack' }],
  ])('%s %s is one', (method, url, route) => {
    expect(gitRoute(method, url)).toEqual({ ...route, method });
  });

  it.each([
    ['GET', '/git/github.com/a/info/refs'],
    ['GET', '/git/github.com/a/info/refs?service=git-upload-archive'],
    ['GET', '/git/github.com/a/info/refs?service=git-upload-pack&x=y'],
    ['GET', '/git/github.com/a/git-upload-pack'],
    ['POST', '/git/github.com/a/info/refs?service=git-upload-pack'],
    ['GET', '/git/github.com/a/HEAD'],
    ['GET', '/git/github.com/info/refs?service=git-upload-pack'],
    ['POST', '/git/github.com/a/../b/git-upload-pack'],
    ['POST', '/git/github.com/./b/git-upload-pack'],
    ['POST', '/git/github.com/%2e%2e/b/git-upload-pack'],
    ['POST', '/git/github.com/a%2fb/git-upload-pack'],
    ['POST', '/git/github.com//a/git-upload-pack'],
    ['POST', '/git/github.com/a\\..\\b/git-upload-pack'],
    ['POST', '/git/github.com/a;b/git-upload-pack'],
    ['POST', '/git//a/b/git-upload-pack'],
    ['POST', `/git/github.com/${'a'.repeat(1100)}/git-upload-pack`],
  ])('%s %s is none', (method, url) => {
    expect(gitRoute(method, url)).toBeUndefined();
  });
});

describe('an address', () => {
  it.each(['140.82.121.3', '8.8.8.8', '2606:4700:4700::1111', '2001:4860:4860::8888', '2001:200::1', '2a00:1450:4001::1', '3ffe::1', '172.32.0.1', '100.63.255.255'])('%s is public', (address) => expect(isPublic(address)).toBe(true));

  it.each(['127.0.0.1', '0.0.0.0', '10.0.0.1', '100.64.0.1', '169.254.169.254', '172.31.255.255', '192.168.1.1', '224.0.0.1', '255.255.255.255', '::1', '::', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::7f00:1', '64:ff9b::a00:1', '64:ff9b::8.8.8.8', '64:ff9b:1::1', '::ffff:0:10.0.0.1', '::ffff:0:8.8.8.8', '100::1', '2001::1', '2001:1ff::1', '2001:db8::1', '2002:a00:1::', '2002:808:808::1', '3fff::1', '3fff:fff::1', '1fff::1', '4000::1', '5f00::1', 'fc00::1', 'fd00::1', 'fe80::1', 'fe80::1%lo', 'fec0::1', 'ff02::1'])('%s is not', (address) =>
    expect(isPublic(address)).toBe(false),
  );
});
