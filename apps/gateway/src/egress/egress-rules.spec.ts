import { describe, expect, it } from '@jest/globals';
import { gatewayConfig } from '../gateway.fixture.js';
import { EgressGrants } from './egress-grants.js';

const rules = (value: string) => gatewayConfig({ EGRESS_ALLOW: value }).EGRESS_ALLOW;

describe('EGRESS_ALLOW', () => {
  it('names hosts, ports, addresses, and all below a name', () => {
    expect(rules('Packages.example.org, git.example.org:8443,*.example.net:443,db.corp:5432=10.1.2.3,10.9.9.9,[::1]:3000,')).toEqual([
      { name: 'packages.example.org', address: undefined },
      { name: 'git.example.org:8443', address: undefined },
      { name: '*.example.net', address: undefined },
      { name: 'db.corp:5432', address: '10.1.2.3' },
      { name: '10.9.9.9', address: '10.9.9.9' },
      { name: '[::1]:3000', address: '::1' },
    ]);
    expect(rules('')).toEqual([]);
  });

  it.each(['https://a.org', 'a.org/x', 'u@a.org', '*', '*.', 'a.*.org', '*.3.4', '*.a.org=10.1.2.3', 'a b', 'a.org:0', 'a.org:99999', 'a.org=elsewhere', '-x'])('refuses %s', (value) => {
    expect(() => rules(value)).toThrow(/EGRESS_ALLOW/);
  });
});

describe('an agent reaches', () => {
  const grants = new EgressGrants(gatewayConfig({ EGRESS_ALLOW: 'a.org,*.b.org,c.org:8443', EGRESS_ALLOW_ON_REQUEST: '*.wish.org,d.org=10.1.2.3' }));
  grants.wish('wishing', ['x.wish.org:443', 'd.org', 'e.org', 'a.org']);
  const reached = (key: string, ...targets: string[]) => targets.filter((target) => grants.find(key, target) !== undefined);

  it('what all may, by exact name and port, or below a name', () => {
    expect(reached('other', 'a.org', 'x.b.org', 'y.x.b.org', 'c.org:8443')).toHaveLength(4);
    expect(reached('other', 'a.org:80', 'b.org', 'xb.org', 'x.b.org:8443', 'c.org', 'a.org.evil.org', 'x.a.org')).toEqual([]);
  });

  it('of what is granted on request, what its repository wishes for, and no other agent’s', () => {
    expect(reached('wishing', 'x.wish.org', 'd.org', 'y.wish.org', 'e.org', 'd.org:80')).toEqual(['x.wish.org', 'd.org']);
    expect(grants.find('wishing', 'd.org')).toEqual({ name: 'd.org', address: '10.1.2.3' });
    expect(reached('other', 'x.wish.org', 'd.org')).toEqual([]);
    expect(grants.view('wishing')).toEqual({ allowed: ['a.org', '*.b.org', 'c.org:8443'], granted: ['x.wish.org', 'd.org'], onRequest: ['*.wish.org', 'd.org'] });
    expect(grants.view('other').granted).toEqual([]);
  });
});
