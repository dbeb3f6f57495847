import { text } from 'node:stream/consumers';
import { RefreshRequest } from './refresh.contract.js';
import { refreshAuthFile } from './refresh-auth-file.js';

// A process of its own, so that the death of the gateway does not lose a refresh token that is on its way. Nobody may be
// listening any more when it has finished: what counts is in the file.
process.stdout.on('error', () => undefined);
const outcome = await refreshAuthFile(RefreshRequest.parse(JSON.parse(await text(process.stdin))));
process.stdout.write(JSON.stringify(outcome));
