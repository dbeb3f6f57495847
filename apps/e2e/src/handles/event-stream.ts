export type Frame = { readonly id: string; readonly event: string; readonly data: string };

/** A stream of a turn's events as a client of REST reads it; `ended` settles at its end or when it breaks. */
export async function openEvents(url: string, turnId: string, lastEventId?: string): Promise<{ status: number; frames: () => Frame[]; ended: Promise<void> }> {
  const response = await fetch(`${url}/jobs/${turnId}/events`, { headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId } });
  let text = '';
  const read = async () => {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString();
  };
  return { status: response.status, frames: () => framesOf(text.slice(0, text.lastIndexOf('\n\n') + 2)), ended: read().catch(() => undefined) };
}

function framesOf(text: string): Frame[] {
  return [...text.matchAll(/^id: (.*)\nevent: (.*)\ndata: (.*)\n\n/gm)].map(([, id = '', event = '', data = '']) => ({ id, event, data }));
}
