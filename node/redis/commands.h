// node/redis/commands.h -- the commands themselves, by group: each carries out one Call whose arity fits.
//
// What they mean, and where Kith differs from Redis: docs/REDIS.md
#pragma once

namespace kith::redis {

struct Call;

// ---- commands_strings.cc
void do_get(Call& call);
void do_set(Call& call);
void do_setex(Call& call);
void do_psetex(Call& call);
void do_getdel(Call& call);
void do_mget(Call& call);
void do_mset(Call& call);
void do_strlen(Call& call);
void do_incr(Call& call);
void do_incrby(Call& call);
void do_decr(Call& call);
void do_decrby(Call& call);

// ---- commands_sets.cc
void do_sadd(Call& call);
void do_srem(Call& call);
void do_smembers(Call& call);
void do_sismember(Call& call);
void do_smismember(Call& call);
void do_scard(Call& call);
void do_sscan(Call& call);
void do_sinter(Call& call);
void do_sunion(Call& call);
void do_sdiff(Call& call);
void do_srandmember(Call& call);

// ---- commands_hashes.cc
void do_hset(Call& call);
void do_hmset(Call& call);
void do_hget(Call& call);
void do_hmget(Call& call);
void do_hgetall(Call& call);
void do_hkeys(Call& call);
void do_hvals(Call& call);
void do_hdel(Call& call);
void do_hincrby(Call& call);
void do_hlen(Call& call);
void do_hexists(Call& call);
void do_hstrlen(Call& call);
void do_hscan(Call& call);

// ---- commands_keys.cc
void do_del(Call& call);
void do_exists(Call& call);
void do_type(Call& call);
void do_ttl(Call& call);
void do_pttl(Call& call);
void do_expire(Call& call);
void do_pexpire(Call& call);
void do_expireat(Call& call);
void do_pexpireat(Call& call);
void do_persist(Call& call);
void do_keys(Call& call);
void do_scan(Call& call);
void do_dbsize(Call& call);

// ---- commands_server.cc
void do_ping(Call& call);
void do_echo(Call& call);
void do_time(Call& call);
void do_command(Call& call);
void do_config(Call& call);
void do_info(Call& call);
void do_client(Call& call);
void do_select(Call& call);
void do_refused(Call& call);
void do_unwatch(Call& call);

}  // namespace kith::redis
