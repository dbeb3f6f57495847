import { afterAll, expect, test } from '@jest/globals';
import Docker from 'dockerode';
import { randomUUID } from 'node:crypto';
import { describeWithDocker, engineSweep } from './docker.fixture.js';

describeWithDocker('engineSweep', () => {
  const docker = new Docker();
  const label = `codex-mcp.test=${randomUUID()}`;
  const Labels = { 'codex-mcp.test': label.split('=')[1] ?? '' };

  afterAll(async () => {
    await engineSweep(label, docker);
  });

  test('refuses an empty label, which would mean everything', async () => {
    await expect(engineSweep(' ', docker)).rejects.toThrow('needs a label');
  });

  test('removes the volumes and networks of a label and no others', async () => {
    const other = await docker.createVolume({ Labels: { 'codex-mcp.test': randomUUID() } });
    try {
      await docker.createVolume({ Labels });
      await docker.createNetwork({ Name: `sweep-${randomUUID()}`, Internal: true, Labels });
      expect(await engineSweep(label, docker)).toEqual({ containers: 0, volumes: 1, networks: 1 });
      expect(await engineSweep(label, docker)).toEqual({ containers: 0, volumes: 0, networks: 0 });
      await docker.getVolume(other.name).inspect();
    } finally {
      await docker.getVolume(other.name).remove();
    }
  });
});
