// Runs imapflow, as it is. Standard input: where to connect to, what to do and with which messages, as JSON.
// Standard output: what the library said, as JSON; a line `idle` when it idles.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ImapFlow } from 'imapflow';

const place = JSON.parse(readFileSync(0));
const messages = place.messages.map(message => Buffer.from(message, 'base64'));
const date = new Date('2021-03-28T00:59:59Z');

const client = new ImapFlow({
    host: place.host,
    port: place.port,
    secure: place.tls,
    doSTARTTLS: false,
    tls: { ca: [readFileSync(place.certificate)] },
    auth: { user: place.user, pass: place.user },
    // Compressed, what is said could not be compared; over TLS it is not looked at.
    disableCompression: !place.tls,
    logger: false
});

const digest = data => createHash('sha256').update(data).digest('hex');

async function work() {
    const said = [];
    said.push((await client.list()).map(({ path, flags, specialUse, subscribed }) => [path, [...flags].sort(), specialUse, subscribed]));
    await client.mailboxCreate('Größe & Maß');
    await client.mailboxCreate('Archive');
    await client.mailboxSubscribe('Archive');
    for (const [number, message] of messages.entries()) {
        const { uid, seq } = await client.append('Archive', message, number % 2 ? ['\\Seen', '$Label1'] : [], date);
        said.push([uid, seq]);
    }
    said.push(await client.status('Archive', { messages: true, unseen: true, uidNext: true }));
    const { exists, uidNext, flags } = await client.mailboxOpen('INBOX');
    said.push([exists, uidNext, [...flags].sort()]);
    const query = { uid: true, flags: true, envelope: true, bodyStructure: true, internalDate: true, size: true, source: true };
    for (const { source, flags, ...rest } of await client.fetchAll('1:*', query)) {
        said.push({ ...rest, flags: [...flags].sort(), source: source && digest(source), id: undefined, emailId: undefined });
    }
    const { content } = await client.download('5', '2');
    const parts = [];
    for await (const part of content) parts.push(part);
    said.push(digest(Buffer.concat(parts)));
    said.push(await client.search({ subject: 'tricky' }, { uid: true }));
    said.push(await client.search({ body: 'Größe', seen: false }));
    said.push(await client.messageFlagsAdd('1:2', ['\\Flagged']));
    said.push(await client.messageFlagsSet('3', ['$Label2']));
    said.push(await client.messageFlagsRemove('4', ['\\Seen']));
    said.push([...(await client.messageCopy('5:7', 'Archive')).uidMap]);
    said.push([...(await client.messageMove('8:9', 'Größe & Maß')).uidMap]);
    said.push(await client.messageDelete('10:11'));
    said.push(await idle());
    said.push((await client.fetchAll('1:*', { flags: true })).map(({ seq, flags }) => [seq, [...flags].sort()]));
    await client.mailboxClose();
    await client.mailboxRename('Archive', 'Archive 2021');
    said.push((await client.list()).map(({ path }) => path));
    await client.mailboxDelete('Größe & Maß');
    return said;
}

// What is told while the client idles and a message arrives.
async function idle() {
    const told = new Promise(resolve => client.once('exists', ({ path, count, prevCount }) => resolve([path, count, prevCount])));
    const idling = client.idle();
    console.log('idle');
    const answer = await told;
    await client.noop();  // ends IDLE
    await idling;
    return answer;
}

async function execute(...words) {
    const output = [];
    const untagged = {
        EXECUTE: async response => {
            // (TAG "n") (STDOUT literal)
            output.push(response.attributes[1][1].value);
        }
    };
    const attributes = words.map(value => ({ type: 'ATOM', value }));
    const response = await client.exec('EXECUTE', attributes, { untagged });
    response.next();
    return [output.join(''), response.response.attributes[0].section.map(atom => atom.value)];
}

async function executeBesideMail() {
    await client.mailboxOpen('INBOX');
    await client.append('INBOX', messages[0], [], date);
    const said = [await execute('blacklist', 'add', 'joe@smith.com'), await execute('blacklist', 'list')];
    said.push(await client.search({ all: true }));
    return said;
}

await client.connect();
const said = await (place.execute ? executeBesideMail() : work());
await client.logout();
console.log(JSON.stringify(said, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
