// What ioredis and node-redis do, each in its majors: node clients.mjs CLIENT PORT MODULES [COMMAND ARGUMENT...]
// With a command: sends that alone and prints the answer as JSON.  Else: everything below, and prints "done".
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [client, port, modules, ...command] = process.argv.slice(2);
const require = createRequire(modules + '/');

// Both as one: call(words) -> answer.
async function connect() {
  if (client.startsWith('ioredis')) {
    const { Redis } = require(client);
    const redis = new Redis({ host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: 1, retryStrategy: () => null });
    await new Promise((resolve, reject) => redis.once('ready', resolve).once('error', reject));
    return { redis, call: (...words) => redis.call(...words), close: () => redis.quit() };
  }
  const [module, protocol] = client.split('/');  // "redis-6/3"
  const { createClient } = require(module);
  const redis = createClient({ socket: { host: '127.0.0.1', port: Number(port), reconnectStrategy: false }, RESP: Number(protocol), name: 'kith-test' });
  redis.on('error', (error) => { throw error; });
  await redis.connect();
  return { redis, call: (...words) => redis.sendCommand(words), close: () => redis.close() };
}

async function words({ call }) {
  assert.equal(await call('PING'), 'PONG');
  assert.equal(await call('SET', 'text', 'héllo\0'), 'OK');
  assert.equal(await call('GET', 'text'), 'héllo\0');
  assert.equal(await call('GET', 'nothing'), null);
  assert.equal(await call('INCRBY', 'n', '41'), 41);
  assert.equal(await call('INCR', 'n'), 42);
  assert.equal(await call('GET', 'n'), '42');
  assert.equal(await call('SADD', 's', 'a', 'b', 'c'), 3);
  assert.deepEqual([...await call('SMEMBERS', 's')].sort(), ['a', 'b', 'c']);
  await assert.rejects(call('SETNX', 'text', 'x'), /one order of writes/);
  await assert.rejects(call('NONSENSE'), /unknown command/);
}

async function ioredis({ redis }) {
  assert.deepEqual(await redis.hset('h', { f: '1', g: '2' }), 2);
  assert.deepEqual({ ...await redis.hgetall('h') }, { f: '1', g: '2' });
  assert.equal(await redis.set('e', 'v', 'EX', 100), 'OK');
  assert.equal(await redis.ttl('e'), 100);
  const transaction = await redis.multi().incr('m').sadd('s', 'd').get('m').exec();
  assert.deepEqual(transaction, [[null, 1], [null, 1], [null, '1']]);
  const pipeline = redis.pipeline();
  for (let i = 0; i < 1000; ++i) pipeline.set(`p:${i}`, String(i));
  assert.equal((await pipeline.exec()).filter(([error, reply]) => error === null && reply === 'OK').length, 1000);
  const found = new Set();
  for await (const keys of redis.scanStream({ match: 'p:*', count: 100 })) keys.forEach((key) => found.add(key));
  assert.equal(found.size, 1000);
  assert.equal(await redis.del([...found]), 1000);
}

async function nodeRedis({ redis }) {
  assert.equal(await redis.hSet('h', { f: '1', g: '2' }), 2);
  assert.deepEqual({ ...await redis.hGetAll('h') }, { f: '1', g: '2' });
  assert.equal(await redis.set('e', 'v', { EX: 100 }), 'OK');
  assert.equal(await redis.ttl('e'), 100);
  assert.deepEqual(await redis.multi().incr('m').sAdd('s', 'd').get('m').exec(), [1, 1, '1']);
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => redis.set(`p:${i}`, String(i))));
  assert.equal(replies.filter((reply) => reply === 'OK').length, 1000);
  const found = new Set();
  for await (const keys of redis.scanIterator({ MATCH: 'p:*', COUNT: 100 })) [keys].flat().forEach((key) => found.add(key));
  assert.equal(found.size, 1000);
  assert.equal(await redis.del([...found]), 1000);
  assert.equal(await redis.sIsMember('s', 'd'), 1);
  assert.equal(await redis.sCard('s'), 4);
}

// A second connection that is told what the first one writes.
async function ioredisEvents({ redis }) {
  const listener = redis.duplicate();
  const told = new Promise((resolve) => listener.on('pmessage', (pattern, channel, message) => resolve([pattern, channel, message])));
  assert.equal(await listener.psubscribe('__keyspace@0__:ev:*'), 1);
  assert.equal(await redis.hincrby('ev:1', 'f', 2), 2);
  assert.deepEqual(await told, ['__keyspace@0__:ev:*', '__keyspace@0__:ev:1', 'hincrby']);
  await assert.rejects(listener.subscribe('news'), /carries no messages between clients/);
  await listener.quit();
}

async function nodeRedisEvents({ redis }) {
  const listener = redis.duplicate();
  listener.on('error', (error) => { throw error; });
  await listener.connect();
  let resolve;
  const told = new Promise((done) => { resolve = done; });
  await listener.pSubscribe('__keyspace@0__:ev:*', (message, channel) => resolve([channel, message]));
  assert.equal(await redis.hIncrBy('ev:1', 'f', 2), 2);
  assert.deepEqual(await told, ['__keyspace@0__:ev:1', 'hincrby']);
  await listener.pUnsubscribe('__keyspace@0__:ev:*');
  await listener.close();
}

const connection = await connect();
if (command.length > 0) {
  console.log(JSON.stringify(await connection.call(...command)));
} else {
  await words(connection);
  await (client.startsWith('ioredis') ? ioredis : nodeRedis)(connection);
  await (client.startsWith('ioredis') ? ioredisEvents : nodeRedisEvents)(connection);
  console.log('done');
}
await connection.close();
