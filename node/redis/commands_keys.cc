// Keys as a whole: what holds one value of each kind at most is one key to Redis.
#include <algorithm>
#include <unordered_set>

#include "node/redis/call.h"
#include "node/redis/chunks.h"
#include "node/redis/command_table.h"
#include "node/redis/commands.h"
#include "node/redis/field_counters.h"
#include "node/redis/glob.h"
#include "node/redis/limits.h"
#include "node/redis/values.h"

namespace kith::redis {

namespace {

// Adds writes that take away all that this node shows under `key`.  Whether there was anything.
bool remove_key(Call& call, std::string_view key, std::size_t& cells) {
  bool existed = false;
  const auto removed = [&] {
    existed = true;
    if (++cells <= kRemovedCellsMax) return true;
    call.fail("ERR more than " + std::to_string(kRemovedCellsMax) +
              " elements would have to be removed, the limit of one command: remove them in parts, with SSCAN and SREM or HSCAN and HDEL");
    return false;
  };
  if (call.reads.text(key)) {
    call.write(ClientOp::kDel, key);
    removed();
  }
  if (call.reads.counted(key) != 0) {
    take_out_counter(call, key);
    removed();
  }
  if (call.reads.count(key, Kind::kSet) > 0) {
    Chunks chunks(call, ClientOp::kSrem, key);
    call.reads.each_member(key, [&](std::string& member) {
      chunks.add(member);
      return removed();
    });
  }
  if (!call.failed() && call.reads.count(key, Kind::kHash) > 0) {
    Chunks chunks(call, ClientOp::kHdel, key);
    call.reads.each_field(key, [&](std::string& field, std::string&) {
      chunks.add(field);
      return removed();
    });
  }
  if (!call.failed()) {
    call.reads.each_counted_field(key, [&](std::string& field, std::int64_t counted) {
      Request& write = call.write(ClientOp::kIncr, field_counter(call.reads.services().table, key, field));
      write.table = kFieldTable;
      write.amount = opposite(counted);
      return removed();
    });
  }
  return existed;
}

struct KeyTtl {
  bool exists = false;
  bool lasts = false;    // Some part of it does not expire.
  std::int64_t ms = 0;   // Else: until the last part is gone.
};

KeyTtl ttl_of(Call& call, std::string_view key) {
  KeyTtl out;
  const auto part = [&](const std::optional<std::int64_t>& ms) {
    out.exists = true;
    if (!ms) out.lasts = true;
    out.ms = std::max(out.ms, ms.value_or(0));
    return !out.lasts;
  };
  const StringParts string = call.reads.string(key);
  if (string.text) part(string.ttl_ms);
  if (string.counted != 0 || call.reads.count(key, Kind::kSet) > 0 || call.reads.any_field_counted(key)) part(std::nullopt);
  if (!out.lasts && call.reads.count(key, Kind::kHash) > 0) {
    call.reads.each_field(key, [&](std::string& field, std::string&) {
      const Reads::Ttl ttl = call.reads.field_ttl(key, field);
      return !ttl.exists || part(ttl.ms);
    });
  }
  return out;
}

void answer_ttl(Call& call, std::int64_t divisor) {
  const KeyTtl ttl = ttl_of(call, call.argument(1));
  if (call.reads_failed()) return;
  if (!ttl.exists) return call.out.integer(-2);
  if (ttl.lasts) return call.out.integer(-1);
  call.out.integer((ttl.ms + divisor / 2) / divisor);
}

void expire(Call& call, std::int64_t factor, bool absolute) {
  auto time = call.integer(2);
  if (!time) return;
  if (call.count() > 3) {
    const std::string_view option = call.argument(3);
    const bool known = same_word(option, "nx") || same_word(option, "xx") || same_word(option, "gt") || same_word(option, "lt");
    if (!known) return call.fail("ERR Unsupported option " + std::string(option));
    return call.fail("ERR " + std::string(call.spec.name) + " with " + std::string(option) +
                     " depends on a time that another node may be changing, and nodes do not wait for each other: read it with TTL and decide");
  }
  std::int64_t ms = 0;
  if (__builtin_mul_overflow(*time, factor, &ms) || (absolute && __builtin_sub_overflow(ms, call.reads.now_ms(), &ms))) {
    return call.fail("ERR invalid expire time in '" + std::string(call.spec.name) + "' command");
  }
  const std::string_view key = call.argument(1);
  if (ms <= 0) {
    std::size_t cells = 0;
    const bool existed = remove_key(call, key, cells);
    if (!call.failed() && !call.reads_failed()) call.out.integer(existed ? 1 : 0);
    return;
  }
  if (call.reads.counted(key) != 0 || call.reads.count(key, Kind::kSet) > 0 || call.reads.any_field_counted(key)) {
    if (call.reads_failed()) return;
    return call.fail("ERR sets and counters do not expire in Kith, only strings and the fields of hashes; nothing was changed");
  }
  const bool text = call.reads.text(key).has_value();
  if (text) call.write(ClientOp::kExpire, key).ttl_ms = ms;
  if (call.reads.count(key, Kind::kHash) > 0) {
    Chunks chunks(call, ClientOp::kExpire, key, ms);
    call.reads.each_field(key, [&](std::string& field, std::string&) {
      chunks.add(field);
      return true;
    });
  }
  if (call.reads_failed()) return;
  if (call.writes.empty()) return call.out.integer(0);
  call.answer = Answer::kOneOrNone;
}

}  // namespace

void do_del(Call& call) {
  std::unordered_set<std::string_view> seen;
  std::size_t cells = 0;
  std::int64_t existed = 0;
  for (std::size_t i = 1; i < call.count(); ++i) {
    if (!seen.insert(call.argument(i)).second) continue;
    if (remove_key(call, call.argument(i), cells)) ++existed;
    if (call.failed() || call.reads_failed()) return;
  }
  call.out.integer(existed);
}

void do_exists(Call& call) {
  std::int64_t existing = 0;
  for (std::size_t i = 1; i < call.count(); ++i) existing += call.reads.exists(call.argument(i)) ? 1 : 0;
  if (!call.reads_failed()) call.out.integer(existing);
}

void do_type(Call& call) {
  const std::string_view type = call.reads.type(call.argument(1));
  if (!call.reads_failed()) call.out.simple(type);
}

void do_ttl(Call& call) { answer_ttl(call, 1000); }
void do_pttl(Call& call) { answer_ttl(call, 1); }

void do_expire(Call& call) { expire(call, 1000, false); }
void do_pexpire(Call& call) { expire(call, 1, false); }
void do_expireat(Call& call) { expire(call, 1000, true); }
void do_pexpireat(Call& call) { expire(call, 1, true); }

void do_persist(Call& call) {
  const std::string_view key = call.argument(1);
  if (call.reads.string(key).ttl_ms) call.write(ClientOp::kPersist, key);
  if (call.reads.count(key, Kind::kHash) > 0) {
    Chunks chunks(call, ClientOp::kPersist, key);
    call.reads.each_field(key, [&](std::string& field, std::string&) {
      if (call.reads.field_ttl(key, field).ms) chunks.add(field);
      return true;
    });
  }
  if (call.reads_failed()) return;
  if (call.writes.empty()) return call.out.integer(0);
  call.answer = Answer::kOneOrNone;
}

void do_keys(Call& call) {
  const std::string_view pattern = call.argument(1);
  const std::string prefix = glob_prefix(pattern);
  if (prefix.size() > kKeyBytesMax) return call.out.array(0);  // No key is that long.
  Gathered found(call);
  std::uint64_t steps = 0, looked_at = 0;
  std::string after;
  do {
    Reads::Keys page = call.reads.keys(prefix, after, 0);
    looked_at += page.keys.size();
    for (Reads::Key& key : page.keys) {
      if (glob_matches(pattern, key.name, steps) && !found.add(std::move(key.name), "go through them with SCAN")) return;
    }
    if (steps > kGlobStepsMax || looked_at > kKeysLookedAtMax) {
      return call.fail("ERR too much work for one command, which keeps other clients waiting: go through the keys with SCAN");
    }
    after = std::move(page.next);
  } while (!after.empty() && !call.reads.failed());
  if (!call.reads_failed()) found.answer_array();
}

void do_scan(Call& call) {
  const auto options = take_scan_options(call, 1, "");
  if (!options) return;
  const std::string prefix = glob_prefix(options->pattern);
  Reads::Keys page;
  if (prefix.size() <= kKeyBytesMax) page = call.reads.keys(prefix, options->position, options->count);
  if (call.reads_failed()) return;
  std::vector<const Reads::Key*> found;
  std::uint64_t steps = 0;
  for (const Reads::Key& key : page.keys) {
    if ((options->type.empty() || options->type == key.type) && options->matches(key.name, steps)) found.push_back(&key);
  }
  answer_scan(call, *options, page.next, found.size());
  for (const Reads::Key* key : found) call.out.bulk(key->name);
}

void do_dbsize(Call& call) {
  const std::uint64_t count = call.reads.key_count(true);
  if (!call.reads_failed()) call.out.integer(static_cast<std::int64_t>(count));
}

}  // namespace kith::redis
