// @ts-check
// What a test's result depends on outside of the repository, as an input of Nx's cache:
// a run that skipped for want of Docker is not repeated from the cache once Docker answers.
import { realpathSync, statSync } from 'node:fs';
import { onPath } from './child.js';
import { engineAnswers } from './docker.js';

const redis = onPath('redis-server');
const redisBuild = redis && statSync(realpathSync(redis)).size;
console.log(JSON.stringify({ node: process.version, platform: process.platform, arch: process.arch, docker: await engineAnswers(), redisBuild }));
