// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedFor, checkNode, staleDependencies } from './prepare.js';

const zod = { version: '4.6.7', integrity: 'sha512-a' };
const foreign = { version: '1.0.0', integrity: 'sha512-b', optional: true };
const lock = { packages: { '': {}, 'libs/config': {}, 'node_modules/zod': zod, 'node_modules/swc-darwin': foreign } };

/** @param {Record<string, object>} packages */
const tree = (packages) => ({ packages });

test('node_modules that holds the lockfile, less other platforms, is up to date', () => {
  assert.equal(staleDependencies(lock, tree({ 'node_modules/zod': zod })), undefined);
  assert.equal(staleDependencies(lock, tree({ 'node_modules/zod': zod, 'node_modules/swc-darwin': foreign })), undefined);
});

test('node_modules that differs from the lockfile is stale, and the reason is told', () => {
  assert.match(staleDependencies(lock, undefined) ?? '', /node_modules is missing or incomplete/);
  assert.match(staleDependencies(lock, tree({})) ?? '', /zod is missing/);
  assert.match(staleDependencies(lock, tree({ 'node_modules/zod': { ...zod, version: '4.6.6' } })) ?? '', /zod is not what/);
  assert.match(staleDependencies(lock, tree({ 'node_modules/zod': { ...zod, integrity: 'sha512-c' } })) ?? '', /zod is not what/);
  assert.match(staleDependencies(lock, tree({ 'node_modules/zod': zod, 'node_modules/old': zod })) ?? '', /old is no longer in/);
});

test('a Node older than package.json asks for is refused by name', () => {
  for (const version of ['18.20.4', '20.18.3', '20.9.0']) assert.throws(() => checkNode(version), /too old: install Node 20\.19 or later/);
  for (const version of ['20.19.0', '20.20.2', '22.1.0', '24.0.0']) assert.doesNotThrow(() => checkNode(version));
});

test('of the images for languages, those are built that are asked for', () => {
  assert.deepEqual(askedFor(undefined), []);
  assert.deepEqual(askedFor('python, java=registry.example.org/java:1'), ['python']);
  assert.deepEqual(askedFor('node=registry.example.org/node:1'), []);
});
